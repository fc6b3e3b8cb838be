"""Rows of ``console_auth_tokens``: a token opens one console until it expires, or its server goes."""

from datetime import datetime

from stackwire.compute.domain.consoles import Console
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table

TABLE = Table(Console, "console_auth_tokens", key="token_hash", touch=None)


async def authorize(uow: UnitOfWork, console: Console, token_hash: str) -> None:
    """Expired tokens go at the same time."""
    await uow.execute("DELETE FROM console_auth_tokens WHERE expires <= $1", int(uow.now.timestamp()))
    row = {name: getattr(console, name) for name in Console.__dataclass_fields__}
    await TABLE.insert(uow, {**row, "token_hash": token_hash, "created_at": uow.now})


async def valid(session: Session, token_hash: str, now: datetime) -> Console | None:
    """The console that the token opens now."""
    return await session.one(
        Console,
        f"SELECT {TABLE.columns} FROM console_auth_tokens WHERE token_hash = $1"
        " AND expires > extract(epoch FROM $2::timestamptz)",
        token_hash,
        now,
    )


async def delete_of(uow: UnitOfWork, instance_uuid: str) -> None:
    """Every token of the server."""
    await uow.execute("DELETE FROM console_auth_tokens WHERE instance_uuid = $1", instance_uuid)
