"""Who writes uploads, and which uploads nobody writes any more."""

from dataclasses import dataclass
from datetime import timedelta

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.image import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """An upload whose worker is gone."""

    id: str
    object: str

    def as_image(self) -> Image:
        """As much of the image as giving the upload up takes."""
        return Image(id=self.id, object=self.object)


async def seen(uow: UnitOfWork, host: str, address: str) -> None:
    """This worker lives. ``address`` is where it serves: an earlier life at the same one is over."""
    await uow.execute("DELETE FROM services WHERE address = $1 AND host <> $2", address, host)
    await uow.execute(
        "INSERT INTO services (host, address, last_seen) VALUES ($1, $2, $3)"
        " ON CONFLICT (host) DO UPDATE SET last_seen = excluded.last_seen",
        host, address, uow.now,
    )  # fmt: skip


async def stuck(uow: UnitOfWork, silence: timedelta) -> list[Stuck]:
    """Uploads, also of images deleted meanwhile, of workers that are unknown or silent; locked."""
    return await uow.all(
        Stuck,
        "SELECT i.id, i.object FROM images i WHERE i.worker IS NOT NULL AND i.object IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM services s WHERE s.host = i.worker AND s.last_seen > $1)"
        " FOR UPDATE OF i SKIP LOCKED",
        uow.now - silence,
    )


async def named_objects(db: Session) -> set[str]:
    """Every object of the store that an image, or an upload under way, has a use for."""
    rows = await db.rows("SELECT object FROM images WHERE object IS NOT NULL UNION SELECT value FROM image_locations")
    return {row["object"] for row in rows}
