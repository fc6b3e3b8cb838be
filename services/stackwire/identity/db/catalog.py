"""Statements on what was changed of the catalogue."""

from collections.abc import Mapping
from typing import Any

from stackwire.db.pool import Database
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.domain.entities import Row

TABLES: Mapping[str, str] = {"service": "services", "endpoint": "endpoints", "region": "regions"}
_SELECT = " UNION ALL ".join(
    f"SELECT '{kind}' AS kind, to_jsonb(t) AS row FROM {table} t" for kind, table in TABLES.items()
)


async def load(session: Database | Session) -> dict[str, list[Row]]:
    """Every changed row, by kind."""
    found: dict[str, list[Row]] = {kind: [] for kind in TABLES}
    for each in await session.rows(f"SELECT kind, row FROM ({_SELECT}) changes ORDER BY row ->> 'id'"):
        found[each["kind"]].append(each["row"])
    return found


async def lock(uow: UnitOfWork) -> None:
    """Changes of the catalogue follow one another."""
    await uow.value("SELECT pg_advisory_xact_lock(hashtext('stackwire.identity.catalog'))")


async def put(uow: UnitOfWork, kind: str, row: Mapping[str, Any]) -> None:
    """The row stands for whatever has its id."""
    names = list(row)
    placeholders = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    await uow.execute(
        f"""INSERT INTO {TABLES[kind]} ({", ".join(names)}) VALUES ({placeholders})
                ON CONFLICT (id) DO UPDATE SET {updates}""",
        *row.values(),
    )
