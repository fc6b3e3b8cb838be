"""The image service as compute reaches it: metadata by RPC, bytes over HTTP, in the user's name."""

from collections.abc import AsyncIterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from stackwire.compute.domain.image_api import v2_filters
from stackwire.contracts.image import (
    AddImageLocation,
    CreateImage,
    DeleteImage,
    GetImage,
    GetImageLocations,
    ImageView,
    ListImages,
    UpdateImage,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.feeds import Take
from stackwire.http.client import HttpClient
from stackwire.messaging.rpc import RpcClient


class Images(Protocol):
    """``properties`` of a request are texts. ImageNotFound: deleted, or not visible to the user."""

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView: ...
    async def create(self, ctx: RequestContext, request: Mapping[str, Any]) -> str:
        """A queued image from an image dictionary; its id. ``member``: a project it is shared with.

        ``id``: the one it gets, where the image service is asked by RPC.
        """

    async def create_empty(self, ctx: RequestContext, request: Mapping[str, Any]) -> str:
        """An active image without data, or none at all."""

    @property
    def keeps_roots(self) -> bool:
        """Whether the image of a server on volumes has its root's snapshot for its data (``create_at``)."""

    async def create_at(
        self, ctx: RequestContext, request: Mapping[str, Any], url: str, metadata: Mapping[str, Any]
    ) -> str:
        """An active image whose data is at ``url``, of which ``metadata`` is kept; or none at all."""

    async def locations(self, ctx: RequestContext, image_id: str) -> list[dict[str, Any]]:
        """Where its data is, as far as this API shows it."""

    async def describe(
        self, ctx: RequestContext, image_id: str, changes: Mapping[str, Any], properties: Mapping[str, str]
    ) -> None:
        """Adds to the image's attributes and properties."""

    @property
    def url(self) -> str:
        """The image API's root."""

    async def list_page(
        self,
        ctx: RequestContext,
        filters: Mapping[str, str],
        changed_since: datetime | None = None,
        *,
        limit: int | None = None,
        marker: str | None = None,
    ) -> list[ImageView]:
        """Newest first, after the marker; BadRequest for a marker that is no image, and for filters of no meaning."""

    async def replace_properties(self, ctx: RequestContext, image_id: str, properties: Mapping[str, str]) -> None:
        """The image has these properties and no others: its user wants it so. ImageForbidden."""

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        """ImageForbidden, ImageInUse."""

    async def upload(self, ctx: RequestContext, image_id: str, chunks: AsyncIterable[bytes], size: int) -> None: ...
    async def data(self, ctx: RequestContext, image_id: str, take: Take) -> None:
        """See ``Feed``."""

    async def discard(self, ctx: RequestContext, image_id: str) -> None:
        """Deletes an image that could not be finished; after an error it stays."""


class RpcImages:
    """``url``: the image API's root. ``keeps_roots``: what ``empty_image_mode`` says."""

    def __init__(self, rpc: RpcClient, http: HttpClient, url: str, *, keeps_roots: bool = False) -> None:
        self.keeps_roots = keeps_roots
        self._rpc = rpc
        self._http = http
        self.url = url.rstrip("/")

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView:
        return await self._rpc.call(ctx.as_service(), GetImage(image_id=image_id))

    async def list_page(
        self,
        ctx: RequestContext,
        filters: Mapping[str, str],
        changed_since: datetime | None = None,
        *,
        limit: int | None = None,
        marker: str | None = None,
    ) -> list[ImageView]:
        found: list[ImageView] = []
        more = True
        while more and (limit is None or len(found) < limit):
            after = found[-1].id if found else marker
            page = {"limit": None if limit is None else limit - len(found), "marker": after}
            pairs = [(name, str(value)) for name, value in page.items() if value is not None]
            message = ListImages(query=[*v2_filters(filters, changed_since), *pairs])
            answer = await self._rpc.call(ctx.as_service(), message)
            found, more = [*found, *answer.images], answer.more
        return found

    async def replace_properties(self, ctx: RequestContext, image_id: str, properties: Mapping[str, str]) -> None:
        message = UpdateImage(image_id=image_id, properties=dict(properties), purge=True, by_client=True)
        await self._rpc.call(ctx.as_service(), message)

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        await self._rpc.call(ctx.as_service(), DeleteImage(image_id=image_id))

    async def create(self, ctx: RequestContext, request: Mapping[str, Any]) -> str:
        properties = {key: str(value) for key, value in request["properties"].items() if value is not None}
        message = CreateImage(
            id=request.get("id"),
            name=request["name"],
            visibility=request["visibility"],
            disk_format=request.get("disk_format"),
            container_format=request.get("container_format"),
            min_disk=request.get("min_disk") or 0,
            min_ram=request.get("min_ram") or 0,
            properties=properties,
            member=request.get("member"),
        )
        return (await self._rpc.call(ctx.as_service(), message)).id

    async def create_empty(self, ctx: RequestContext, request: Mapping[str, Any]) -> str:
        image_id = await self.create(ctx, request)
        try:
            await self._http.send(ctx, "PUT", f"{self.url}/v2/images/{image_id}/file", b"")
        except BaseException:
            await self.discard(ctx, image_id)
            raise
        return image_id

    async def create_at(
        self, ctx: RequestContext, request: Mapping[str, Any], url: str, metadata: Mapping[str, Any]
    ) -> str:
        image_id = await self.create(ctx, request)
        try:
            message = AddImageLocation(image_id=image_id, url=url, metadata=dict(metadata))
            await self._rpc.call(ctx.as_service(), message)
        except BaseException:
            await self.discard(ctx, image_id)
            raise
        return image_id

    async def locations(self, ctx: RequestContext, image_id: str) -> list[dict[str, Any]]:
        return (await self._rpc.call(ctx.as_service(), GetImageLocations(image_id=image_id))).locations

    async def data(self, ctx: RequestContext, image_id: str, take: Take) -> None:
        async with self._http.stream(ctx.as_service(), "GET", f"{self.url}/v2/images/{image_id}/file") as answer:
            await answer.feed(take)

    async def describe(
        self, ctx: RequestContext, image_id: str, changes: Mapping[str, Any], properties: Mapping[str, str]
    ) -> None:
        message = UpdateImage(image_id=image_id, changes=dict(changes), properties=dict(properties), purge=False)
        await self._rpc.call(ctx.as_service(), message)

    async def upload(self, ctx: RequestContext, image_id: str, chunks: AsyncIterable[bytes], size: int) -> None:
        await self._http.send(ctx.as_service(), "PUT", f"{self.url}/v2/images/{image_id}/file", chunks, size=size)

    async def discard(self, ctx: RequestContext, image_id: str) -> None:
        try:
            await self.delete(ctx, image_id)
        except ServiceError:
            return
