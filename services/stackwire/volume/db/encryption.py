"""Rows of ``encryption``: at most one for each volume type.

Whether a volume is encrypted follows from its type: a type that has volumes keeps its encryption, or the lack of it.
"""

from stackwire.db.pool import Session
from stackwire.db.table import Table
from stackwire.volume.domain.model import Encryption

TABLE = Table(Encryption, "encryption", key="volume_type_id")


async def encrypts(session: Session, type_id: str) -> bool:
    """Whether volumes of the type are encrypted."""
    return await TABLE.get(session, type_id) is not None
