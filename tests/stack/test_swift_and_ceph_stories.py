"""The image service with a store in Swift or in Ceph as a process of its own: killed amid an upload, or not started."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from stack.test_s3_stories import SERVICES, environment, started
from support.builders.images import a_queued_image, get_image
from support.ceph import Ceph
from support.cloud import TestCloud, log_in
from support.polling import until
from support.postgres import TestDatabase
from support.processes import Processes, own_vhost
from support.rabbitmq import TestRabbit
from support.stores import AnyStore

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]

MIB = 1024**2
DATA = bytes(range(251)) * 50000  # more than a segment, and than an object
FAR = {"Content-Type": "application/octet-stream", "x-image-meta-store": "far"}
QUICK = {"SWEEP_SECONDS": "0.5", "HEARTBEAT_SECONDS": "0.5", "LEASE_SECONDS": "2.0"}
NO_CLOUD = cast(TestCloud, None)
"""Swift and Ceph are asked what they have; the cloud is not."""


@pytest.fixture
async def processes(
    postgres: TestDatabase, rabbitmq: TestRabbit, any_store: AnyStore, tmp_path: Path
) -> AsyncIterator[Processes]:
    with own_vhost(rabbitmq) as url:
        processes = Processes(postgres, url, tmp_path, {**QUICK, **environment(any_store.of_image())})
        try:
            await asyncio.gather(*(processes.start(service) for service in SERVICES))
            yield processes
        finally:
            await processes.close()


@pytest.fixture
def dead_clients_are_forgotten_soon(any_store: AnyStore, request: pytest.FixtureRequest) -> Iterator[None]:
    """Of Ceph: an image that a client has open is not removed, and a client is dead after half a minute only."""
    if any_store.kind != "rbd":
        yield
        return
    ceph: Ceph = request.getfixturevalue("ceph")
    ceph.run("ceph", "config", "set", "osd", "osd_client_watch_timeout", "3")
    yield
    ceph.run("ceph", "config", "rm", "osd", "osd_client_watch_timeout")


@pytest.mark.usefixtures("dead_clients_are_forgotten_soon")
@pytest.mark.parametrize("any_store", ["swift", "rbd"], indirect=True)
async def test_an_upload_whose_process_was_killed_leaves_nothing_behind(
    processes: Processes, any_store: AnyStore
) -> None:
    async with aiohttp.ClientSession() as session:
        client = await log_in(session, processes.urls)
        image_id = await a_queued_image(client)
        path = f"/v2/images/{image_id}/file"

        async def some_and_silence() -> AsyncIterator[bytes]:
            for at in range(0, len(DATA), MIB):
                yield DATA[at : at + MIB]
            await asyncio.Event().wait()

        async def something_is_there() -> bool:
            return bool(await any_store.left(NO_CLOUD))

        async def all_is_cleared() -> bool:
            image = await get_image(client, image_id)
            return image["status"] == "queued" and not await any_store.left(NO_CLOUD)

        upload = asyncio.create_task(client.put("image", path, data=some_and_silence(), headers=FAR))
        await until(something_is_there)
        await processes.kill("image")
        await asyncio.gather(upload, return_exceptions=True)
        assert [name[:36] for name in await any_store.left(NO_CLOUD)][:1] == [image_id]
        await processes.start("image")
        await until(all_is_cleared, 60)
        (await client.put("image", path, data=DATA, headers=FAR)).ok(204)
        assert (await client.get("image", path)).ok(200).body == DATA
        (await client.delete("image", f"/v2/images/{image_id}")).ok(204)

        async def nothing_is_there() -> bool:
            return not await any_store.left(NO_CLOUD)

        await until(nothing_is_there, 30)  # in Ceph not while it is being read


@contextmanager
def hidden(tmp_path: Path, module: str, text: str) -> Iterator[None]:
    """A module that is found before the real one of that name."""
    folder = tmp_path / "hidden"
    folder.mkdir()
    (folder / f"{module}.py").write_text(text)
    yield


async def test_without_swifts_library_it_is_said_what_to_install(rabbitmq: TestRabbit, tmp_path: Path) -> None:
    settings = {"SWIFT_STORE_AUTH_ADDRESS": "http://a/v3", "SWIFT_STORE_USER": "p:u", "SWIFT_STORE_KEY": "hidden"}
    with hidden(tmp_path, "swiftclient", "raise ModuleNotFoundError(\"No module named 'swiftclient'\")\n"):
        code, said = await started(rabbitmq, tmp_path, ENABLED_BACKENDS="far:swift", **settings)
    assert code == 2
    assert "the store 'far' is of type swift, which comes with stackwire[swift]: No module named 'swiftclient'" in said


async def test_without_cephs_library_it_is_said_what_to_install(rabbitmq: TestRabbit, tmp_path: Path) -> None:
    """A Python for whose version the system's packages have no binding."""
    other = "import sysconfig\nsysconfig.get_config_vars()['EXT_SUFFIX'] = '.other.so'\n"
    with hidden(tmp_path, "sitecustomize", other):
        code, said = await started(rabbitmq, tmp_path, ENABLED_BACKENDS="far:rbd")
    assert code == 2
    assert "the store 'far' is of type rbd, which needs Ceph's python3-rbd: No module named 'rados'" in said
