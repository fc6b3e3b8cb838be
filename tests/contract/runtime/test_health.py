"""What those who watch a service are answered: ready, alive, metrics; and how it stops."""

import asyncio
import os
import re
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from stackwire.contracts.base import Cast, Target
from stackwire.core.context import RequestContext
from stackwire.core.settings import ServiceSettings
from stackwire.db.pool import Database
from stackwire.http.probes import Probes
from stackwire.messaging.memory import MemoryBroker, MemoryTransport
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.runtime.service import Service
from support.polling import until
from support.postgres import TestDatabase, migrations_of

CTX = RequestContext(user_id="u", project_id="p")
BOX = Target("boxes", "box")
JSON = {"Accept": "application/json"}


class Paint(Cast, target=BOX, method="paint"):
    box_id: str


class Watched:
    """A service whose one request and one cast take until ``go``."""

    def __init__(self, database: Database, folder: Path, **settings: object) -> None:
        self.go, self.painted, self.asked = asyncio.Event(), 0, 0
        self.transport = MemoryTransport(MemoryBroker(), "stackwire-box")
        probes, app = Probes(), web.Application()
        app.router.add_get("/slow", self.slow)
        for path, handler in (("", probes.health), ("/live", probes.live)):
            app.router.add_get(f"/healthcheck{path}", handler)
        app.router.add_get("/metrics", probes.scrape)
        self.service = Service(
            "box",
            settings=ServiceSettings(**settings),
            database=database,
            transport=self.transport,
            app=app,
            servers=[RpcServer(self.transport, BOX, "host", [Paint.served_by(self.paint)])],
            probes=probes,
            folders=[folder],
        )

    async def slow(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.go.wait()
        return web.Response(text="done")

    async def paint(self, ctx: RequestContext, message: Paint) -> None:
        await self.go.wait()
        self.painted += 1

    async def reasons(self, session: aiohttp.ClientSession, url: str = "") -> tuple[int, dict[str, str]]:
        async with session.get(f"{url or self.service.url}/healthcheck", headers=JSON) as answer:
            document = await answer.json()
            assert document["ready"] == (answer.status == 200)
            return answer.status, {check["class"]: check["reason"] for check in document["reasons"]}


@pytest.fixture
async def database(postgres: TestDatabase) -> AsyncIterator[Database]:
    database = await Database.open(postgres.url("trace"), schema="trace", migrations=migrations_of("trace"))
    yield database
    await database.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_service_that_can_work_says_what_it_has_checked(database, session, tmp_path):
    watched = Watched(database, tmp_path)
    await watched.service.start()
    well = dict.fromkeys(("service", "database", "broker", "disk", "files"), "OK")
    assert await watched.reasons(session) == (200, well)
    async with session.get(f"{watched.service.url}/healthcheck/live") as answer:
        assert (answer.status, await answer.text()) == (200, "OK")
    await watched.service.stop()


async def test_a_disk_with_less_room_than_the_limit_is_not_ready_and_lives(database, session, tmp_path):
    watched = Watched(database, tmp_path / "not" / "made" / "yet", disk_free_limit=2**62)
    await watched.service.start()
    status, reasons = await watched.reasons(session)
    assert status == 503
    assert reasons["disk"].endswith(f"bytes are free, fewer than {2**62}")
    async with session.get(f"{watched.service.url}/healthcheck") as answer:
        assert (await answer.text()).startswith("UNAVAILABLE\ndisk: ")
    async with session.get(f"{watched.service.url}/healthcheck/live") as answer:
        assert answer.status == 200
    assert not await watched.service.ready()
    await watched.service.stop()


@contextmanager
def few_files_left() -> Iterator[None]:
    """Enough for this test, and much fewer than a tenth of what this process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(300)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(opened) + 20, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for file in opened:
            os.close(file)


async def test_a_process_with_few_files_left_is_not_ready_while_it_still_takes_connections(database, session, tmp_path):
    watched = Watched(database, tmp_path)
    await watched.service.start()
    with few_files_left():
        status, reasons = await watched.reasons(session)
        assert status == 503
        assert re.fullmatch(r"\d+ files are open, of \d+ that may be", reasons["files"])
        async with session.get(f"{watched.service.url}/metrics") as answer:
            assert 'stackwire_health{check="files",service="box"} 0.0' in await answer.text()
    assert (await watched.reasons(session))[0] == 200
    await watched.service.stop()


async def test_a_bus_that_is_away_is_not_ready(database, session, tmp_path):
    watched = Watched(database, tmp_path)
    await watched.service.start()
    await watched.transport.close()
    status, reasons = await watched.reasons(session)
    assert (status, reasons["broker"]) == (503, "closed")
    await watched.service.stop()


async def test_a_process_without_an_api_answers_at_its_health_port(database, session, tmp_path, unused_tcp_port):
    watched = Watched(database, tmp_path, health_port=unused_tcp_port)
    url = f"http://127.0.0.1:{unused_tcp_port}"
    await watched.service.start()
    assert (await watched.reasons(session, url))[0] == 200
    async with session.get(f"{url}/metrics") as answer:
        assert 'stackwire_health{check="disk",service="box"} 1.0' in await answer.text()
    async with session.get(f"{watched.service.url}/metrics") as answer:
        assert answer.status == 404, "the API's own port has none then"
    await watched.service.stop()


async def test_what_is_under_way_is_finished_and_nothing_new_is_taken(database, session, tmp_path, unused_tcp_port):
    watched = Watched(database, tmp_path, health_port=unused_tcp_port)
    await watched.service.start()
    request = asyncio.create_task(session.get(f"{watched.service.url}/slow"))
    rpc = RpcClient(watched.transport)
    await rpc.cast(CTX, Paint(box_id="1"))
    await until(lambda: watched.asked == 1 and watched.transport.broker.depth("box") == 0)

    stopping = asyncio.create_task(watched.service.stop())
    health = f"http://127.0.0.1:{unused_tcp_port}"

    async def is_red() -> bool:
        return (await watched.reasons(session, health))[1]["service"] == "it stops"

    await until(is_red)
    async with aiohttp.ClientSession() as another:
        with pytest.raises(aiohttp.ClientError):
            await another.get(f"{watched.service.url}/slow")
    watched.go.set()
    async with await request as answer:
        assert await answer.text() == "done"
    await stopping
    assert (watched.asked, watched.painted) == (1, 1)


async def test_what_takes_longer_than_the_limit_is_given_back(database, session, tmp_path):
    watched = Watched(database, tmp_path, drain_seconds=0.05)
    await watched.service.start()
    rpc = RpcClient(watched.transport)
    await rpc.cast(CTX, Paint(box_id="1"))
    await until(lambda: watched.transport.broker.depth("box") == 0)
    await watched.service.stop()
    assert (watched.painted, watched.transport.broker.depth("box")) == (0, 1)


async def test_a_service_that_stops_says_so_before_it_stops_to_listen(database, session, tmp_path):
    watched = Watched(database, tmp_path, drain_delay=0.2)
    await watched.service.start()
    stopping = asyncio.create_task(watched.service.stop())
    status, reasons = await watched.reasons(session)
    assert (status, reasons["service"]) == (503, "it stops")
    await stopping


async def test_a_service_that_stops_ends_each_connection_with_its_answer(database, session, tmp_path):
    """Or a client would send its next request on it at the moment when nobody listens any more."""
    watched = Watched(database, tmp_path, drain_delay=0.2)
    await watched.service.start()
    async with session.get(f"{watched.service.url}/healthcheck") as answer:
        assert "Connection" not in answer.headers
    stopping = asyncio.create_task(watched.service.stop())
    async with session.get(f"{watched.service.url}/healthcheck") as answer:
        assert answer.headers["Connection"] == "close"
    await stopping
