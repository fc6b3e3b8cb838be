"""What other services ask over the bus, with the caller's own context: the same flows, the same onion, no back door."""

from typing import Any

from stackwire.contracts.base import Endpoint
from stackwire.contracts.image import (
    AddImageLocation,
    CreateImage,
    DeleteImage,
    GetImage,
    GetImageLocations,
    ImageLocations,
    ImageView,
    UpdateImage,
)
from stackwire.contracts.image_workers import RunTask
from stackwire.core.context import RequestContext
from stackwire.image.domain.image import Image, stamp
from stackwire.image.flows.api.images import Metadata
from stackwire.image.flows.worker.tasks.runner import Worker


def view(image: Image) -> ImageView:
    return ImageView(
        id=image.id,
        name=image.name,
        status=image.status,
        visibility=image.visibility,
        protected=image.protected,
        os_hidden=image.os_hidden,
        owner=image.owner,
        checksum=image.checksum,
        os_hash_algo=image.os_hash_algo,
        os_hash_value=image.os_hash_value,
        size=image.size,
        virtual_size=image.virtual_size,
        container_format=image.container_format,
        disk_format=image.disk_format,
        min_disk=image.min_disk,
        min_ram=image.min_ram,
        created_at=stamp(image.created_at) or "",
        updated_at=stamp(image.updated_at) or "",
        tags=list(image.tags),
        properties=dict(image.properties),
    )


def endpoints(metadata: Metadata) -> list[Endpoint]:
    async def get(ctx: RequestContext, message: GetImage) -> ImageView:
        return view(await metadata.show(ctx, message.image_id))

    async def create(ctx: RequestContext, message: CreateImage) -> ImageView:
        return view(await metadata.create(ctx, _wish(message), by_client=False, member=message.member))

    async def update(ctx: RequestContext, message: UpdateImage) -> ImageView:
        image = await metadata.change(ctx, message.image_id, message.changes, message.properties, message.purge)
        return view(image)

    async def delete(ctx: RequestContext, message: DeleteImage) -> None:
        await metadata.delete(ctx, message.image_id)

    async def add_location(ctx: RequestContext, message: AddImageLocation) -> ImageView:
        located = await metadata.locations.look(
            ctx, message.image_id, message.url, metadata=message.metadata, rule="add_image_location"
        )
        return view(await metadata.save(ctx, message.image_id, located))

    async def locations(ctx: RequestContext, message: GetImageLocations) -> ImageLocations:
        return ImageLocations(locations=await metadata.locations.fetch(ctx, message.image_id))

    return [
        AddImageLocation.served_by(add_location),
        GetImageLocations.served_by(locations),
        GetImage.served_by(get),
        CreateImage.served_by(create),
        UpdateImage.served_by(update),
        DeleteImage.served_by(delete),
    ]


def work(worker: Worker) -> list[Endpoint]:
    """What the workers do."""

    async def run(ctx: RequestContext, message: RunTask) -> None:
        await worker.run(ctx, message.task_id)

    return [RunTask.served_by(run)]


def _wish(message: CreateImage) -> dict[str, Any]:
    """The body a client would have sent; what was left open stays open."""
    asked = message.model_dump(exclude={"properties", "member"}, exclude_none=True)
    return {**message.properties, **asked}
