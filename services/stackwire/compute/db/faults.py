"""What went wrong with servers: rows of ``instance_faults``."""

from stackwire.compute.domain.model import Fault
from stackwire.db.pool import UnitOfWork
from stackwire.db.table import Table

TABLE = Table(Fault, "instance_faults", touch=None)
MESSAGE_LENGTH = 255


async def insert(
    uow: UnitOfWork, uuid: str, code: int, message: str, details: str | None = None, host: str | None = None
) -> Fault:
    """The message is cut to the length of its column."""
    return await TABLE.insert(
        uow,
        {
            "instance_uuid": uuid,
            "code": code,
            "message": message[:MESSAGE_LENGTH],
            "details": details,
            "host": host,
            "created_at": uow.now,
        },
    )
