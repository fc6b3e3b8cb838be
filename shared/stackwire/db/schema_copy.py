"""The rows of a service's whole schema: copied into a folder, and put back as they were, by PostgreSQL's COPY.

A folder has ``<table>.copy`` (COPY's text format) for each table that has rows, and ``schema.json``. The outbox and the
leases are no part of it: what a message or a process was about is over when rows are put back.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from stackwire.db.migrate import quoted
from stackwire.db.pool import Database
from stackwire.db.session import Session

TRANSIENT = frozenset({"outbox", "leases"})
LEDGER = "schema_migrations"
TRUNCATE_FROM = 1_000
"""Rows of a table from which on it is truncated: below, deleting them is quicker."""
LOCK_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Content:
    """Of a table: its number of rows, and a sum over them that is another for other rows."""

    rows: int
    digest: str


EMPTY = Content(0, "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaCopy:
    """What ``schema.json`` says. ``steps``: name and checksum of each migration; ``sequences``: value, is_called."""

    steps: Mapping[str, str]
    tables: Mapping[str, Content]
    sequences: Mapping[str, tuple[int, bool]]

    @classmethod
    def read(cls, folder: Path) -> "SchemaCopy":
        """From its folder. Raises OSError, ValueError."""
        found = orjson.loads((folder / "schema.json").read_bytes())
        return cls(
            steps=found["steps"],
            tables={name: Content(**content) for name, content in found["tables"].items()},
            sequences={name: (value, called) for name, (value, called) in found["sequences"].items()},
        )

    def write(self, folder: Path) -> None:
        """Into its folder. Raises OSError."""
        (folder / "schema.json").write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))


@dataclass(frozen=True, slots=True)
class _Table:
    """``columns``: all but those that PostgreSQL computes; ``parents``: the tables that it refers to."""

    name: str
    columns: Sequence[str]
    parents: frozenset[str]


class Rows:
    """The rows of one service. The catalogue is read once: a schema does not change while its service runs.

    ``transient``: further tables whose rows are never copied, and removed when others are put back; ``lasting``: those
    that are left alone.
    """

    def __init__(self, database: Database, *, transient: Collection[str] = (), lasting: Collection[str] = ()) -> None:
        self._database = database
        self._transient = TRANSIENT.union(transient)
        self._lasting = {LEDGER, *lasting}
        self._tables: Sequence[_Table] = ()
        self._contents_sql = ""

    async def steps(self) -> dict[str, str]:
        """Name and checksum of each migration."""
        rows = await self._database.rows(f"SELECT name, checksum FROM {LEDGER}")
        return {row["name"]: row["checksum"] for row in rows}

    async def save(self, folder: Path) -> SchemaCopy:
        """Copies every row into the folder, which exists and is empty; as of one moment."""
        steps = await self.steps()
        async with self._database.transaction() as session:
            await session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            tables = await self._catalogue(session)
            contents = await self._contents(session)
            for table in tables:
                if contents[table.name].rows and table.name not in self._transient:
                    await session.copy_out(_file(folder, table.name), table.name, table.columns)
            sequences = await session.rows(
                "SELECT sequencename AS name, coalesce(last_value, start_value) AS value,"
                " last_value IS NOT NULL AS called FROM pg_sequences WHERE schemaname = $1",
                self._database.schema,
            )
        copy = SchemaCopy(
            steps=steps,
            tables={
                name: content for name, content in contents.items() if content.rows and name not in self._transient
            },
            sequences={row["name"]: (row["value"], row["called"]) for row in sequences},
        )
        await asyncio.to_thread(copy.write, folder)
        return copy

    async def created_at(self) -> str:
        """When the schema was made: another time in each database."""
        return str(await self._database.value(f"SELECT min(applied_at) FROM {LEDGER}"))

    async def contents(self) -> dict[str, Content]:
        """Of each table."""
        async with self._database.read() as session:
            await self._catalogue(session)
            return await self._contents(session)

    async def restore(self, folder: Path, copy: SchemaCopy) -> set[str]:
        """Puts the rows back, in one transaction, and answers which tables had changed.

        Waits for transactions of others that still write; DatabaseUnavailable when they do not end.
        """
        async with self._database.transaction() as session:
            tables = await self._catalogue(session)
            await session.execute(
                f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'; SET LOCAL synchronous_commit = off;"
                f" LOCK TABLE {', '.join(quoted(table.name) for table in tables)} IN EXCLUSIVE MODE"
            )
            found = await self._contents(session)
            changed = self._changed(found, copy.tables)
            await self._clear(session, found, changed)
            for table in tables:
                if table.name in changed and table.name in copy.tables:
                    await session.copy_in(_file(folder, table.name), table.name, table.columns)
            await session.value(
                "SELECT count(setval(quote_ident(name)::regclass, value, called))"
                " FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS s (name, value, called)",
                list(copy.sequences),
                [value for value, _ in copy.sequences.values()],
                [called for _, called in copy.sequences.values()],
            )
        return changed

    def _changed(self, found: Mapping[str, Content], wanted: Mapping[str, Content]) -> set[str]:
        """Tables with other rows than wanted, and those whose rows refer to these."""
        changed: set[str] = set()
        for table in self._tables:  # parents first
            content, goal = found[table.name], wanted.get(table.name, EMPTY)
            if content != goal or (content.rows and table.parents & changed):
                changed.add(table.name)
        return changed

    async def _clear(self, session: Session, found: Mapping[str, Content], changed: set[str]) -> None:
        filled = [table.name for table in reversed(self._tables) if table.name in changed and found[table.name].rows]
        if any(found[name].rows >= TRUNCATE_FROM for name in filled):
            await session.execute(f"TRUNCATE {', '.join(sorted(map(quoted, self._with_children(filled))))}")
        elif filled:
            await session.execute("; ".join(f"DELETE FROM {quoted(name)}" for name in filled))

    def _with_children(self, names: Collection[str]) -> set[str]:
        """Children of changed tables have changed too, or are empty."""
        found = {*names}
        for table in self._tables:
            if table.parents & found:
                found.add(table.name)
        return found

    async def _contents(self, session: Session) -> dict[str, Content]:
        rows = await session.rows(self._contents_sql)
        return {row["name"]: Content(row["rows"], row["digest"]) for row in rows}

    async def _catalogue(self, session: Session) -> Sequence[_Table]:
        if not self._tables:
            found = await session.rows(_CATALOGUE, self._database.schema)
            unsorted = {
                row["name"]: _Table(row["name"], row["columns"], frozenset(row["parents"]) - {row["name"]})
                for row in found
                if row["name"] not in self._lasting
            }
            self._tables = _parents_first(unsorted)
            self._contents_sql = " UNION ALL ".join(
                f"SELECT '{table.name}' AS name, count(*) AS rows,"
                f" coalesce(sum(hashtextextended(t::text, 0)), 0)::text AS digest FROM {quoted(table.name)} AS t"
                for table in self._tables
            )
        return self._tables


_CATALOGUE = """
SELECT c.relname::text AS name,
    array(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0
          AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
    array(SELECT p.relname::text FROM pg_constraint AS f JOIN pg_class AS p ON p.oid = f.confrelid
          WHERE f.conrelid = c.oid AND f.contype = 'f') AS parents
FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(quote_ident($1)) ORDER BY c.relname"""


def _file(folder: Path, table: str) -> Path:
    return folder / f"{table}.copy"


def _parents_first(tables: Mapping[str, _Table]) -> Sequence[_Table]:
    ordered: dict[str, _Table] = {}
    while len(ordered) < len(tables):
        ready = [t for name, t in tables.items() if name not in ordered and t.parents <= ordered.keys()]
        if not ready:
            raise ValueError(f"tables refer to each other in a circle: {', '.join(tables.keys() - ordered.keys())}")
        ordered |= {table.name: table for table in ready}
    return tuple(ordered.values())


def compare_steps(saved: Mapping[str, str], running: Mapping[str, str]) -> str | None:
    """Why rows of a schema made by those steps do not fit into one made by these; None when they do."""
    if saved == running:
        return None
    missing, unknown = running.keys() - saved.keys(), saved.keys() - running.keys()
    if unknown:
        return f"it has the migration {max(unknown)}, which this version does not know"
    if missing:
        return f"it is from before the migration {max(missing)}"
    changed: Any = max(name for name in saved if saved[name] != running[name])
    return f"its migration {changed} is another"
