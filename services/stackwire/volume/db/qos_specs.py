"""Rows of ``quality_of_service_specs``."""

from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.db import volume_types
from stackwire.volume.domain.errors import QoSSpecsNotFound
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import QosSpecs, VolumeType

TABLE = Table(QosSpecs, "quality_of_service_specs")


async def find(session: Session, specs_id: str, *, lock: bool = False) -> QosSpecs:
    """QoSSpecsNotFound."""
    found = await TABLE.get(session, specs_id, lock=lock)
    if found is None:
        raise QoSSpecsNotFound(specs_id=specs_id)
    return found


async def of_type(session: Session, type_id: str) -> QosSpecs | None:
    """Those of a volume type, deleted or not."""
    return await session.one(
        QosSpecs,
        f"SELECT {TABLE.qualified('q')} FROM {TABLE.name} q JOIN volume_types t ON t.qos_specs_id = q.id"
        " WHERE t.id = $1",
        type_id,
    )


async def list_page(session: Session, listing: Listing) -> list[QosSpecs]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, TABLE.name, "q", kept=False)
    return await session.all(QosSpecs, f"SELECT {TABLE.qualified('q')} FROM {TABLE.name} q WHERE {sql}", *values)


async def types_with(session: Session, specs_id: str) -> list[VolumeType]:
    """The volume types that have these specs, deleted ones left out."""
    return await volume_types.TABLE.find(session, order="created_at, id", qos_specs_id=specs_id)


async def disassociate(uow: UnitOfWork, specs_id: str, type_id: str | None = None) -> None:
    """Takes the specs from this type, from all of them when None."""
    await uow.execute(
        "UPDATE volume_types SET qos_specs_id = NULL, updated_at = $3"
        " WHERE qos_specs_id = $1 AND ($2::text IS NULL OR id = $2)",
        specs_id,
        type_id,
        uow.now,
    )
