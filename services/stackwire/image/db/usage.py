"""What projects use of their quotas."""

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.usage import IN_TRANSIT, STAGED, Usage


async def lock_owner(uow: UnitOfWork, owner: str | None) -> None:
    """One transaction at a time for each owner: a sum stays true until it ends."""
    await uow.value("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"image-owner-{owner}")


async def usage(session: Session, owner: str | None, excluded_id: str | None = None) -> Usage:
    """The owner's usage, without one image: each image once for each of its locations, or while it is staged.

    Bytes reserved by uploads into deleted images count until these stop. Source: ``_image_get_disk_usage_by_owner``.
    """
    found = await session.one(
        Usage,
        "SELECT coalesce(sum(bytes) FILTER (WHERE NOT staged), 0)::bigint AS size,"
        " coalesce(sum(bytes) FILTER (WHERE staged), 0)::bigint AS staged,"
        " count(*) FILTER (WHERE here) AS images, count(*) FILTER (WHERE here AND status = ANY($4)) AS uploading"
        " FROM (SELECT status, deleted_at IS NULL AS here, status = ANY($3) AS staged,"
        " CASE WHEN deleted_at IS NOT NULL OR size IS NULL THEN 0 WHEN status = ANY($3) THEN size ELSE size *"
        "  (SELECT count(*) FROM image_locations l WHERE l.image_id = images.id AND l.status = 'active') END"
        " + reserved AS bytes FROM images WHERE owner IS NOT DISTINCT FROM $1 AND id IS DISTINCT FROM $2) AS counted",
        owner,
        excluded_id,
        STAGED,
        IN_TRANSIT,
    )
    assert found is not None  # a sum has a row
    return found
