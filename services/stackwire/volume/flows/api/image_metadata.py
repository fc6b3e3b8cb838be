"""The image metadata of a volume, read and changed by its owner. As recorded, no notification is emitted for it."""

from collections.abc import Mapping

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.rules import Resource
from stackwire.volume.db import glance_metadata, volumes
from stackwire.volume.domain import travel
from stackwire.volume.domain.errors import GlanceMetadataNotFound
from stackwire.volume.domain.travel import Rows
from stackwire.volume.flows.api.metadata import check_metadata
from stackwire.volume.flows.deps import Flow


class ImageMetadata(Flow):
    """``cinder/api/contrib/volume_image_metadata.py``."""

    async def get(self, ctx: RequestContext, volume_id: str) -> Rows:
        """GlanceMetadataNotFound when the volume has none."""
        async with self._deps.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
            self._deps.require(ctx, "volume_extension:volume_image_metadata:show", volume.project_id)
            rows = await glance_metadata.read(session, "volume_id", volume.id)
        if not rows:
            raise GlanceMetadataNotFound(id=volume.id)
        return rows

    async def set(self, ctx: RequestContext, volume_id: str, properties: Mapping[str, str]) -> Rows:
        """Merged into the existing metadata; the result is all of it."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume_extension:volume_image_metadata:set", volume.project_id)
            check_metadata(volume, "Updating")
            if not travel.may_be_set(properties, self._deps.behaviours):
                raise BadRequest(f"A value of image metadata has at most {travel.MAX_VALUE_LENGTH} characters.")
            before = await glance_metadata.read(uow, "volume_id", volume.id)
            await glance_metadata.upsert(uow, volume.id, properties)
            return uow.apply(travel.set_by_client, *_ends(ctx, volume.id), before, properties)

    async def delete(self, ctx: RequestContext, volume_id: str, key: str) -> None:
        """GlanceMetadataNotFound when there is no such key."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume_extension:volume_image_metadata:remove", volume.project_id)
            check_metadata(volume, "Deleting")
            before = await glance_metadata.read(uow, "volume_id", volume.id)
            if not await glance_metadata.delete(uow, "volume_id", volume.id, key):
                raise GlanceMetadataNotFound(id=volume.id)
            uow.apply(travel.unset_by_client, *_ends(ctx, volume.id), before, key)


def _ends(ctx: RequestContext, volume_id: str) -> tuple[Resource, Resource]:
    return Resource("client", ctx.user_id or ""), Resource("volume", volume_id)
