"""Who writes uploads, and which uploads nobody writes any more."""

from dataclasses import dataclass
from datetime import timedelta

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.image import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """An upload, staging or import whose worker is gone, or is ``mine``."""

    id: str
    status: str
    object: str | None
    staged: str | None
    mine: bool

    @property
    def mark(self) -> str:
        """What makes its name one worker's own."""
        return (self.object or self.staged or "").rpartition(".")[2]

    def as_image(self) -> Image:
        """As much of the image as giving it up takes."""
        return Image(id=self.id, status=self.status, object=self.object, staged=self.staged)


async def seen(uow: UnitOfWork, host: str, address: str) -> None:
    """This worker lives. ``address`` is where it serves: an earlier life at the same one is over."""
    await uow.execute("DELETE FROM services WHERE address = $1 AND host <> $2", address, host)
    await uow.execute(
        "INSERT INTO services (host, address, last_seen) VALUES ($1, $2, $3)"
        " ON CONFLICT (host) DO UPDATE SET last_seen = excluded.last_seen",
        host, address, uow.now,
    )  # fmt: skip


async def stuck(uow: UnitOfWork, silence: timedelta, me: str) -> list[Stuck]:
    """Uploads, also of images deleted meanwhile, of ``me`` and of workers that are unknown or silent; locked."""
    return await uow.all(
        Stuck,
        "SELECT i.id, i.status, i.object, i.staged, i.worker = $2 AS mine FROM images i WHERE i.worker IS NOT NULL"
        " AND (i.worker = $2 OR NOT EXISTS (SELECT 1 FROM services s WHERE s.host = i.worker AND s.last_seen > $1))"
        " FOR UPDATE OF i SKIP LOCKED",
        uow.now - silence, me,
    )  # fmt: skip


async def named_objects(db: Session) -> set[str]:
    """Everything in the store and in staging that an image, or an upload under way, has a use for."""
    rows = await db.rows(
        "SELECT object FROM images WHERE object IS NOT NULL"
        " UNION SELECT value FROM image_locations WHERE value IS NOT NULL"
        " UNION SELECT staged FROM images WHERE staged IS NOT NULL"
    )
    return {row["object"] for row in rows}


async def named_places(db: Session) -> dict[str, list[str]]:
    """The stores that each object belongs into, of those that nobody is about to write."""
    rows = await db.rows(
        "SELECT l.value, array_agg(l.store) AS stores FROM image_locations l JOIN images i ON i.id = l.image_id"
        " WHERE i.worker IS NULL AND l.value IS NOT NULL GROUP BY l.value"
    )
    return {row["value"]: list(row["stores"]) for row in rows}
