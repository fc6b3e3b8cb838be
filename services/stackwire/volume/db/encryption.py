"""Rows of ``encryption``: at most one for each volume type."""

from stackwire.db.pool import Session
from stackwire.db.table import Table
from stackwire.volume.domain.model import Encryption

TABLE = Table(Encryption, "encryption", key="volume_type_id")


async def encrypts(session: Session, type_id: str) -> bool:
    """Whether volumes of the type are encrypted."""
    return await TABLE.get(session, type_id) is not None
