"""An image's entry in the image-volume cache goes with the volume that it names."""

from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import image_volume_cache
from stackwire.volume.domain.notifications import cache_event


async def evict(uow: UnitOfWork, volume_id: str) -> None:
    """Where the volume is one of the cache (``cinder/volume/api.py: delete``)."""
    entry = await image_volume_cache.TABLE.get(uow, volume_id)
    if entry is not None:
        await image_volume_cache.TABLE.delete(uow, volume_id)
        uow.notify(cache_event("evict", entry.image_id, entry.host))
