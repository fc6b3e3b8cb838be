"""Memberships. A removed one keeps its row, which is used again when the project becomes a member again."""

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.members import Member

_SHOWN = "image_id, member, status, created_at, updated_at"


async def of_image(db: Session, image_id: str) -> list[Member]:
    """Oldest first."""
    return await db.all(
        Member,
        f"SELECT {_SHOWN} FROM image_members WHERE image_id = $1 AND deleted_at IS NULL ORDER BY created_at, id",
        image_id,
    )


async def of_project(db: Session, member: str, asker: str | None) -> list[Member]:
    """What is shared with a project; ``asker`` None: all of it, else what is its own business, or its images'."""
    return await db.all(
        Member,
        """
        SELECT m.image_id, m.member, m.status, m.created_at, m.updated_at FROM image_members m
          JOIN images i ON i.id = m.image_id
         WHERE m.member = $1 AND m.deleted_at IS NULL AND i.deleted_at IS NULL
           AND ($2::text IS NULL OR m.member = $2 OR i.owner = $2) ORDER BY m.created_at, m.id""",
        member, asker,
    )  # fmt: skip


async def try_add(uow: UnitOfWork, image_id: str, member: str) -> Member | None:
    """Pending; None when it is a member already."""
    return await uow.one(
        Member,
        f"""
        INSERT INTO image_members AS m (image_id, member, status, created_at, updated_at)
        VALUES ($1, $2, 'pending', $3, $3)
        ON CONFLICT (image_id, member) DO UPDATE
           SET status = 'pending', created_at = $3, updated_at = $3, deleted_at = NULL WHERE m.deleted_at IS NOT NULL
        RETURNING {_SHOWN}""",
        image_id, member, uow.now,
    )  # fmt: skip


async def set_status(uow: UnitOfWork, image_id: str, member: str, status: str) -> Member | None:
    return await uow.one(
        Member,
        "UPDATE image_members SET status = $3, updated_at = $4"
        f" WHERE image_id = $1 AND member = $2 AND deleted_at IS NULL RETURNING {_SHOWN}",
        image_id, member, status, uow.now,
    )  # fmt: skip


async def remove(uow: UnitOfWork, image_id: str, member: str) -> Member | None:
    """The membership as it was; None when there was none."""
    return await uow.one(
        Member,
        "UPDATE image_members SET deleted_at = $3, updated_at = $3"
        f" WHERE image_id = $1 AND member = $2 AND deleted_at IS NULL RETURNING {_SHOWN}",
        image_id, member, uow.now,
    )  # fmt: skip


async def lock_image(uow: UnitOfWork, image_id: str) -> None:
    """Changes of one image's memberships come one after the other, so that their number stays true."""
    await uow.value("SELECT 1 FROM images WHERE id = $1 FOR UPDATE", image_id)


async def count(uow: UnitOfWork, image_id: str) -> int:
    return int(
        await uow.value("SELECT count(*) FROM image_members WHERE image_id = $1 AND deleted_at IS NULL", image_id)
    )
