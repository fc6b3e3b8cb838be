"""Brings a schema up to date: numbered .sql files, applied once, in order, and never changed afterwards.

The tables every service has come from this package: step 0, then negative numbers.  A service's own steps are files
named ``NNNN_what.sql`` with NNNN from 0001.  The steps and their checksums are kept in ``schema_migrations``; two
processes that start at once are kept apart by an advisory lock.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import asyncpg

from stackwire.db.outbox import TABLES

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
MIGRATION_SECONDS = 3600.0
"""For one step, and for another process's steps."""
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('stackwire.migrate'), hashtext($1))"
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum char(64) NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""


SHARED_STEPS = (
    (0, "0000_outbox_and_inbox", TABLES),
    (
        -1,
        "shared_0001_drop_inbox",
        "DROP TABLE inbox; UPDATE outbox SET address ="
        " (address::jsonb - 'keep' || jsonb_build_object('durable', address -> 'keep'))::json WHERE kind = 'notify'",
    ),
)


class MigrationError(Exception):
    """The schema cannot be brought up to date."""


@dataclass(frozen=True, slots=True)
class Step:
    """One migration; its number is its key in ``schema_migrations``."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def steps_in(folder: Traversable | Path | None) -> list[Step]:
    """The shared steps and the folder's files, in order. Raises MigrationError for a wrong number or name."""
    found: list[Step] = []
    files = sorted(folder.iterdir(), key=lambda entry: entry.name) if folder is not None else []
    for entry in files:
        if not entry.name.endswith(".sql"):
            continue
        match = _NAME.fullmatch(entry.name)
        if match is None:
            raise MigrationError(f"migration {entry.name} is not named NNNN_what.sql")
        found.append(Step(int(match[1]), entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8")))
    if [step.version for step in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations are not numbered 0001, 0002, ...: {[step.name for step in found]}")
    return [*(Step(*shared) for shared in SHARED_STEPS), *found]


async def migrate(connection: asyncpg.Connection[Any], schema: str, folder: Traversable | Path | None) -> list[str]:
    """Applies what is missing in ``schema``; returns the names of the steps applied.

    Raises MigrationError when an applied step has changed since, or is not known here (an older program on a newer
    schema). All or nothing: a failing step leaves the schema as it was.
    """
    steps = steps_in(folder)
    if await _is_current(connection, schema, steps):
        return []
    async with connection.transaction():
        await connection.execute(_LOCK, schema, timeout=MIGRATION_SECONDS)
        if not await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", schema):
            await connection.execute(f"CREATE SCHEMA {quoted(schema)}")
        await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}")
        if not await _ledger_of(connection, schema):
            await connection.execute(_LEDGER)
        missing = _missing(steps, await _applied(connection, schema))
        for step in missing:
            try:
                await connection.execute(step.sql, timeout=MIGRATION_SECONDS)
            except asyncpg.PostgresError as error:
                raise MigrationError(f"migration {schema}/{step.name} failed: {error}") from error
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                step.version,
                step.name,
                step.checksum,
            )
    return [step.name for step in missing]


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


async def _is_current(connection: asyncpg.Connection[Any], schema: str, steps: Sequence[Step]) -> bool:
    return await _ledger_of(connection, schema) and not _missing(steps, await _applied(connection, schema))


async def _ledger_of(connection: asyncpg.Connection[Any], schema: str) -> bool:
    return bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{quoted(schema)}.schema_migrations"))


async def _applied(connection: asyncpg.Connection[Any], schema: str) -> dict[int, tuple[str, str]]:
    records = await connection.fetch(f"SELECT version, name, checksum FROM {quoted(schema)}.schema_migrations")
    return {record["version"]: (record["name"], record["checksum"]) for record in records}


def _missing(steps: Sequence[Step], applied: dict[int, tuple[str, str]]) -> list[Step]:
    known = {step.version: step for step in steps}
    for version, (name, checksum) in applied.items():
        if version not in known:
            raise MigrationError(f"the schema has step {name}, which this version of Stackwire does not know")
        if known[version].checksum != checksum:
            raise MigrationError(f"migration {known[version].name} was changed after it had been applied")
    return [step for step in steps if step.version not in applied]
