"""Rows of ``key_pairs``: each belongs to a user, none to a project."""

from dataclasses import fields

from stackwire.compute.domain.model import KeyPair
from stackwire.db.pool import Session, UnitOfWork

COLUMNS = ", ".join(f.name for f in fields(KeyPair))


async def get(session: Session, user_id: str, name: str) -> KeyPair | None:
    return await session.one(
        KeyPair, f"SELECT {COLUMNS} FROM key_pairs WHERE user_id = $1 AND name = $2", user_id, name
    )


async def page(session: Session, user_id: str, limit: int, marker: str | None) -> list[KeyPair]:
    """By name, after ``marker``."""
    return await session.all(
        KeyPair,
        f"SELECT {COLUMNS} FROM key_pairs WHERE user_id = $1 AND ($3::text IS NULL OR name > $3)"
        " ORDER BY name LIMIT $2",
        user_id,
        limit,
        marker,
    )


async def count(session: Session, user_id: str) -> int:
    return int(await session.value("SELECT count(*) FROM key_pairs WHERE user_id = $1", user_id))


async def insert(uow: UnitOfWork, user_id: str, name: str, kind: str, public_key: str, fingerprint: str) -> KeyPair:
    """UniqueViolation when the user has one of this name."""
    made = await uow.one(
        KeyPair,
        "INSERT INTO key_pairs (user_id, name, type, public_key, fingerprint, created_at)"
        f" VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}",
        user_id,
        name,
        kind,
        public_key,
        fingerprint,
        uow.now,
    )
    assert made is not None
    return made


async def delete(uow: UnitOfWork, user_id: str, name: str) -> bool:
    return bool(await uow.execute("DELETE FROM key_pairs WHERE user_id = $1 AND name = $2", user_id, name))
