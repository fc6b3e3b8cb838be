"""The image service's endpoints on the bus. Other services call them with the user's own context: the same flows and
the same onion as for HTTP."""

from typing import Any

from stackwire.contracts.base import Endpoint
from stackwire.contracts.image import (
    AddImageLocation,
    CreateImage,
    DeleteImage,
    GetImage,
    GetImageLocations,
    ImageList,
    ImageLocations,
    ImageView,
    ListImages,
    UpdateImage,
)
from stackwire.contracts.image_workers import RunTask
from stackwire.contracts.properties import ListImageProperties
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict
from stackwire.image.domain import listing, location_patch
from stackwire.image.domain.errors import Duplicate, ImageNotFound, NotDeletable
from stackwire.image.domain.image import Image, stamp
from stackwire.image.flows.registry import ApiFlows, WorkerFlows


def view(image: Image) -> ImageView:
    """An image in an answer: the attributes that the message names."""
    fields = {name: getattr(image, name) for name in ImageView.model_fields}
    times = {name: stamp(fields[name]) or "" for name in ("created_at", "updated_at")}
    return ImageView(**{**fields, **times, "tags": list(image.tags), "properties": dict(image.properties)})


def _body(message: CreateImage) -> dict[str, Any]:
    """The message as the body of an HTTP request: fields that are not set are left out."""
    fields = message.model_dump(exclude={"properties", "member"}, exclude_none=True)
    return {**message.properties, **fields}


class ApiEndpoints:
    """What the volume and compute services call."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows

    def endpoints(self) -> list[Endpoint]:
        """Each message with its handler."""
        return [
            AddImageLocation.served_by(self.add_location),
            GetImageLocations.served_by(self.get_locations),
            GetImage.served_by(self.get),
            ListImages.served_by(self.list_page),
            CreateImage.served_by(self.create),
            UpdateImage.served_by(self.update),
            DeleteImage.served_by(self.delete),
            ListImageProperties.served_by(self._flows.properties.list_properties),
        ]

    async def get(self, ctx: RequestContext, message: GetImage) -> ImageView:
        return view(await self._flows.images.get(ctx, message.image_id))

    async def list_page(self, ctx: RequestContext, message: ListImages) -> ImageList:
        images, more = await self._flows.images.list_page(ctx, listing.read(message.query))
        return ImageList(images=[view(image) for image in images], more=more)

    async def create(self, ctx: RequestContext, message: CreateImage) -> ImageView:
        """The caller names the image. Handled twice, when a broker delivers the call again, it is the one image: an
        error may be the answer that reaches the caller first."""
        try:
            image = await self._flows.images.create(ctx, _body(message), by_client=False, member=message.member)
        except Duplicate:
            found = await self._found(ctx, message.id)
            if found is None or found.name != message.name:
                raise
            image = found
        return view(image)

    async def _found(self, ctx: RequestContext, image_id: str | None) -> Image | None:
        try:
            return None if image_id is None else await self._flows.images.get(ctx, image_id)
        except ImageNotFound:
            return None

    async def update(self, ctx: RequestContext, message: UpdateImage) -> ImageView:
        return view(await self._flows.images.set_attributes(ctx, message))

    async def delete(self, ctx: RequestContext, message: DeleteImage) -> None:
        """Handled twice, the second finds it deleted since the call was made, and its caller no fault in that."""
        try:
            await self._flows.images.delete(ctx, message.image_id)
        except (ImageNotFound, NotDeletable):
            if not await self._flows.images.is_deleted_since(ctx, message.image_id):
                raise

    async def add_location(self, ctx: RequestContext, message: AddImageLocation) -> ImageView:
        """Handled twice, the second finds the image active with that location, which is the answer of both: refused,
        the caller would delete it."""
        image_id, locations = message.image_id, self._flows.locations
        try:
            activate = await locations.resolve(
                ctx, image_id, message.url, metadata=message.metadata, rule="add_image_location"
            )
            return view(await self._flows.images.update_with(ctx, image_id, activate))
        except (BadRequest, Conflict):
            image = await self._flows.images.get(ctx, image_id)
            if not location_patch.is_at(image, message.url, message.metadata):
                raise
            return view(image)

    async def get_locations(self, ctx: RequestContext, message: GetImageLocations) -> ImageLocations:
        return ImageLocations(locations=await self._flows.locations.list_for_service(ctx, message.image_id))


def worker_endpoints(flows: WorkerFlows) -> list[Endpoint]:
    """What the workers do."""
    return [RunTask.served_by(flows.tasks.on_run_task)]
