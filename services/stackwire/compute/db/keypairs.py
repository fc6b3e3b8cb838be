"""Rows of ``key_pairs``: each belongs to a user, none to a project."""

from stackwire.compute.domain.model import KeyPair
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table

TABLE = Table(KeyPair, "key_pairs", key="name")


async def get(session: Session, user_id: str, name: str) -> KeyPair | None:
    """The key of the user with this name."""
    return await TABLE.get(session, name, user_id=user_id)


async def list_page(session: Session, user_id: str, limit: int, marker: str | None) -> list[KeyPair]:
    """By name, after ``marker``."""
    return await session.all(
        KeyPair,
        f"SELECT {TABLE.columns} FROM key_pairs WHERE user_id = $1 AND ($3::text IS NULL OR name > $3)"
        " ORDER BY name LIMIT $2",
        user_id,
        limit,
        marker,
    )


async def count(session: Session, user_id: str) -> int:
    """How many keys the user has."""
    return int(await session.value("SELECT count(*) FROM key_pairs WHERE user_id = $1", user_id))


async def insert(uow: UnitOfWork, user_id: str, name: str, type: str, public_key: str, fingerprint: str) -> KeyPair:
    """UniqueViolation when the user has one of this name."""
    key = {"user_id": user_id, "name": name, "type": type, "public_key": public_key, "fingerprint": fingerprint}
    return await TABLE.insert(uow, {**key, "created_at": uow.now})


async def delete(uow: UnitOfWork, user_id: str, name: str) -> bool:
    """False when the user has no key of this name."""
    return await TABLE.delete(uow, name, user_id=user_id)
