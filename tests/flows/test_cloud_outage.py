"""PostgreSQL dies and comes back: the cloud says 503 meanwhile, leaves nothing half done, and goes on by itself."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.options import ORDER, Options, free_ports
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.db.bootstrap import SERVICES, bootstrap
from support.cloud import TOKEN_KEY, log_in
from support.polling import until


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="stackwire-test-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder)
    server.start()
    yield server
    server.remove()
    shutil.rmtree(folder, ignore_errors=True)


async def test_a_database_that_is_killed_costs_a_503_and_nothing_more(server: EmbeddedPostgres, tmp_path: Path) -> None:
    await bootstrap(server.dsn())
    options = Options(data_dir=tmp_path, ports=free_ports(ORDER))
    cloud = Cloud(options, database_urls={name: server.dsn(name) for name in SERVICES}, token_key=TOKEN_KEY)
    await cloud.start(("identity", "volume"))
    path = "/v3/{project_id}/volumes"
    async with aiohttp.ClientSession() as session:
        demo = await log_in(session, cloud.urls)
        first = (await demo.post("volume", path, json={"volume": {"size": 1}})).ok(202).json["volume"]["id"]

        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)

        async def status(path: str) -> int:
            return (await demo.get("volume", path)).status

        async def ended(volume: str, states: set[str]) -> bool:
            return (await demo.get("volume", f"{path}/{volume}")).json["volume"]["status"] in states

        async def refused() -> bool:  # the last backend has noticed
            return await status(path) != 200

        async def healthy() -> bool:
            return await status("/healthcheck") == 200

        await until(refused, 5)
        assert await status(path) == 503
        assert (await demo.get("volume", "/healthcheck")).status == 503
        await asyncio.to_thread(server.start)

        await until(healthy, 5)
        second = (await demo.post("volume", path, json={"volume": {"size": 1}})).ok(202).json["volume"]["id"]
        await until(lambda: ended(first, {"available", "error"}), 30)
        await until(lambda: ended(second, {"available"}), 30)
    await cloud.settle()
    await cloud.stop()
