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
from stackwire.image.domain import listing
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
        return view(await self._flows.images.create(ctx, _body(message), by_client=False, member=message.member))

    async def update(self, ctx: RequestContext, message: UpdateImage) -> ImageView:
        return view(await self._flows.images.set_attributes(ctx, message))

    async def delete(self, ctx: RequestContext, message: DeleteImage) -> None:
        await self._flows.images.delete(ctx, message.image_id)

    async def add_location(self, ctx: RequestContext, message: AddImageLocation) -> ImageView:
        activate = await self._flows.locations.resolve(
            ctx, message.image_id, message.url, metadata=message.metadata, rule="add_image_location"
        )
        return view(await self._flows.images.update_with(ctx, message.image_id, activate))

    async def get_locations(self, ctx: RequestContext, message: GetImageLocations) -> ImageLocations:
        return ImageLocations(locations=await self._flows.locations.list_for_service(ctx, message.image_id))


def worker_endpoints(flows: WorkerFlows) -> list[Endpoint]:
    """What the workers do."""
    return [RunTask.served_by(flows.tasks.on_run_task)]
