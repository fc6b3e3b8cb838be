"""Typed tables, transitions and leases, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from stackwire.core.context import RequestContext
from stackwire.core.states import ANY, RESUME, Machine, Verb
from stackwire.db.leases import Leases, new_owner
from stackwire.db.pool import Database
from stackwire.db.table import Table
from stackwire.db.transitions import transition
from support.postgres import TestDatabase

CTX = RequestContext(user_id="u", project_id="p")
MIGRATION = """
CREATE TABLE boxes (id text PRIMARY KEY, number serial, label text, status text, task text, created_at timestamptz,
                    updated_at timestamptz, deleted boolean NOT NULL DEFAULT false);
CREATE TABLE leases (noun text NOT NULL, id text NOT NULL, owner text NOT NULL, expires_at timestamptz NOT NULL,
                     PRIMARY KEY (noun, id));
"""


class BoxStates(Machine, noun="box", columns=("status", "task"), initial={"status": "new", "task": None}):
    begin_pack = Verb({"status": "new", "task": None}, {"task": "packing"}, on_crash=RESUME)
    finish_pack = Verb({"task": "packing"}, {"status": "packed torn", "task": None})
    reset = Verb({"status": ANY}, {"status": ANY})


@dataclass(frozen=True, kw_only=True)
class Box:
    id: str
    number: int
    label: str | None
    status: str
    task: str | None
    created_at: datetime
    updated_at: datetime | None
    deleted: bool


BOXES = Table(Box, "boxes", live="NOT deleted", generated=("number",), states=BoxStates)


def a_box(database: Database, **changes: object) -> Box:
    box = Box(
        id="1", number=0, label=None, status="new", task=None, created_at=database.clock.now(), updated_at=None,
        deleted=False,
    )  # fmt: skip
    return replace(box, **changes)  # type: ignore[arg-type]  # changes of several types


@pytest.fixture
async def database(unmigrated: TestDatabase, tmp_path: Path) -> AsyncIterator[Database]:
    (tmp_path / "0001_boxes.sql").write_text(MIGRATION)
    database = await Database.open(unmigrated.url("trace"), schema="trace", migrations=tmp_path)
    yield database
    await database.close()


async def test_a_row_is_written_and_read_whole(database: Database) -> None:
    async with database.work(CTX) as uow:
        created = await BOXES.insert(uow, a_box(database, label="x"))
        assert created.number == 1
        assert await BOXES.get(uow, "1") == created
        assert await BOXES.get(uow, "1", label="x", task=None) == created
        assert await BOXES.get(uow, "1", label="y") is None
        assert await BOXES.find(uow, label=["x", None]) == [created]


async def test_a_row_whose_key_is_taken_is_not_written(database: Database) -> None:
    async with database.work(CTX) as uow:
        created = await BOXES.try_insert(uow, a_box(database, label="x"))
        assert created is not None
        assert await BOXES.try_insert(uow, a_box(database, label="y")) is None
        assert await BOXES.get(uow, "1") == created


async def test_an_update_writes_what_changed_and_when(database: Database) -> None:
    async with database.work(CTX) as uow:
        await BOXES.insert(uow, a_box(database))
        changed = await BOXES.update(uow, "1", label="new")
        assert changed is not None
        assert (changed.label, changed.updated_at) == ("new", uow.now)
        assert await BOXES.update(uow, "1", where={"label": "old"}, label="newer") is None
        assert await BOXES.update(uow, "1", deleted=True) is None or await BOXES.get(uow, "1") is None
        assert await BOXES.update(uow, "1", label="newest") is None


async def test_a_row_begins_in_an_initial_state_and_no_update_changes_it(database: Database) -> None:
    async with database.work(CTX) as uow:
        with pytest.raises(ValueError, match="no box begins in status 'packed'"):
            await BOXES.insert(uow, a_box(database, status="packed"))
        await BOXES.insert(uow, a_box(database))
        with pytest.raises(ValueError, match=r"boxes\.status changes by a transition only"):
            await BOXES.update(uow, "1", status="packed")


async def test_a_transition_happens_once(database: Database) -> None:
    async with database.work(CTX) as uow:
        created = await BOXES.insert(uow, a_box(database))
        packing = await transition(uow, BOXES, BoxStates.begin_pack, "1", label="fragile")
        assert packing is not None
        assert packing == replace(created, task="packing", label="fragile", updated_at=uow.now)
        assert await transition(uow, BOXES, BoxStates.begin_pack, "1") is None
        assert await transition(uow, BOXES, BoxStates.finish_pack, "1", where={"label": None}, status="packed") is None
        done = await transition(uow, BOXES, BoxStates.finish_pack, "1", status="packed")
        assert done is not None
        assert (done.status, done.task) == ("packed", None)


async def test_a_transition_leads_only_where_its_verb_does(database: Database) -> None:
    other = Table(Box, "boxes")
    async with database.work(CTX) as uow:
        await BOXES.insert(uow, a_box(database))
        with pytest.raises(ValueError, match="several goals"):
            await transition(uow, BOXES, BoxStates.finish_pack, "1")
        with pytest.raises(ValueError, match="does not lead to status 'lost'"):
            await transition(uow, BOXES, BoxStates.finish_pack, "1", status="lost")
        with pytest.raises(ValueError, match="does not change task"):
            await transition(uow, BOXES, BoxStates.reset, "1", status="new", task=None)
        with pytest.raises(ValueError, match="does not govern"):
            await transition(uow, other, BoxStates.begin_pack, "1")
        reset = await transition(uow, BOXES, BoxStates.reset, "1", status="anything")
        assert reset is not None
        assert reset.status == "anything"


def leases_of(database: Database, **options: object) -> Leases:
    return Leases(database, owner=new_owner(), **{"ttl": timedelta(seconds=30), **options})  # type: ignore[arg-type]  # options of several types


async def test_a_row_is_one_workers_at_a_time(database: Database) -> None:
    leases, other = leases_of(database), leases_of(database)
    async with leases.hold(CTX, "box", "1") as held:
        assert held
        assert leases.holds("box", "1")
        async with leases.hold(CTX, "box", "1") as again:
            assert not again
        async with database.work(CTX) as uow:
            assert not await other.claim(uow, "box", "1")
            assert await other.current_owner(uow, "box", "1") == leases.owner
    assert not leases.holds("box", "1")
    async with other.hold(CTX, "box", "1") as free:
        assert free


async def test_a_lease_outlives_its_ttl_while_its_worker_lives(database: Database) -> None:
    leases, other = leases_of(database, ttl=timedelta(seconds=0.2)), leases_of(database)
    async with leases.hold(CTX, "box", "1"):
        await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.5)
        async with database.work(CTX) as uow:
            assert not await other.claim(uow, "box", "1")
    await leases.close()


async def test_a_dead_workers_lease_is_taken_over_when_it_has_run_out(database: Database) -> None:
    dead, other = leases_of(database, ttl=timedelta(seconds=-1)), leases_of(database)
    async with database.work(CTX) as uow:
        assert await dead.claim(uow, "box", "1")
        assert await other.current_owner(uow, "box", "1") is None
        assert await other.claim(uow, "box", "1")


async def test_a_revoked_lease_is_free_and_its_former_holder_does_not_get_it_back(database: Database) -> None:
    leases, other = leases_of(database, ttl=timedelta(seconds=0.2)), leases_of(database)
    async with leases.hold(CTX, "box", "1"):
        async with database.work(CTX) as uow:
            await leases.revoke(uow, "box", "1")
            assert await other.claim(uow, "box", "1")
        await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.1)
    async with database.read() as session:
        assert await leases.current_owner(session, "box", "1") == other.owner
    await leases.close()


async def test_where_there_is_one_process_only_every_other_one_is_dead(database: Database) -> None:
    earlier, now = leases_of(database), leases_of(database, single_process=True)
    async with database.work(CTX) as uow:
        assert await earlier.claim(uow, "box", "1")
        assert await now.claim(uow, "box", "1")


async def test_orphans_are_rows_in_a_transient_state_that_nobody_living_holds(database: Database) -> None:
    leases, dead = leases_of(database), leases_of(database, ttl=timedelta(seconds=-1))
    async with database.work(CTX) as uow:
        for name in ("held", "orphaned", "unclaimed", "at rest"):
            await BOXES.insert(uow, a_box(database, id=name))
            if name != "at rest":
                await transition(uow, BOXES, BoxStates.begin_pack, name)
        assert await leases.claim(uow, "box", "held")
        assert await dead.claim(uow, "box", "orphaned")
        states = BoxStates.transient("task")
        assert await leases.orphans(uow, BOXES, states, column="task") == ["orphaned"]
        later = uow.now + timedelta(seconds=1)
        found = await leases.orphans(uow, BOXES, states, column="task", unclaimed_before=later)
        assert sorted(found) == ["orphaned", "unclaimed"]
