"""Objects in stores: their names, and their removal."""

from collections.abc import Sequence
from secrets import token_hex

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.image.backends.stores import Stores
from stackwire.image.db import images, locations
from stackwire.image.domain.errors import ImageInUse
from stackwire.image.domain.image import Image


def new_object_name(image_id: str) -> str:
    """A name that no object had before: what a dead worker still writes can never become part of an image."""
    return f"{image_id}.{token_hex(8)}"


async def require_unused(stores: Stores, image: Image, candidates: Sequence[str]) -> None:
    """Raises ImageInUse where volumes are clones of the image in one of these stores, Unavailable where it is away."""
    if image.object is not None and await stores.in_use(image.object, candidates):
        raise ImageInUse(image_id=image.id)


async def delete_unreferenced(
    database: Database, ctx: RequestContext, stores: Stores, name: str, candidates: Sequence[str]
) -> None:
    """Removes an object from those of the stores that no row names. The image is locked: a copy that begins waits."""
    async with database.work(ctx) as uow:
        await images.lock(uow, name.partition(".")[0])
        referenced = await locations.stores_of(uow, name)
        for store in candidates:
            if store not in referenced:
                await stores.remove(name, [store])
