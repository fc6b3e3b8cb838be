"""Statements on one connection, with rows as frozen dataclasses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from stackwire.db.errors import mapped
from stackwire.db.rows import read_as

M = TypeVar("M")
Connection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"
_COUNT = re.compile(r"(\d+)$")


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()


async def set_codecs(connection: asyncpg.Connection[Any]) -> None:
    """json and jsonb columns are Python values; orjson refuses NaN and lone surrogates, which PostgreSQL would too."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_encode, decoder=orjson.loads, schema="pg_catalog")


class Session:
    """Statements with positional arguments (``$1``); each is prepared once per connection.

    Raises BadValue (400) for values PostgreSQL cannot hold, DatabaseUnavailable (503) when the connection is lost.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def _ready(self) -> Connection:
        """The connection that takes the next statement."""
        return self._connection

    async def one(self, model: type[M], sql: str, *args: Any) -> M | None:
        """The first row as ``model(**columns)``, or None."""
        with mapped():
            record = await (await self._ready()).fetchrow(sql, *args)
        return None if record is None else read_as(model, record)(record)

    async def all(self, model: type[M], sql: str, *args: Any) -> list[M]:
        """Every row as ``model(**columns)``, in the statement's order."""
        with mapped():
            records = await (await self._ready()).fetch(sql, *args)
        return list(map(read_as(model, records[0]), records)) if records else []

    async def read(self, read: Callable[[Any], M], sql: str, *args: Any) -> list[M]:
        """What ``read`` returns for every row: a tuple with names, which has a hash where its values have."""
        with mapped():
            records = await (await self._ready()).fetch(sql, *args)
        return [read(record) for record in records]

    async def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Every row as a dictionary, for the few reads that have no model."""
        with mapped():
            return [dict(record) for record in await (await self._ready()).fetch(sql, *args)]

    async def value(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None when there is no row."""
        with mapped():
            return await (await self._ready()).fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> int:
        """How many rows the statement touched (0 where it does not count rows)."""
        with mapped():
            status = await (await self._ready()).execute(sql, *args)
        count = _COUNT.search(status)
        return int(count[1]) if count else 0

    async def copy_out(self, path: Path, table: str, columns: Sequence[str]) -> None:
        """Writes a table's rows into a file, in COPY's text format."""
        with mapped():
            await (await self._ready()).copy_from_table(table, output=str(path), columns=columns)

    async def copy_in(self, path: Path, table: str, columns: Sequence[str]) -> None:
        """Adds the rows of such a file."""
        with mapped():
            await (await self._ready()).copy_to_table(table, source=str(path), columns=columns)

    async def many(self, sql: str, arguments: Iterable[Sequence[Any]]) -> None:
        """One statement for each tuple of arguments, in one round trip."""
        with mapped():
            await (await self._ready()).executemany(sql, arguments)
