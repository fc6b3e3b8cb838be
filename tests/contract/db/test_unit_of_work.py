"""What a unit of work promises, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from stackwire.contracts.base import Cast, Event, Fanout, Target
from stackwire.core.context import IN_UNIT_OF_WORK, RequestContext
from stackwire.core.errors import BadRequest, Conflict, Unavailable
from stackwire.db import outbox
from stackwire.db.errors import UniqueViolation
from stackwire.db.last_change import LastChange
from stackwire.db.pool import Database
from support.postgres import TestDatabase

CTX = RequestContext(user_id="u", project_id="p", auth_token="secret-token")
BOX = Target("boxes", "box")
EVENT = Event(exchange="boxes", event_type="box.made", publisher_id="box.host", payload={"z": 1, "a": [2, None]})


class Paint(Cast, target=BOX, method="paint"):
    box_id: str


class Forget(Fanout, target=BOX, method="forget"):
    box_id: str


@dataclass(frozen=True, kw_only=True)
class Box:
    id: str
    label: str | None
    extra: dict[str, object] | None
    size: int | None


@pytest.fixture
async def boxes(unmigrated: TestDatabase, tmp_path: Path) -> AsyncIterator[Database]:
    (tmp_path / "0001_boxes.sql").write_text(
        "CREATE TABLE boxes (id varchar(36) PRIMARY KEY, label text, extra jsonb, size integer)"
    )
    database = await Database.open(unmigrated.url("trace"), schema="trace", migrations=tmp_path)
    yield database
    await database.close()


INSERT = "INSERT INTO boxes (id, label, extra, size) VALUES ($1, $2, $3, $4)"


async def test_a_row_comes_back_as_its_model(boxes: Database) -> None:
    async with boxes.work(CTX) as uow:
        assert await uow.execute(INSERT, "1", "été", {"b": [1, None, "x"]}, 3) == 1
        assert await uow.value("SELECT count(*) FROM boxes") == 1
    assert await boxes.one(Box, "SELECT * FROM boxes WHERE id = $1", "1") == Box(
        id="1", label="été", extra={"b": [1, None, "x"]}, size=3
    )
    assert await boxes.one(Box, "SELECT * FROM boxes WHERE id = $1", "2") is None
    assert len(await boxes.all(Box, "SELECT * FROM boxes")) == 1


async def test_what_is_said_leaves_in_the_order_it_was_said(boxes: Database) -> None:
    async with boxes.work(CTX) as uow:
        ids = [uow.notify(EVENT), uow.cast(Paint(box_id="1"), server="host@lvm"), uow.fanout(Forget(box_id="1"))]
    async with boxes.work(CTX) as uow:
        rows = await outbox.waiting(uow, 10)
    assert [row.id for row in rows] == ids
    notify, cast, fanout = rows
    assert (notify.kind, notify.name, notify.payload) == ("notify", "box.made", {"z": 1, "a": [2, None]})
    assert list(notify.payload) == ["z", "a"]
    assert "auth_token" not in notify.context
    assert cast.address == {
        "exchange": "boxes",
        "topic": "box",
        "namespace": None,
        "version": "1.0",
        "server": "host@lvm",
    }
    assert (cast.name, cast.payload, cast.context["auth_token"]) == ("paint", {"box_id": "1"}, "secret-token")
    assert (fanout.kind, fanout.name) == ("fanout", "forget")


async def test_nothing_is_said_when_the_block_fails(boxes: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with boxes.work(CTX) as uow:
            await uow.execute(INSERT, "1", None, None, None)
            uow.notify(EVENT)
            _ = 1 / 0
    assert await boxes.value("SELECT count(*) FROM boxes") == 0
    assert await boxes.unsent() == 0


PAINTED = "touched AS (UPDATE boxes SET label = $2 WHERE id = $1 AND label IS NULL RETURNING id)"
MADE = "touched AS (INSERT INTO boxes (id) VALUES ($1) RETURNING id)"


class IsPainted(Conflict):
    """It has a label."""


async def _paint(boxes: Database, label: str, *, made: str | None = None) -> None:
    async with boxes.work(CTX) as uow:
        if made is not None:
            await uow.execute(INSERT, made, None, None, None)
        uow.end_with(LastChange(PAINTED, ["1", label], IsPainted()))
        uow.notify(EVENT)


@pytest.mark.parametrize("made", [None, "2"], ids=["alone", "after another statement"])
async def test_the_last_change_is_made_with_its_messages_or_nothing_is(boxes: Database, made: str | None) -> None:
    async with boxes.work(CTX) as uow:
        await uow.execute(INSERT, "1", None, None, None)
    await _paint(boxes, "red")
    with pytest.raises(IsPainted):
        await _paint(boxes, "blue", made=made)
    assert await boxes.rows("SELECT id, label FROM boxes") == [{"id": "1", "label": "red"}]
    assert await boxes.unsent() == 1


async def test_a_row_whose_key_is_taken_refuses_the_last_change(boxes: Database) -> None:
    for refused in (False, True):
        with pytest.raises(IsPainted) if refused else nullcontext():
            async with boxes.work(CTX) as uow:
                uow.end_with(LastChange(MADE, ["1"], IsPainted()))
                uow.notify(EVENT)
    assert await boxes.unsent() == 1


async def test_a_statement_after_the_last_change_sees_it_and_may_undo_it(boxes: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with boxes.work(CTX) as uow:
            uow.end_with(LastChange(MADE, ["1"], IsPainted()))
            assert await uow.reading.value("SELECT count(*) FROM boxes") == 1
            _ = 1 / 0
    assert await boxes.value("SELECT count(*) FROM boxes") == 0


async def test_what_is_read_before_anything_is_written_locks_nothing(boxes: Database) -> None:
    async with boxes.work(CTX) as uow:
        assert await uow.reading.value("SELECT now()") != await uow.reading.value("SELECT now()")
        begun = await uow.value("SELECT now()")
        assert await uow.reading.value("SELECT now()") == begun


async def test_connections_are_given_in_the_order_they_are_asked_for(unmigrated: TestDatabase) -> None:
    """However many come back for more meanwhile: nobody is left behind."""
    database = await Database.open(unmigrated.url("trace"), schema="trace", migrations=None, max_size=1)
    order: list[int] = []

    async def ask(who: int) -> None:
        for _ in range(20):
            async with database.read() as session:
                order.append(who)
                await session.value("SELECT 1")

    await asyncio.gather(*(ask(who) for who in range(10)))
    await database.close()
    rounds = [order[at : at + 10] for at in range(0, len(order), 10)]
    assert all(sorted(each) == list(range(10)) for each in rounds), rounds


async def test_a_cancelled_block_leaves_nothing_and_gives_its_connection_back(boxes: Database) -> None:
    inside = asyncio.Event()

    async def slow() -> None:
        async with boxes.work(CTX) as uow:
            await uow.execute(INSERT, "1", None, None, None)
            inside.set()
            await uow.value("SELECT pg_sleep(60)")

    task = asyncio.create_task(slow())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await boxes.value("SELECT count(*) FROM boxes") == 0


async def test_the_flag_that_forbids_remote_calls_is_up_inside_only(boxes: Database) -> None:
    assert not IN_UNIT_OF_WORK.get()
    async with boxes.work(CTX):
        assert IN_UNIT_OF_WORK.get()
    assert not IN_UNIT_OF_WORK.get()


async def test_units_of_work_do_not_nest(boxes: Database) -> None:
    async with boxes.work(CTX):
        with pytest.raises(RuntimeError, match="inside a unit of work"):
            async with boxes.work(CTX):
                pass


@pytest.mark.parametrize(
    "values",
    [
        ("a\x00b", None, None),
        ("\ud800", None, None),
        (None, {"k": "\x00"}, None),
        (None, {"k": "\ud800"}, None),
        (None, None, 2**31),
        (None, None, 2**63),
        (None, None, "three"),
    ],
    ids=["nul", "surrogate", "nul in json", "surrogate in json", "int4", "int8", "type"],
)
async def test_a_value_postgresql_cannot_hold_is_a_bad_request(boxes: Database, values: tuple[object, ...]) -> None:
    with pytest.raises(BadRequest):
        async with boxes.work(CTX) as uow:
            await uow.execute(INSERT, "1", *values)
    assert await boxes.value("SELECT count(*) FROM boxes") == 0


async def test_an_id_that_is_too_long_is_a_bad_request(boxes: Database) -> None:
    with pytest.raises(BadRequest):
        async with boxes.work(CTX) as uow:
            await uow.execute(INSERT, "x" * 37, None, None, None)


async def test_a_violated_constraint_is_for_the_flow_to_judge(boxes: Database) -> None:
    with pytest.raises(UniqueViolation):
        async with boxes.work(CTX) as uow:
            await uow.many(INSERT, [("1", None, None, None), ("1", None, None, None)])


async def test_a_lost_connection_is_unavailable_and_the_next_statement_finds_a_new_one(
    boxes: Database, unmigrated: TestDatabase
) -> None:
    admin = await asyncpg.connect(unmigrated.admin_url)
    with pytest.raises(Unavailable):
        async with boxes.work(CTX) as uow:
            await uow.execute(INSERT, "1", None, None, None)
            await admin.execute("SELECT pg_terminate_backend($1)", await uow.value("SELECT pg_backend_pid()"))
            await uow.value("SELECT 1")
    await admin.close()
    assert await boxes.value("SELECT count(*) FROM boxes") == 0


async def test_a_dead_server_is_unavailable_at_once() -> None:
    with pytest.raises(Unavailable):
        await Database.open("postgresql://nobody@127.0.0.1:1/none", schema="trace", migrations=None)


async def test_of_racers_for_one_transition_exactly_one_wins(boxes: Database) -> None:
    async with boxes.work(CTX) as uow:
        await uow.execute(INSERT, "1", "queued", None, None)

    async def race() -> int:
        async with boxes.work(CTX) as uow:
            return await uow.execute("UPDATE boxes SET label = 'saving' WHERE id = '1' AND label = 'queued'")

    assert sum(await asyncio.gather(*(race() for _ in range(32)))) == 1


async def test_sent_messages_forget_the_token_and_old_ones_go(boxes: Database) -> None:
    async with boxes.work(CTX) as uow:
        for number in range(5):
            uow.cast(Paint(box_id=str(number)))
    async with boxes.work(CTX) as uow:
        await outbox.mark_sent(uow, [row.seq for row in await outbox.waiting(uow, 10)], uow.now)
        assert await uow.value("SELECT count(*) FROM outbox WHERE context::text LIKE '%secret-token%'") == 0
        await outbox.prune(uow, 2)
        assert await uow.value("SELECT count(*) FROM outbox") == 3
    assert await boxes.unsent() == 0
