"""The relay: everything committed leaves, in order, under its own id, whatever the broker does meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from stackwire.contracts.base import Cast, Event, Target
from stackwire.core.context import RequestContext
from stackwire.db.outbox import Outgoing
from stackwire.db.pool import Database
from stackwire.messaging.errors import BusUnavailable, Undeliverable
from stackwire.runtime.relay import Relay
from support.polling import until
from support.postgres import TestDatabase, migrations_of

CTX = RequestContext(user_id="u", project_id="p", auth_token="token")
BOX = Target("boxes", "box")


class Paint(Cast, target=BOX, method="paint"):
    box_id: str


def event(name: str) -> Event:
    return Event(exchange="boxes", event_type=name, publisher_id="box.host", payload={})


class Recorder:
    """A sender that refuses what it is told to refuse. ``handled``: by id, of casts on a bus within this process."""

    def __init__(self, *, outlives_process: bool = True) -> None:
        self.outlives_process = outlives_process
        self.handled: dict[str, Callable[[], None]] = {}
        self.sent: list[Outgoing] = []
        self.refuse: dict[str, Exception] = {}
        self.tried = asyncio.Event()

    async def send(self, message: Outgoing, handled: Callable[[], None] | None = None) -> None:
        self.tried.set()
        for name, error in self.refuse.items():
            if name in ("*", message.name):
                raise error
        self.sent.append(message)
        if handled is not None:
            self.handled[message.id] = handled

    @property
    def names(self) -> list[str]:
        return [message.name for message in self.sent]


@pytest.fixture
async def database(postgres: TestDatabase) -> AsyncIterator[Database]:
    database = await Database.open(postgres.url("trace"), schema="trace", migrations=migrations_of("trace"))
    yield database
    await database.close()


async def emptied(database: Database) -> None:
    async def empty() -> bool:
        return await database.unsent() == 0

    await until(empty)


async def test_everything_leaves_in_the_order_it_was_said(database: Database) -> None:
    sender = Recorder()
    relay = Relay(database, sender)
    await relay.start()
    names = [f"box.{number}" for number in range(200)]
    for start in range(0, 200, 10):
        async with database.work(CTX) as uow:
            for name in names[start : start + 10]:
                uow.notify(event(name))
    await emptied(database)
    await relay.stop()
    assert sender.names == names


async def test_what_an_earlier_life_left_behind_leaves_at_start(database: Database) -> None:
    async with database.work(CTX) as uow:
        message_id = uow.notify(event("box.made"))
    sender = Recorder()
    relay = Relay(database, sender)
    await relay.start()
    await emptied(database)
    await relay.stop()
    assert [message.id for message in sender.sent] == [message_id]


async def test_a_cast_on_a_bus_within_the_process_is_sent_again_by_the_next_process_until_it_was_handled(
    database: Database,
) -> None:
    first, second = Recorder(outlives_process=False), Recorder(outlives_process=False)
    async with database.work(CTX) as uow:
        handled, unhandled = uow.cast(Paint(box_id="1")), uow.cast(Paint(box_id="2"))
        uow.notify(event("box.made"))
    relay = Relay(database, first)
    await relay.start()
    await emptied(database)
    first.handled[handled]()
    await relay.stop()
    assert [message.id for message in first.sent][:2] == [handled, unhandled]
    assert await database.unhandled() == 1

    relay = Relay(database, second)
    await relay.start()
    await until(lambda: second.sent)
    assert [(message.id, message.payload) for message in second.sent] == [(unhandled, {"box_id": "2"})]
    second.handled[unhandled]()

    async def erased() -> bool:
        return not await database.rows("SELECT 1 FROM outbox WHERE kind = 'cast' AND context::text LIKE '%token%'")

    await until(erased)
    await relay.stop()
    assert await database.unhandled() == 0


async def test_while_the_broker_is_away_everything_waits_and_then_leaves_in_order(database: Database) -> None:
    sender = Recorder()
    sender.refuse["*"] = BusUnavailable(url="amqp://host", reason="gone")
    relay = Relay(database, sender)
    await relay.start()
    async with database.work(CTX) as uow:
        for number in range(3):
            uow.notify(event(f"box.{number}"))
    await asyncio.wait_for(sender.tried.wait(), 5)
    assert await database.unsent() == 3
    sender.refuse.clear()
    await emptied(database)
    await relay.stop()
    assert sender.names == ["box.0", "box.1", "box.2"]


async def test_what_a_broker_took_before_it_refused_one_is_not_sent_again(database: Database) -> None:
    sender = Recorder()
    sender.refuse["box.1"] = BusUnavailable(url="amqp://host", reason="full")
    relay = Relay(database, sender)
    async with database.work(CTX) as uow:
        for number in range(3):
            uow.notify(event(f"box.{number}"))
    await relay.start()

    async def one_remains() -> bool:
        return await database.unsent() == 1

    await until(one_remains, 5)
    sender.refuse.clear()
    await emptied(database)
    await relay.stop()
    assert sender.names == ["box.0", "box.2", "box.1"]


async def test_a_message_nobody_takes_holds_back_its_own_destination_only(database: Database) -> None:
    sender = Recorder()
    sender.refuse["paint"] = Undeliverable(exchange="boxes", routing_key="box")
    relay = Relay(database, sender)
    async with database.work(CTX) as uow:
        uow.cast(Paint(box_id="1"))
        uow.notify(event("box.made"))
        uow.cast(Paint(box_id="2"))
    await relay.start()
    await until(lambda: sender.names == ["box.made"], 5)
    sender.refuse.clear()
    await emptied(database)
    await relay.stop()
    assert [message.payload.get("box_id") for message in sender.sent] == [None, "1", "2"]


async def test_two_relays_of_one_service_keep_the_order_and_send_nothing_twice(
    database: Database, postgres: TestDatabase
) -> None:
    other = await Database.open(postgres.url("trace"), schema="trace", migrations=migrations_of("trace"))
    sender = Recorder()
    relays = [Relay(database, sender), Relay(other, sender)]
    for relay in relays:
        await relay.start()
    names = [f"box.{number}" for number in range(100)]
    for number, name in enumerate(names):
        async with (database, other)[number % 2].work(CTX) as uow:
            uow.notify(event(name))
    await emptied(database)
    for relay in relays:
        await relay.stop()
    await other.close()
    assert sender.names == names


async def test_a_database_that_drops_its_connections_stops_nothing(database: Database, postgres: TestDatabase) -> None:
    sender = Recorder()
    relay = Relay(database, sender)
    await relay.start()
    admin = await asyncpg.connect(postgres.admin_url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stackwire-trace'"
    )
    await admin.close()
    async with database.work(CTX) as uow:
        uow.notify(event("box.made"))
    await emptied(database)
    await relay.stop()
    assert sender.names == ["box.made"]
