"""Connections in use again: well kept ones at once, failed ones after asyncpg's care, idle ones not for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database
from support.polling import turns_of_the_loop, until
from support.postgres import TestDatabase, left_open

MINE = "SELECT pg_backend_pid()"
OPEN = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stackwire-trace' AND datname = current_database()"""


@pytest.fixture
async def database(unmigrated: TestDatabase) -> AsyncIterator[Database]:
    database = await Database.open(unmigrated.url("trace"), schema="trace", migrations=None, max_size=4)
    yield database
    await database.close()


async def test_one_caller_after_the_other_has_the_same_connection(database: Database) -> None:
    assert len({await database.value(MINE) for _ in range(5)}) == 1


async def test_at_once_they_have_different_ones_and_never_more_than_there_may_be(database: Database) -> None:
    async def mine() -> int:
        async with database.read() as session:
            await session.value("SELECT pg_sleep(0.01)")
            return int(await session.value(MINE))

    assert len(set(await asyncio.gather(*(mine() for _ in range(20))))) == 4
    assert database.pool_use == (4, 0, 0)


async def test_a_statement_that_was_cancelled_leaves_nothing_to_the_next_caller(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await database.value("SELECT pg_sleep(10)")
    assert await database.value("SELECT 1") == 1
    with pytest.raises(TimeoutError):
        async with database.transaction() as session, asyncio.timeout(0.05):
            await session.value("SELECT pg_sleep(10)")
    assert await database.value("SELECT 2") == 2


async def test_a_transaction_that_somebody_left_open_is_rolled_back(database: Database) -> None:
    async with database.read() as session:
        await session.execute("BEGIN")
        await session.execute("CREATE TABLE left_open ()")
    assert await database.value("SELECT to_regclass('left_open')") is None


async def test_a_connection_that_the_server_closed_is_replaced(database: Database, unmigrated: TestDatabase) -> None:
    pid = await database.value(MINE)
    administrator = await asyncpg.connect(unmigrated.admin_url)
    try:
        await administrator.execute("SELECT pg_terminate_backend($1)", pid)
    finally:
        await administrator.close()
    await turns_of_the_loop(20)  # the end of the connection is noticed
    with suppress(ServiceError):  # or not yet
        await database.value(MINE)
    assert await database.value(MINE) != pid
    assert database.pool_use.in_use == 0


async def test_the_end_waits_for_what_is_under_way_and_no_longer(unmigrated: TestDatabase) -> None:
    database = await Database.open(unmigrated.url("trace"), schema="trace", migrations=None, max_size=4)
    async with database.read() as session:
        closing = asyncio.create_task(database.close())
        await turns_of_the_loop(20)
        assert await session.value("SELECT 1") == 1
    async with asyncio.timeout(4):  # it would cut the connection after five seconds
        await closing


async def test_an_end_that_is_cancelled_leaves_no_connection_open(unmigrated: TestDatabase) -> None:
    database = await Database.open(unmigrated.url("trace"), schema="trace", migrations=None, max_size=4)
    async with database.read():
        closing = asyncio.create_task(database.close())
        await turns_of_the_loop(20)  # it waits for this one
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert await left_open(unmigrated.admin_url) == []


async def test_what_nobody_needed_for_a_while_is_closed(unmigrated: TestDatabase) -> None:
    database = await Database.open(unmigrated.url("trace"), schema="trace", migrations=None, max_size=4, idle=0.05)
    try:
        await asyncio.gather(*(database.value("SELECT pg_sleep(0.05)") for _ in range(4)))
        assert database.pool_use == (4, 0, 0)
        await until(lambda: _are(database, 1))
    finally:
        await database.close()


async def _are(database: Database, count: int) -> bool:
    return bool(await database.value(OPEN) == count)
