"""A service starts and stops in the right order, and says truthfully whether it is ready and idle."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from stackwire.contracts.base import Call, Cast, Event, Target
from stackwire.core.context import RequestContext
from stackwire.core.settings import ServiceSettings
from stackwire.db.pool import Database
from stackwire.messaging.memory import MemoryBroker, MemoryTransport
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import to_notification
from stackwire.runtime.service import PortInUse, Service, Sweep
from support.polling import until
from support.postgres import TestDatabase, left_open, migrations_of

CTX = RequestContext(user_id="u", project_id="p")
BOX = Target("boxes", "box")


class Paint(Cast, target=BOX, method="paint"):
    box_id: str


class Count(Call[int], target=BOX, method="count"):
    pass


@pytest.fixture
async def database(postgres: TestDatabase) -> AsyncIterator[Database]:
    database = await Database.open(postgres.url("trace"), schema="trace", migrations=migrations_of("trace"))
    yield database
    await database.close()


class Parts:
    """A service of two endpoints, one route and one sweep, with a record of what happened."""

    def __init__(self, database: Database, port: int = 0) -> None:
        self.happened: list[str] = []
        self.paint = asyncio.Event()
        self.transport = MemoryTransport(MemoryBroker())
        self.rpc = RpcClient(self.transport)
        endpoints = [Paint.served_by(self.painted), Count.served_by(self.count)]
        app = web.Application()
        app.router.add_get("/", self.hello)
        self.service = Service(
            "box",
            settings=ServiceSettings(port=port),
            database=database,
            transport=self.transport,
            app=app,
            servers=[RpcServer(self.transport, BOX, "host", endpoints)],
            sweeps=[Sweep(3600, self.swept)],
            resources=[self],
            exchange="boxes-told",
        )

    async def hello(self, request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def painted(self, ctx: RequestContext, message: Paint) -> None:
        await self.paint.wait()
        self.happened.append(f"painted {message.box_id} for {ctx.user_id}")

    async def count(self, ctx: RequestContext, message: Count) -> int:
        return 7

    async def swept(self) -> None:
        self.happened.append("swept")

    async def close(self) -> None:
        self.happened.append("closed")


async def test_it_serves_between_start_and_stop(database: Database) -> None:
    parts = Parts(database)
    assert not await parts.service.ready()
    await parts.service.start()
    async with aiohttp.ClientSession() as session:
        async with session.get(parts.service.url) as answer:
            assert await answer.text() == "hello"
        assert await parts.service.ready()
        assert await parts.rpc.call(CTX, Count()) == 7
        await parts.rpc.close()
        await parts.service.stop()
        with pytest.raises(aiohttp.ClientError):
            await session.get(parts.service.url)
    assert parts.happened == ["swept", "closed"]
    assert not await parts.service.ready()


async def test_a_cast_goes_from_a_commit_to_its_handler_and_then_all_is_idle(database: Database) -> None:
    parts = Parts(database)
    await parts.service.start()
    async with database.work(CTX) as uow:
        uow.cast(Paint(box_id="1"))
    assert not await parts.service.idle()
    parts.paint.set()
    await until(parts.service.idle, 5)
    assert parts.happened == ["swept", "painted 1 for u"]
    await parts.service.stop()


async def test_what_was_said_just_before_the_stop_still_leaves(database: Database) -> None:
    parts = Parts(database)
    await parts.service.start()
    async with database.work(CTX) as uow:
        uow.notify(Event(exchange="boxes", event_type="box.made", publisher_id="box", payload={}))
    await parts.service.stop()
    assert parts.transport.broker.depth("notifications.info") == 1


async def test_a_consumer_can_bind_to_the_exchange_before_the_first_event(database: Database) -> None:
    parts = Parts(database)
    await parts.service.start()
    assert parts.transport.broker.queues()["notifications.info"] == 0
    await parts.transport.publish(to_notification("boxes-told", "notifications", "info"), b"{}", mandatory=True)
    await parts.service.stop()


async def test_a_stop_lets_a_handler_end(database: Database) -> None:
    parts = Parts(database)
    await parts.service.start()
    await parts.rpc.cast(CTX, Paint(box_id="1"))
    await until(lambda: parts.transport.broker.depth("box") == 0)
    stopping = asyncio.create_task(parts.service.stop())
    parts.paint.set()
    await stopping
    assert parts.happened == ["swept", "painted 1 for u", "closed"]


async def test_a_port_in_use_is_reported_and_nothing_stays_behind(database: Database) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        parts = Parts(database, port)
        with pytest.raises(PortInUse, match=f"box cannot listen on 127.0.0.1:{port}"):
            await parts.service.start()
    assert parts.happened == ["swept", "closed"]


async def test_a_part_that_cannot_be_closed_leaves_no_connection_to_the_database(
    database: Database, postgres: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = Parts(database)
    await parts.service.start()

    async def fails() -> None:
        raise OSError("the store is away")

    monkeypatch.setattr(parts, "close", fails)
    with pytest.raises(OSError, match="the store is away"):
        await parts.service.stop()
    assert await left_open(postgres.admin_url) == []


async def test_a_sweep_that_fails_does_not_stop_the_start(database: Database) -> None:
    parts = Parts(database)

    async def fails() -> None:
        raise ZeroDivisionError

    parts.service._sweeps._sweeps.append(Sweep(3600, fails))
    await parts.service.start()
    assert await parts.service.ready()
    await parts.service.stop()


async def test_a_remote_call_inside_a_unit_of_work_is_refused(database: Database) -> None:
    parts = Parts(database)
    await parts.service.start()
    with pytest.raises(RuntimeError, match="inside a unit of work"):
        async with database.work(CTX):
            await parts.rpc.call(CTX, Count())
    assert await parts.rpc.call(CTX, Count()) == 7
    await parts.rpc.close()
    await parts.service.stop()
