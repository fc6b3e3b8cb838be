"""What holds whenever nothing is under way: SQL over all services' schemas, asked by the auditor."""

import asyncio
from collections.abc import Iterable, Mapping

import asyncpg

from support.audit import as_auditor
from support.queries.of_events import OF_EVENTS
from support.queries.of_one_service import OF_ONE_SERVICE
from support.queries.of_several_services import OF_SEVERAL_SERVICES

INVARIANTS: Mapping[str, str] = {**OF_ONE_SERVICE, **OF_SEVERAL_SERVICES, **OF_EVENTS}
"""Each answers with what breaks it."""


async def broken(connection: asyncpg.Connection, names: Iterable[str] = INVARIANTS) -> dict[str, list[str]]:
    """Which of these invariants are -> what breaks it now."""
    async with as_auditor(connection):
        found = {name: [str(tuple(row)) for row in await connection.fetch(INVARIANTS[name])] for name in names}
    return {name: rows for name, rows in found.items() if rows}


async def hold(connection: asyncpg.Connection, patience: float) -> None:
    """Returns when all of them hold; fails when some do not after ``patience`` seconds.

    Until then it asks for those alone, of which there are few: all of them are 0.1 s of a processor.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while found := await broken(connection):
        while found:
            assert loop.time() < deadline, found
            await asyncio.sleep(0.1)
            found = await broken(connection, found)


async def hold_in(admin_url: str, timeout_seconds: float) -> None:
    """The same, on a connection that sees every schema of the database."""
    connection = await asyncpg.connect(admin_url)
    try:
        await hold(connection, timeout_seconds)
    finally:
        await connection.close()
