"""The image service as the volume service uses it: metadata by RPC, bytes over HTTP, all in the caller's name."""

from collections.abc import AsyncIterable, AsyncIterator
from urllib.parse import urlencode

import orjson

from stackwire.contracts.image import CreateImage, DeleteImage, GetImage, ImageForbidden, ImageNotFound, ImageView
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError
from stackwire.core.ids import canonical_uuid
from stackwire.http.client import HttpClient
from stackwire.messaging.rpc import RpcClient
from stackwire.volume.domain.errors import AmbiguousImage, InvalidImage

IMAGE_CALL_TIMEOUT_SECONDS = 10.0
MAX_LIST_BYTES = 64 * 1024
"""Of the answer to a search by name."""


class ImageClient:
    """``url``: the image API's root."""

    def __init__(self, rpc: RpcClient, http: HttpClient, url: str) -> None:
        self._rpc = rpc
        self._http = http
        self._url = url.rstrip("/")

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView:
        """InvalidImage when it does not exist or the caller may not see it."""
        try:
            return await self._rpc.call(
                ctx.as_service(), GetImage(image_id=image_id), timeout=IMAGE_CALL_TIMEOUT_SECONDS
            )
        except (ImageNotFound, ImageForbidden) as error:
            raise InvalidImage from error

    async def get_by_reference(self, ctx: RequestContext, reference: str) -> ImageView:
        """By id, or by a name that only one image has: InvalidImage, AmbiguousImage."""
        image_id = canonical_uuid(reference)
        if image_id is None:
            image_id = await self._by_name(ctx, reference)
        return await self.get(ctx, image_id)

    async def _by_name(self, ctx: RequestContext, name: str) -> str:
        url = f"{self._url}/v2/images?{urlencode({'name': name, 'limit': 2})}"
        received = b""
        async with self._http.stream(ctx.as_service(), "GET", url) as response:
            async for chunk in response.chunks():
                received += chunk
                if len(received) > MAX_LIST_BYTES:
                    raise InvalidImage
        found = orjson.loads(received).get("images", [])
        if not found:
            raise InvalidImage
        if len(found) > 1:
            raise AmbiguousImage(name=name)
        return str(found[0]["id"])

    async def create(self, ctx: RequestContext, message: CreateImage) -> ImageView:
        """A queued image. ImageForbidden, and whatever else the image service refuses."""
        return await self._rpc.call(ctx.as_service(), message, timeout=IMAGE_CALL_TIMEOUT_SECONDS)

    async def delete_unfinished(self, ctx: RequestContext, image_id: str) -> None:
        """Deletes an image that has no data yet; nothing happens to one that is active, or deleted."""
        try:
            image = await self._rpc.call(
                ctx.as_service(), GetImage(image_id=image_id), timeout=IMAGE_CALL_TIMEOUT_SECONDS
            )
            if image.status in ("queued", "saving"):
                await self._rpc.call(ctx.as_service(), DeleteImage(image_id=image_id))
        except NotFound:
            return

    async def get_or_none(self, ctx: RequestContext, image_id: str) -> ImageView | None:
        """None when it is deleted."""
        try:
            return await self._rpc.call(
                ctx.as_service(), GetImage(image_id=image_id), timeout=IMAGE_CALL_TIMEOUT_SECONDS
            )
        except ServiceError as error:
            if error.status == 404:
                return None
            raise

    async def data(self, ctx: RequestContext, image_id: str) -> AsyncIterator[bytes]:
        """The image's bytes."""
        async with self._http.stream(ctx.as_service(), "GET", f"{self._url}/v2/images/{image_id}/file") as response:
            async for chunk in response.chunks(1024**2):
                yield chunk

    async def upload(self, ctx: RequestContext, image_id: str, chunks: AsyncIterable[bytes]) -> None:
        """Fills a queued image; Conflict when it is not queued any more."""
        await self._http.send(ctx.as_service(), "PUT", f"{self._url}/v2/images/{image_id}/file", chunks)
