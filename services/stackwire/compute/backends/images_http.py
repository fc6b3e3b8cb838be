"""The image service reached as Nova reaches Glance: over HTTP, in the version of its API that there is."""

from collections.abc import AsyncIterable, Mapping
from datetime import datetime
from typing import Any

from stackwire.compute.backends.image_client import ImageClient
from stackwire.compute.domain.image_api import EmptyMode
from stackwire.contracts.image import ImageView
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.core.feeds import Take

_VIEWED = frozenset(ImageView.model_fields)


class HttpImages:
    """The same as by RPC (``Images``), whichever version answers."""

    def __init__(self, client: ImageClient, mode: EmptyMode = "auto") -> None:
        self.client = client
        self._mode = mode

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView:
        return _view(await (await self.client.api(ctx)).show(ctx, image_id))

    @property
    def url(self) -> str:
        return self.client.url

    async def list_page(
        self,
        ctx: RequestContext,
        filters: Mapping[str, str],
        changed_since: datetime | None = None,
        *,
        limit: int | None = None,
        marker: str | None = None,
    ) -> list[ImageView]:
        found = [_view(image) for image in await (await self.client.api(ctx)).list(ctx, filters, changed_since)]
        ids = [image.id for image in found]
        if marker is not None and marker not in ids:
            raise BadRequest(f"Marker {marker[:100]} could not be found.")
        start = 0 if marker is None else ids.index(marker) + 1
        return found[start:] if limit is None else found[start : start + limit]

    async def replace_properties(self, ctx: RequestContext, image_id: str, properties: Mapping[str, str]) -> None:
        await (await self.client.api(ctx)).update(ctx, image_id, {"properties": dict(properties)})

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        await (await self.client.api(ctx)).delete(ctx, image_id)

    async def create(self, ctx: RequestContext, request: Mapping[str, Any]) -> str:
        """The member is added to the new image, which is deleted when that fails."""
        api = await self.client.api(ctx)
        body = {key: value for key, value in request.items() if key not in ("size", "id")}
        image_id = str((await api.create(ctx, body))["id"])
        await self._share(ctx, image_id, request)
        return image_id

    async def create_empty(self, ctx: RequestContext, request: Mapping[str, Any]) -> str:
        api, version = await self.client.api(ctx), await self.client.version(ctx)
        if self._mode not in ("auto", {"v1": "size_zero", "v2": "upload_empty"}[version]):
            raise BadRequest(f"An image without data cannot be created by {self._mode} in {version} of the Image API.")
        body = {key: value for key, value in request.items() if key != "id"}
        image_id = str((await api.create(ctx, {**body, "size": 0}))["id"])
        await self._share(ctx, image_id, request)
        return image_id

    @property
    def keeps_roots(self) -> bool:
        return False

    async def create_at(
        self, ctx: RequestContext, request: Mapping[str, Any], url: str, metadata: Mapping[str, Any]
    ) -> str:
        raise BadRequest("The Image API shows locations to services only.")

    async def locations(self, ctx: RequestContext, image_id: str) -> list[dict[str, Any]]:
        """None: with a user's token the API shows none."""
        return []

    async def _share(self, ctx: RequestContext, image_id: str, request: Mapping[str, Any]) -> None:
        member = request.get("member")
        if not member or member == ctx.project_id:
            return
        try:
            await (await self.client.api(ctx)).share(ctx, image_id, member)
        except BaseException:
            await self.discard(ctx, image_id)
            raise

    async def data(self, ctx: RequestContext, image_id: str, take: Take) -> None:
        await (await self.client.api(ctx)).data(ctx, image_id, take)

    async def describe(
        self, ctx: RequestContext, image_id: str, changes: Mapping[str, Any], properties: Mapping[str, str]
    ) -> None:
        meta = {**changes, "properties": dict(properties)}
        await (await self.client.api(ctx)).update(ctx, image_id, meta, purge=False)

    async def upload(self, ctx: RequestContext, image_id: str, chunks: AsyncIterable[bytes], size: int) -> None:
        await (await self.client.api(ctx)).upload(ctx, image_id, chunks, size)

    async def discard(self, ctx: RequestContext, image_id: str) -> None:
        try:
            await self.delete(ctx, image_id)
        except ServiceError:
            return


def _view(image: Mapping[str, Any]) -> ImageView:
    return ImageView.model_validate({name: value for name, value in image.items() if name in _VIEWED})
