"""The image service as a compute host reaches it: metadata by RPC, bytes over HTTP, in the user's name."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any

from stackwire.contracts.image import DeleteImage, GetImage, ImageView, UpdateImage
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.http.client import HttpClient
from stackwire.messaging.rpc import RpcClient

PIECE = 1024**2  # bytes


class Images:
    """``url``: the image API's root."""

    def __init__(self, rpc: RpcClient, http: HttpClient, url: str) -> None:
        self._rpc = rpc
        self._http = http
        self.url = url.rstrip("/")

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView:
        """ImageNotFound when it is gone, or not the user's to see."""
        return await self._rpc.call(ctx.as_service(), GetImage(image_id=image_id))

    async def data(self, ctx: RequestContext, image_id: str) -> AsyncIterator[bytes]:
        async with self._http.stream(ctx.as_service(), "GET", f"{self.url}/v2/images/{image_id}/file") as answer:
            async for chunk in answer.chunks(PIECE):
                yield chunk

    async def describe(
        self, ctx: RequestContext, image_id: str, changes: Mapping[str, Any], properties: Mapping[str, str]
    ) -> None:
        """Adds to what the image says of itself."""
        order = UpdateImage(image_id=image_id, changes=dict(changes), properties=dict(properties), purge=False)
        await self._rpc.call(ctx.as_service(), order)

    async def upload(self, ctx: RequestContext, image_id: str, chunks: AsyncIterable[bytes]) -> None:
        await self._http.send(ctx.as_service(), "PUT", f"{self.url}/v2/images/{image_id}/file", chunks)

    async def discard(self, ctx: RequestContext, image_id: str) -> None:
        """Away with an image that came to nothing; failing that, it stays."""
        try:
            await self._rpc.call(ctx.as_service(), DeleteImage(image_id=image_id))
        except ServiceError:
            return
