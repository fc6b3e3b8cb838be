"""Rows of ``volume_swaps``: servers on their way from one volume to another."""

from datetime import datetime

from stackwire.compute.domain.model import VolumeSwap
from stackwire.db.pool import Session
from stackwire.db.table import Table

TABLE = Table(VolumeSwap, "volume_swaps", key="attachment_id", touch=None)


async def unfinished(session: Session, host: str, before: datetime) -> list[VolumeSwap]:
    """Those of the host's servers, and of servers that are deleted, that were requested before ``before``."""
    return await session.all(
        VolumeSwap,
        f"SELECT {TABLE.qualified('s')} FROM volume_swaps AS s LEFT JOIN instances AS i"
        " ON i.uuid = s.instance_uuid AND NOT i.deleted"
        " WHERE (i.uuid IS NULL OR i.host = $1) AND s.created_at < $2 ORDER BY s.created_at LIMIT 20",
        host,
        before,
    )
