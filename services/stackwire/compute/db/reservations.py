"""Which volumes are reserved for servers that are not written yet."""

from collections.abc import Collection
from datetime import datetime

from stackwire.db.pool import UnitOfWork


async def note(uow: UnitOfWork, uuid: str, attachment_ids: Collection[str]) -> None:
    """Recorded before the reservations are requested."""
    await uow.many(
        "INSERT INTO reservations (attachment_id, instance_uuid, created_at) VALUES ($1, $2, $3)",
        [(attachment_id, uuid, uow.now) for attachment_id in attachment_ids],
    )


async def keep(uow: UnitOfWork, uuid: str) -> int:
    """How many the server, which is written now, still has: less than were recorded when it took too long."""
    return await uow.execute("DELETE FROM reservations WHERE instance_uuid = $1 AND NOT abandoned", uuid)


async def abandon(uow: UnitOfWork, before: datetime) -> list[str]:
    """Those of servers that were never written: no server can have them any more, and they are to be released."""
    rows = await uow.rows(
        "UPDATE reservations SET abandoned = true WHERE created_at < $1 RETURNING attachment_id", before
    )
    return [row["attachment_id"] for row in rows]


async def delete(uow: UnitOfWork, attachment_ids: Collection[str]) -> None:
    """Once they are released."""
    await uow.execute("DELETE FROM reservations WHERE attachment_id = ANY($1)", list(attachment_ids))
