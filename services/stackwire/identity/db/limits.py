"""Statements on unified limits: the registered ones, and those of projects and domains."""

from collections.abc import Mapping
from typing import Any

from stackwire.db.query import Conditions
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.domain.entities import Row

_REGISTERED = "SELECT id, service_id, region_id, resource_name, default_limit, description FROM registered_limits l"
_LIMITS = """
SELECT l.id, r.service_id, r.region_id, r.resource_name, l.project_id, l.domain_id, l.resource_limit, l.description
  FROM limits l JOIN registered_limits r ON r.id = l.registered_limit_id"""
_COLUMNS = {"project_id": "l.project_id", "domain_id": "l.domain_id", "id": "l.id"}
SELECTS: Mapping[str, str] = {"registered_limit": _REGISTERED, "limit": _LIMITS}


async def find(session: Session, kind: str, filters: Mapping[str, str | None]) -> list[Row]:
    """``kind``: registered_limit or limit; ``filters``: columns and values, None for none."""
    conditions = Conditions()
    for name, value in filters.items():
        conditions.where(f"{_COLUMNS.get(name, name)} IS NOT DISTINCT FROM {{}}", value)
    return await session.rows(f"{SELECTS[kind]} WHERE {conditions.sql} ORDER BY l.id", *conditions.values)


async def insert(uow: UnitOfWork, kind: str, row: Mapping[str, Any]) -> None:
    """UniqueViolation for one that there is."""
    placeholders = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await uow.execute(f"INSERT INTO {kind}s ({', '.join(row)}) VALUES ({placeholders})", *row.values())


async def update(uow: UnitOfWork, kind: str, id: str, changes: Mapping[str, Any]) -> None:
    """Names of columns come from the schemas."""
    assignments = ", ".join(f"{name} = ${n}" for n, name in enumerate(changes, 2))
    await uow.execute(f"UPDATE {kind}s SET {assignments} WHERE id = $1", id, *changes.values())


async def delete(uow: UnitOfWork, kind: str, id: str) -> bool:
    """False when there is none; ForeignKeyViolation for a registered one that has limits."""
    return bool(await uow.execute(f"DELETE FROM {kind}s WHERE id = $1", id))


async def has_limits(session: Session, registered_limit_id: str) -> bool:
    """Whether projects or domains have limits of it."""
    sql = "SELECT EXISTS (SELECT 1 FROM limits WHERE registered_limit_id = $1)"
    return bool(await session.value(sql, registered_limit_id))
