"""The image service as the volume service uses it, in the caller's name: metadata by RPC or HTTP, bytes over HTTP."""

import contextlib
import logging
from collections.abc import AsyncIterable, Collection
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlencode, urlsplit

import orjson

from stackwire.contracts.image import (
    CreateImage,
    DeleteImage,
    GetImage,
    GetImageLocations,
    ImageForbidden,
    ImageNotFound,
    ImageView,
    UpdateImage,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Forbidden, NotFound, ServiceError
from stackwire.core.feeds import Take
from stackwire.core.ids import canonical_uuid
from stackwire.http.client import HttpClient
from stackwire.messaging.rpc import RpcClient
from stackwire.volume.domain.errors import AmbiguousImage, InvalidImage

log = logging.getLogger(__name__)

IMAGE_CALL_TIMEOUT_SECONDS = 10.0
PATCH = "application/openstack-images-v2.1-json-patch"
MAX_LIST_BYTES = 64 * 1024
"""Of the answer to a search by name."""


class ImageMetadata(Protocol):
    """ImageNotFound, ImageForbidden, and whatever else the image service refuses."""

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView: ...
    async def create(self, ctx: RequestContext, message: CreateImage) -> ImageView: ...
    async def delete(self, ctx: RequestContext, image_id: str) -> None: ...
    async def unprotect(self, ctx: RequestContext, image_id: str) -> None: ...
    async def locations(self, ctx: RequestContext, image_id: str) -> list[str]: ...


class RpcMetadata:
    """Of our own image service."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView:
        message = GetImage(image_id=image_id)
        return await self._rpc.call(ctx.as_service(), message, timeout=IMAGE_CALL_TIMEOUT_SECONDS)

    async def create(self, ctx: RequestContext, message: CreateImage) -> ImageView:
        return await self._rpc.call(ctx.as_service(), message, timeout=IMAGE_CALL_TIMEOUT_SECONDS)

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        await self._rpc.call(ctx.as_service(), DeleteImage(image_id=image_id))

    async def unprotect(self, ctx: RequestContext, image_id: str) -> None:
        await self._rpc.call(ctx.as_service(), UpdateImage(image_id=image_id, changes={"protected": False}))

    async def locations(self, ctx: RequestContext, image_id: str) -> list[str]:
        message = GetImageLocations(image_id=image_id)
        found = await self._rpc.call(ctx.as_service(), message, timeout=IMAGE_CALL_TIMEOUT_SECONDS)
        return [str(location["url"]) for location in found.locations]


class HttpMetadata:
    """Of whatever has the v2 API at ``url``, a real Glance (``cinder/image/glance.py``)."""

    def __init__(self, http: HttpClient, url: str) -> None:
        self._http = http
        self._images = f"{url.rstrip('/')}/v2/images"

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView:
        return ImageView.of_flat(await self._request(ctx, "GET", image_id))

    async def create(self, ctx: RequestContext, message: CreateImage) -> ImageView:
        core = message.model_dump(exclude={"properties", "member"}, exclude_none=True)
        return ImageView.of_flat(await self._request(ctx, "POST", "", {**message.properties, **core}))

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        await self._request(ctx, "DELETE", image_id)

    async def unprotect(self, ctx: RequestContext, image_id: str) -> None:
        change = [{"op": "replace", "path": "/protected", "value": False}]
        await self._request(ctx, "PATCH", image_id, change, PATCH)

    async def locations(self, ctx: RequestContext, image_id: str) -> list[str]:
        """As far as it shows them."""
        image = await self._request(ctx, "GET", image_id)
        urls = [image.get("direct_url"), *(each.get("url") for each in image.get("locations") or ())]
        return [str(url) for url in urls if url is not None]

    async def _request(
        self, ctx: RequestContext, method: str, image_id: str, body: Any = None, content_type: str = "application/json"
    ) -> Any:
        url = f"{self._images}/{quote(image_id, '')}" if image_id else self._images
        sent = None if body is None else orjson.dumps(body)
        try:
            async with self._http.stream(ctx, method, url, {"Content-Type": content_type}, sent) as response:
                received = b"".join([chunk async for chunk in response.chunks()])
        except NotFound as error:
            raise ImageNotFound(image_id=image_id) from error
        except Forbidden as error:
            raise ImageForbidden from error
        return orjson.loads(received) if received else None


class ImageClient:
    """``url``: the image API's root. ``direct_schemes``: of the URLs at which data is read directly
    (``cinder.conf: allowed_direct_url_schemes``)."""

    def __init__(
        self, metadata: ImageMetadata, http: HttpClient, url: str, direct_schemes: Collection[str] = ()
    ) -> None:
        self._metadata = metadata
        self._direct_schemes = direct_schemes
        self._http = http
        self._url = url.rstrip("/")

    async def get(self, ctx: RequestContext, image_id: str) -> ImageView:
        """InvalidImage when it does not exist or the caller may not see it."""
        try:
            return await self._metadata.get(ctx, image_id)
        except (ImageNotFound, ImageForbidden) as error:
            raise InvalidImage from error

    async def get_by_reference(self, ctx: RequestContext, reference: str) -> ImageView:
        """By id or a link that ends in one, or by a name that only one image has: InvalidImage, AmbiguousImage.

        ``cinder/api/v3/volumes.py: VolumeController._image_uuid_from_ref``.
        """
        try:
            if image_id := canonical_uuid(reference.rpartition("/")[2]):
                with contextlib.suppress(InvalidImage):
                    return await self.get(ctx, image_id)
            return await self.get(ctx, await self._by_name(ctx, reference))
        except (BadRequest, NotFound, Forbidden) as error:
            raise error if isinstance(error, AmbiguousImage) else InvalidImage from error

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

    async def locations(self, ctx: RequestContext, image_id: str) -> list[str]:
        """The URLs where its data lies."""
        return await self._metadata.locations(ctx, image_id)

    async def create(self, ctx: RequestContext, message: CreateImage) -> ImageView:
        """A queued image. ImageForbidden, and whatever else the image service refuses."""
        return await self._metadata.create(ctx, message)

    async def delete_unfinished(self, ctx: RequestContext, image_id: str) -> None:
        """Deletes an image without data, a protected one too; nothing happens to one that is active, or deleted."""
        try:
            image = await self._metadata.get(ctx, image_id)
            if image.status in ("queued", "saving"):
                if image.protected:
                    await self._metadata.unprotect(ctx, image_id)
                await self._metadata.delete(ctx, image_id)
        except NotFound:
            return

    async def get_or_none(self, ctx: RequestContext, image_id: str) -> ImageView | None:
        """None when it is deleted."""
        try:
            return await self._metadata.get(ctx, image_id)
        except ServiceError as error:
            if error.status == 404:
                return None
            raise

    async def file(self, ctx: RequestContext, image_id: str) -> Path | None:
        """Where this machine has the image's data, if it may be read there (``cinder/image/glance.py: download``)."""
        paths = (Path(unquote(urlsplit(url).path)) for url in await self._direct_urls(ctx, image_id, "file"))
        return next((path for path in paths if path.is_file()), None)

    async def volume_ids(self, ctx: RequestContext, image_id: str) -> list[str]:
        """The volumes that the image's data may be cloned from (``create_volume.py: _extract_cinder_ids``)."""
        ends = [url.rpartition("/")[2] for url in await self._direct_urls(ctx, image_id, "cinder")]
        return [volume_id for end in ends if (volume_id := canonical_uuid(end)) is not None]

    async def _direct_urls(self, ctx: RequestContext, image_id: str, scheme: str) -> list[str]:
        """None where the scheme is not allowed, or the image service does not tell."""
        if scheme not in self._direct_schemes:
            return []
        try:
            urls = await self._metadata.locations(ctx, image_id)
        except ServiceError as error:
            log.info("the locations of image %s are not told: %s", image_id, error)
            return []
        return [url for url in urls if urlsplit(url).scheme == scheme]

    async def data(self, ctx: RequestContext, image_id: str, take: Take) -> None:
        """The image's bytes: see ``Feed``."""
        async with self._http.stream(ctx.as_service(), "GET", f"{self._url}/v2/images/{image_id}/file") as response:
            await response.feed(take)

    async def upload(self, ctx: RequestContext, image_id: str, chunks: AsyncIterable[bytes], size: int) -> None:
        """Fills a queued image with ``size`` bytes; Conflict when it is not queued any more."""
        url = f"{self._url}/v2/images/{image_id}/file"
        await self._http.send(ctx.as_service(), "PUT", url, chunks, size=size)
