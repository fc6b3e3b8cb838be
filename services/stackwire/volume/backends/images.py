"""The image service as the volume service reaches it: metadata by RPC, bytes over HTTP, all in the caller's name."""

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

PATIENCE = 10.0  # seconds for an answer about an image
_NAMES_READ = 64 * 1024  # bytes of the answer that are looked at


class Images:
    """``url``: the image API's root."""

    def __init__(self, rpc: RpcClient, http: HttpClient, url: str) -> None:
        self._rpc = rpc
        self._http = http
        self._url = url.rstrip("/")

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView:
        """InvalidImage when it is not there or not the caller's to see."""
        try:
            return await self._rpc.call(ctx.as_service(), GetImage(image_id=image_id), timeout=PATIENCE)
        except (ImageNotFound, ImageForbidden) as unseen:
            raise InvalidImage from unseen

    async def named(self, ctx: RequestContext, reference: str) -> ImageView:
        """By id, or by a name that only one image bears: InvalidImage, AmbiguousImage."""
        image_id = canonical_uuid(reference)
        if image_id is None:
            image_id = await self._by_name(ctx, reference)
        return await self.get(ctx, image_id)

    async def _by_name(self, ctx: RequestContext, name: str) -> str:
        url = f"{self._url}/v2/images?{urlencode({'name': name, 'limit': 2})}"
        answer = b""
        async with self._http.stream(ctx.as_service(), "GET", url) as response:
            async for chunk in response.chunks():
                answer += chunk
                if len(answer) > _NAMES_READ:
                    raise InvalidImage
        found = orjson.loads(answer).get("images", [])
        if not found:
            raise InvalidImage
        if len(found) > 1:
            raise AmbiguousImage(name=name)
        return str(found[0]["id"])

    async def create(self, ctx: RequestContext, wanted: CreateImage) -> ImageView:
        return await self._rpc.call(ctx.as_service(), wanted, timeout=PATIENCE)

    async def discard(self, ctx: RequestContext, image_id: str) -> None:
        """Deletes an image that came to nothing; one that is gone, or active after all, is left alone."""
        try:
            image = await self._rpc.call(ctx.as_service(), GetImage(image_id=image_id), timeout=PATIENCE)
            if image.status in ("queued", "saving"):
                await self._rpc.call(ctx.as_service(), DeleteImage(image_id=image_id))
        except NotFound:
            return

    async def status(self, ctx: RequestContext, image_id: str) -> ImageView | None:
        """None when it is gone."""
        try:
            return await self._rpc.call(ctx.as_service(), GetImage(image_id=image_id), timeout=PATIENCE)
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
        await self._http.send(ctx.as_service(), "PUT", f"{self._url}/v2/images/{image_id}/file", chunks)
