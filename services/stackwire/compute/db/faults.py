"""What went wrong with servers."""

from collections.abc import Sequence

from stackwire.compute.domain.instance import Fault
from stackwire.db.pool import Session, UnitOfWork

LONGEST = 255


async def insert(
    uow: UnitOfWork, uuid: str, *, code: int, message: str, details: str | None = None, host: str | None = None
) -> Fault:
    made = await uow.one(
        Fault,
        "INSERT INTO instance_faults (instance_uuid, code, message, details, host, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING *",
        uuid,
        code,
        message[:LONGEST],
        details,
        host,
        uow.now,
    )
    assert made is not None
    return made


async def latest(session: Session, uuids: Sequence[str]) -> dict[str, Fault]:
    found = await session.all(
        Fault,
        "SELECT DISTINCT ON (instance_uuid) * FROM instance_faults WHERE instance_uuid = ANY($1)"
        " ORDER BY instance_uuid, id DESC",
        list(uuids),
    )
    return {fault.instance_uuid: fault for fault in found}
