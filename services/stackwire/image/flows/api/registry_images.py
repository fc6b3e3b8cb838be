"""What glance-registry does: each request is one transaction in the images' tables.

Source: ``glance/registry/api/v1/images.py: Controller``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict
from stackwire.image.db import images as rows
from stackwire.image.domain import travel, v1_listing
from stackwire.image.domain.errors import ImageNotFound, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.registry import RegistryChange, RegistryUpload, read_new
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, KILLED, QUEUED, SAVING
from stackwire.image.domain.uploads import UNLIMITED_BYTES, WrittenData
from stackwire.image.flows.api.images import ImageMetadata
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.port import Upload


@dataclass(frozen=True, slots=True)
class Changed:
    """An image after a PUT; ``allowance``: bytes that the upload it begins may have."""

    image: Image
    allowance: int = UNLIMITED_BYTES


class RegistryImages:
    def __init__(self, deps: FlowDeps, metadata: ImageMetadata) -> None:
        self._deps = deps
        self._metadata = metadata
        self._data = deps.onion.data

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

    async def create(self, ctx: RequestContext, body: object) -> Image:
        """Raises BadRequest, Duplicate."""
        base, properties = read_new(body)
        if base["status"] not in (QUEUED, ACTIVE):
            raise BadRequest(f"An image cannot be registered as {base['status']}.")
        return await self._metadata.create_record(ctx, base, properties)

    async def update(self, ctx: RequestContext, image_id: str, change: RegistryChange) -> Changed:
        """Raises Conflict when the image is not, or no longer, in the state that it is to be changed from."""
        if change.upload is not None:
            return await self._upload(ctx, image_id, change, change.upload)

        def apply(image: Image) -> Image:
            if change.from_state not in (None, image.status):
                raise Conflict(f"The image is {image.status}, and no longer {change.from_state}.")
            after = change.applied(image)
            if ACTIVE == after.status != image.status and change.locations is None:
                raise BadRequest("An image becomes active with its data: by an upload, or a location.")
            return after

        return Changed(await self._metadata.update_with(ctx, image_id, apply, rule=travel.update))

    async def delete(self, ctx: RequestContext, image_id: str) -> Image:
        """The rows alone; the caller removes the bytes."""
        _, deleted = await self._metadata.delete_record(ctx, image_id)
        return deleted

    async def _upload(
        self, ctx: RequestContext, image_id: str, change: RegistryChange, upload: RegistryUpload
    ) -> Changed:
        status = change.columns.get("status")
        if status == SAVING:
            return await self._begin(ctx, image_id, upload)
        if status == ACTIVE:
            return Changed(await self._finish(ctx, image_id, change, upload))
        if status in (QUEUED, KILLED):
            return Changed(await self._abort(ctx, image_id, status, upload))
        raise BadRequest("An upload is begun (saving), finished (active) or aborted (queued, killed).")

    async def _begin(self, ctx: RequestContext, image_id: str, upload: RegistryUpload) -> Changed:
        """From now on the image is the upload's: the process that writes the bytes renews the lease."""
        if not upload.worker:
            raise BadRequest("Who begins an upload names the process that writes.")
        async with self._deps.database.work(ctx) as uow:
            image = await self._deps.onion.images.get(ctx, uow, image_id)
            wanted = Upload(
                image=image, announced=upload.announced, object_name=upload.object, store=upload.store, status=SAVING
            )
            begun = await self._data.begin_upload(ctx, uow, wanted)
            await self._deps.leases.hand_over(uow, "image", image.id, upload.worker)
        return Changed(begun.image, begun.allowance)

    async def _finish(
        self, ctx: RequestContext, image_id: str, change: RegistryChange, upload: RegistryUpload
    ) -> Image:
        size, checksum = change.columns.get("size"), change.columns.get("checksum")
        if size is None or checksum is None or upload.store is None:
            raise BadRequest("An upload that is finished has a size, a checksum and a store.")
        written = WrittenData(
            object=upload.object,
            stores=(upload.store,),
            size=size,
            virtual_size=upload.virtual_size,
            checksum=checksum,
            os_hash_algo=upload.os_hash_algo,
            os_hash_value=upload.os_hash_value,
        )
        async with self._deps.database.work(ctx) as uow:
            try:
                current = await self._deps.onion.images.get(ctx, uow, image_id)
            except ImageNotFound as error:
                raise Vanished(image_id=image_id) from error
            if current.status in (ACTIVE, DEACTIVATED) and current.object == upload.object:
                return current  # the answer to the same request was lost
            claimed = Image(
                id=image_id,
                status=SAVING,
                owner=current.owner,
                object=upload.object,
                disk_format=upload.disk_format,
                container_format=upload.container_format,
            )
            return await self._data.finish_upload(ctx, uow, claimed, written)

    async def _abort(self, ctx: RequestContext, image_id: str, status: str, upload: RegistryUpload) -> Image:
        """Also of an image that was deleted meanwhile, of which the names of the bytes go."""
        async with self._deps.database.work(ctx) as uow:
            claimed = Image(id=image_id, status=SAVING, object=upload.object)
            if not await self._data.abort(ctx, uow, claimed, upload.reason, status):
                raise Conflict("The image is not, or no longer, this upload's.")
            aborted = await rows.get(uow, image_id, ctx.project_id, deleted=True)
            assert aborted is not None  # rows of deleted images stay
            return aborted
