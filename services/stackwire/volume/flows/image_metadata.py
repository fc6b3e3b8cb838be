"""What a volume knows of its image, seen and changed by its owner. No notification tells of it: so it is recorded."""

from collections.abc import Mapping

from stackwire.contracts.base import Event
from stackwire.contracts.lineage import property_transfer
from stackwire.contracts.volume import InvalidVolume
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.volume.db import glance_metadata, volumes
from stackwire.volume.domain import travel
from stackwire.volume.domain.errors import GlanceMetadataNotFound
from stackwire.volume.domain.states import MAINTENANCE, UPLOADING
from stackwire.volume.domain.travel import Rows
from stackwire.volume.flows.parts import Parts

_SET = "cinder/api/contrib/volume_image_metadata.py: create"
_UNSET = "cinder/api/contrib/volume_image_metadata.py: delete"


class ImageMetadata:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def show(self, ctx: RequestContext, volume_id: str) -> Rows:
        """GlanceMetadataNotFound when the volume has none."""
        async with self._parts.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
            self._parts.require(ctx, "volume_extension:volume_image_metadata:show", volume.project_id)
            rows = await glance_metadata.read(session, "volume_id", volume.id)
        if not rows:
            raise GlanceMetadataNotFound(id=volume.id)
        return rows

    async def set(self, ctx: RequestContext, volume_id: str, properties: Mapping[str, str]) -> Rows:
        """Over what there is; answers with all of it."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, "volume_extension:volume_image_metadata:set", volume.project_id)
            if volume.status in (MAINTENANCE, UPLOADING):
                raise InvalidVolume(
                    reason=f"Updating volume metadata is not allowed for volumes in {volume.status} status."
                )
            if not travel.may_be_set(properties, self._parts.behaviours):
                raise BadRequest(f"A value of image metadata has at most {travel.SHORT} characters.")
            before = await glance_metadata.read(uow, "volume_id", volume.id)
            await glance_metadata.upsert(uow, volume.id, properties)
            after = {**before, **properties}
            uow.notify(_crossing(ctx, "client.set", volume.id, before, after, _SET))
            return after

    async def unset(self, ctx: RequestContext, volume_id: str, key: str) -> None:
        """GlanceMetadataNotFound when there is no such key."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, "volume_extension:volume_image_metadata:remove", volume.project_id)
            before = await glance_metadata.read(uow, "volume_id", volume.id)
            if not await glance_metadata.drop(uow, "volume_id", volume.id, key):
                raise GlanceMetadataNotFound(id=volume.id)
            after = {name: value for name, value in before.items() if name != key}
            uow.notify(_crossing(ctx, "client.unset", volume.id, before, after, _UNSET))


def _crossing(ctx: RequestContext, rule: str, volume_id: str, before: Rows, after: Rows, source: str) -> Event:
    return property_transfer(
        "volume", rule, "client", ctx.user_id or "", "volume", volume_id, before, after, source=source
    )
