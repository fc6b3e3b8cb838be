"""Memberships. A removed one keeps its row, which is used again when the project becomes a member again."""

from stackwire.db.session import Session
from stackwire.db.table import Table
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.members import Member

TABLE = Table(Member, "image_members", key="image_id", live="deleted_at IS NULL")
_FOR_PROJECT = f"""
SELECT {TABLE.qualified("m")} FROM image_members m JOIN images i ON i.id = m.image_id
 WHERE m.member = $1 AND m.deleted_at IS NULL AND i.deleted_at IS NULL
   AND ($2::text IS NULL OR m.member = $2 OR i.owner = $2) ORDER BY m.created_at, m.id
"""
_ADD = f"""
INSERT INTO image_members AS m (image_id, member, status, created_at, updated_at) VALUES ($1, $2, 'pending', $3, $3)
ON CONFLICT (image_id, member) DO UPDATE
   SET status = 'pending', created_at = $3, updated_at = $3, deleted_at = NULL WHERE m.deleted_at IS NOT NULL
RETURNING {TABLE.columns}
"""


async def list_for_image(session: Session, image_id: str) -> list[Member]:
    """Oldest first."""
    return await TABLE.find(session, image_id=image_id, order="created_at, id")


async def list_for_project(session: Session, member: str, project_id: str | None) -> list[Member]:
    """Images shared with ``member``: with ``project_id`` only its own memberships and those in its images."""
    return await session.all(Member, _FOR_PROJECT, member, project_id)


async def add(uow: UnitOfWork, image_id: str, member: str) -> Member | None:
    """A pending membership; None when the project is a member already."""
    return await uow.one(Member, _ADD, image_id, member, uow.now)


async def set_status(uow: UnitOfWork, image_id: str, member: str, status: str) -> Member | None:
    """The membership with its new status; None when there is none."""
    return await TABLE.update(uow, image_id, where={"member": member}, status=status)


async def remove(uow: UnitOfWork, image_id: str, member: str) -> Member | None:
    """The membership as it was; None when there was none."""
    return await TABLE.update(uow, image_id, where={"member": member}, deleted_at=uow.now)


async def count(uow: UnitOfWork, image_id: str) -> int:
    """How many members the image has."""
    sql = "SELECT count(*) FROM image_members WHERE image_id = $1 AND deleted_at IS NULL"
    return int(await uow.value(sql, image_id))
