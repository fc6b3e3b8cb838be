"""What glance-registry does: each request is one transaction in the images' tables.

Source: ``glance/registry/api/v1/images.py: Controller``.
"""

from collections.abc import Sequence
from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict
from stackwire.image.domain import travel, v1_listing
from stackwire.image.domain.errors import ImageNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.registry import Changed, RegistryChange, read_new
from stackwire.image.domain.states import ACTIVE, DELETED, PENDING_DELETE, QUEUED
from stackwire.image.flows.api.images import ImageMetadata
from stackwire.image.flows.api.registry_uploads import RegistryUploads, check_owner, located
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.authorization import is_admin


class RegistryImages:
    def __init__(self, deps: FlowDeps, metadata: ImageMetadata) -> None:
        self._deps = deps
        self._metadata = metadata
        self._uploads = RegistryUploads(deps)

    async def list_page(self, ctx: RequestContext, pairs: Sequence[tuple[str, str]]) -> list[Image]:
        """The images that the query's pairs select."""
        found, _ = await self._metadata.list_page(ctx, v1_listing.read(pairs, is_admin=is_admin(ctx)))
        return found

    async def get(self, ctx: RequestContext, image_id: str) -> Image:
        """An administrator gets what remains of a deleted image too. Raises ImageNotFound."""
        try:
            return await self._metadata.get(ctx, image_id)
        except ImageNotFound:
            deleted = await self._metadata.get_deleted(ctx, image_id) if is_admin(ctx) else None
            if deleted is None:
                raise
            return deleted

    async def create(self, ctx: RequestContext, body: object, *, by_client: bool = True) -> Image:
        """An image with a location is registered first, and active with it after. Raises BadRequest, Duplicate.

        ``by_client``: the lineage records here that the caller has set its properties.
        """
        new = read_new(body)
        status = new.columns["status"]
        if status not in (QUEUED, ACTIVE):
            raise BadRequest(f"An image cannot be registered as {status}.")
        if not new.locations:
            return await self._metadata.create_record(ctx, new.columns, new.properties, by_client=by_client)
        queued = {**new.columns, "status": QUEUED}
        image = await self._metadata.create_record(ctx, queued, new.properties, by_client=by_client)
        columns = {name: new.columns[name] for name in ("status", "size", "checksum") if name in new.columns}
        return (await self.update(ctx, image.id, RegistryChange(columns=columns, locations=new.locations))).image

    async def update(
        self, ctx: RequestContext, image_id: str, change: RegistryChange, *, by_client: bool = True
    ) -> Changed:
        """Raises Conflict when the image is not, or no longer, in the state that it is to be changed from.

        A status that says it is to be deleted changes nothing: the deletion is the next request.
        """
        if change.upload is not None:
            return await self._uploads.change(ctx, image_id, change)
        before, status = await self._metadata.get(ctx, image_id), change.columns.get("status")
        if status in (DELETED, PENDING_DELETE):
            check_owner(ctx, before)
            return Changed(replace(before, status=status))
        if self._uploads.is_step(before, change):
            return Changed(await self._uploads.step(ctx, image_id, change))

        def apply(image: Image) -> Image:
            if change.from_state not in (None, image.status):
                raise Conflict(f"The image is {image.status}, and no longer {change.from_state}.")
            after = change.applied(image)
            if (image.status, after.status) == (QUEUED, ACTIVE) and change.locations is None:
                raise BadRequest("An image becomes active with its data: by an upload, or a location.")
            return replace(after, locations=located(self._deps.stores, after.locations))

        rule = travel.update if by_client else None
        return Changed(await self._metadata.update_with(ctx, image_id, apply, rule=rule))

    async def delete(self, ctx: RequestContext, image_id: str) -> Image:
        """The rows alone; the caller removes the bytes."""
        _, deleted = await self._metadata.delete_record(ctx, image_id)
        return deleted
