"""glance-registry is killed between the steps of the v1 API: 503, nothing lost, and the same request succeeds later."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from stackwire.cloud.options import REGISTRY
from stackwire.db.bootstrap import create_database, drop_database
from support import invariants
from support.cloud import log_in
from support.polling import until
from support.postgres import TestDatabase, TestServer
from support.processes import CRASHED, Processes, own_vhost
from support.rabbitmq import TestRabbit
from support.retrying_client import DATA, RetryingClient, unique

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(180)]

QUICK = {"SWEEP_SECONDS": "0.5", "LEASE_SECONDS": "2.0", "HEARTBEAT_SECONDS": "0.5", "RELEASE": "mitaka"}
OCTETS = {"Content-Type": "application/octet-stream"}
MOMENTS = ("image.create", "image.prepare", "image.activate", "image.delete")
"""Of a life: registered, begun to upload, active, gone; each is a request to the registry, and a transaction of it."""


class OldCloud:
    """Identity, the image service and glance-registry of an old release, and the image service's tables."""

    def __init__(self, processes: Processes, client: RetryingClient, tables: asyncpg.Connection) -> None:
        self.processes = processes
        self.client = client
        self.tables = tables

    async def live(self, name: str) -> None:
        """Registers an image, uploads its data, reads and deletes it: each as often as it takes."""
        meta = {"disk_format": "raw", "container_format": "bare", "name": name, "property-team": "a"}
        headers = {f"x-image-meta-{key}": value for key, value in meta.items()}
        while not (found := (await self.client.get("image", f"/v1/images/detail?name={name}")).json["images"]):
            await self._try("POST", "/v1/images", headers=headers)
        (image,) = found
        path = f"/v1/images/{image['id']}"
        while (image := await self._at_rest(name))["status"] != "active":
            assert image["properties"] == {"team": "a"}
            await self._try("PUT", path, headers=OCTETS, data=DATA)
        assert (image["size"], image["checksum"]) == (len(DATA), hashlib.md5(DATA).hexdigest())
        assert (await self.client.get("image", path)).body == DATA
        while (await self.client.get("image", f"/v1/images/detail?name={name}")).json["images"]:
            await self._try("DELETE", path)

    async def _try(self, method: str, path: str, **sent: object) -> None:
        answer = await self.client.try_once(method, "image", path, **sent)
        assert answer is not None, "the API is not killed"
        assert answer.status in (200, 201, 404, 409, 503), (method, path, answer.status, answer.body)

    async def _at_rest(self, name: str) -> dict[str, Any]:
        async def at_rest() -> dict[str, Any]:
            (image,) = (await self.client.get("image", f"/v1/images/detail?name={name}")).json["images"]
            return dict(image) if image["status"] in ("queued", "active") else {}

        return await until(at_rest, 30.0, interval=0.1)


@pytest.fixture(scope="module")
async def old_cloud(
    postgres_server: TestServer, postgres_template: str, rabbitmq: TestRabbit, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OldCloud]:
    folder: Path = tmp_path_factory.mktemp("old")
    database = TestDatabase(postgres_server, f"{postgres_template}_old")
    await create_database(postgres_server.admin, database.name, template=postgres_template)
    tables = await asyncpg.connect(database.admin_url)
    with own_vhost(rabbitmq) as url:
        processes = Processes(database, url, folder, QUICK)
        try:
            await asyncio.gather(*(processes.start(service) for service in ("identity", "image", REGISTRY)))
            async with aiohttp.ClientSession() as session:
                client = RetryingClient(await log_in(session, processes.urls, "demo"))
                yield OldCloud(processes, client, tables)
        finally:
            try:
                await processes.close()
            finally:
                await tables.close()
    await drop_database(postgres_server.admin, database.name)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("place", ["before_commit", "after_commit"])
async def test_a_registry_that_dies_leaves_nothing_half_done(old_cloud: OldCloud, place: str, moment: str) -> None:
    name = unique("image")
    old_cloud.processes.set_failpoint(REGISTRY, f"{place}:{moment}")
    living = asyncio.create_task(old_cloud.live(name))
    try:
        async with asyncio.timeout(30.0):
            assert await old_cloud.processes.wait(REGISTRY) == CRASHED
    finally:
        old_cloud.processes.set_failpoint(REGISTRY, "")
        await old_cloud.processes.kill(REGISTRY)
        await old_cloud.processes.start(REGISTRY)
        await living
    await invariants.hold(old_cloud.tables, 15.0)
    root = old_cloud.processes.data_dir("image")

    def nothing_is_left() -> bool:
        return not [path for path in root.rglob("*") if path.is_file() and path.stat().st_size == len(DATA)]

    await until(nothing_is_left, 15.0, interval=0.1)
