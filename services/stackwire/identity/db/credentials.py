"""Statements on credentials of other kinds: their blobs are encrypted."""

from collections.abc import Mapping
from typing import Any

from stackwire.db.query import Conditions
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.domain.entities import Row

_COLUMNS = "id, user_id, project_id, type, encrypted_blob, extra"


async def get(session: Session, id: str) -> Row | None:
    """The credential, still encrypted."""
    rows = await session.rows(f"SELECT {_COLUMNS} FROM credentials WHERE id = $1", id)
    return rows[0] if rows else None


async def find(session: Session, filters: Mapping[str, str]) -> list[Row]:
    """``filters``: user_id, type."""
    conditions = Conditions()
    for name, value in filters.items():
        conditions.where(f"{name} = {{}}", value)
    sql = f"SELECT {_COLUMNS} FROM credentials WHERE {conditions.sql} ORDER BY id"
    return await session.rows(sql, *conditions.values)


async def insert(uow: UnitOfWork, row: Mapping[str, Any]) -> None:
    """UniqueViolation for an access key in use, ForeignKeyViolation for an unknown user."""
    names = ", ".join(row)
    placeholders = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await uow.execute(f"INSERT INTO credentials ({names}) VALUES ({placeholders})", *row.values())


async def update_blob(uow: UnitOfWork, id: str, encrypted_blob: bytes) -> None:
    """Replaces what the credential is."""
    await uow.execute("UPDATE credentials SET encrypted_blob = $2 WHERE id = $1", id, encrypted_blob)


async def delete(uow: UnitOfWork, id: str) -> bool:
    """False when there is no such credential."""
    return bool(await uow.execute("DELETE FROM credentials WHERE id = $1", id))


async def delete_of_project(uow: UnitOfWork, project_id: str) -> None:
    """Those that name the project."""
    await uow.execute("DELETE FROM credentials WHERE project_id = $1", project_id)
