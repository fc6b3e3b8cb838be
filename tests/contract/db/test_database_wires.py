"""PostgreSQL by a wire that is slow, is cut, or is dead and does not say so: nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from stackwire.core.errors import Unavailable
from stackwire.db.pool import Database
from support.polling import until
from support.postgres import TestDatabase, migrations_of
from support.wires import Wire, a_wire, by_wire


@pytest.fixture
async def wire(postgres: TestDatabase) -> AsyncIterator[Wire]:
    parts = urlsplit(postgres.admin_url)
    folder = parse_qs(parts.query).get("host", [""])[0]
    place = Path(folder) / ".s.PGSQL.5432" if folder else (parts.port or 5432)
    async with a_wire(place) as wire:
        yield wire


@pytest.fixture
async def database(postgres: TestDatabase, wire: Wire) -> AsyncIterator[Database]:
    url = by_wire(postgres.url("trace"), wire)
    database = await Database.open(
        url, schema="trace", migrations=migrations_of("trace"), max_size=2, statement_seconds=1.0
    )
    yield database
    wire.heal()
    await database.close()


async def works(database: Database) -> bool:
    try:
        return bool(await database.value("SELECT 1") == 1)
    except Unavailable:
        return False


async def test_a_slow_wire_is_only_slow(database: Database, wire: Wire) -> None:
    wire.delay = 0.05
    started = asyncio.get_running_loop().time()
    assert await database.value("SELECT 1") == 1
    assert asyncio.get_running_loop().time() - started >= 0.1


async def test_a_wire_that_is_cut_fails_who_was_asking_and_nobody_else(database: Database, wire: Wire) -> None:
    asking = asyncio.create_task(database.value("SELECT pg_sleep(5)"))
    await until(lambda: database.pool_use.in_use == 1)
    assert wire.cut() >= 1
    with pytest.raises(Unavailable):
        await asking
    assert await database.value("SELECT 1") == 1


async def test_a_wire_that_is_dead_and_does_not_say_so_is_given_up(database: Database, wire: Wire) -> None:
    assert await works(database)
    wire.die()
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await database.value("SELECT 1")
    wire.heal()
    await until(lambda: works(database), 15, interval=0.1)
