"""The Image API over HTTP, in either version: which of them is found out once, and hidden from then on.

An image is Nova's dictionary (``domain/image_api.py``). Errors are those of the contracts: ImageNotFound,
ImageForbidden, ImageInUse; BadRequest, TooLarge, Unavailable.
"""

import asyncio
from collections.abc import AsyncIterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, Protocol
from urllib.parse import quote, urlencode

import orjson

from stackwire.compute.domain import image_api
from stackwire.compute.domain.image_api import ImageDict
from stackwire.contracts.image import ImageForbidden, ImageInUse, ImageNotFound
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized, Unavailable
from stackwire.core.feeds import Take
from stackwire.http.client import HttpClient

Chunks = AsyncIterable[bytes] | bytes
Which = Literal["v1", "v2"]

OCTETS = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
RETRY_SECONDS = 1.0


class ImageApi(Protocol):
    """One surface for both versions. ``size`` of a new image may be 0: then it is active, and has no data.

    ``purge``: properties that are not given are removed. ``changed_since``: v1 lists what changed later, deleted images
    among it; v2 what changed then or later, and is not deleted.
    """

    async def show(self, ctx: RequestContext, image_id: str) -> ImageDict: ...
    async def list(
        self, ctx: RequestContext, filters: Mapping[str, Any] | None = None, changed_since: datetime | None = None
    ) -> list[ImageDict]: ...
    async def create(self, ctx: RequestContext, meta: Mapping[str, Any]) -> ImageDict: ...
    async def update(
        self, ctx: RequestContext, image_id: str, meta: Mapping[str, Any], *, purge: bool = True
    ) -> ImageDict: ...
    async def upload(self, ctx: RequestContext, image_id: str, chunks: Chunks, size: int | None = None) -> None: ...
    async def delete(self, ctx: RequestContext, image_id: str) -> None: ...
    async def share(self, ctx: RequestContext, image_id: str, member: str) -> None: ...
    async def data(self, ctx: RequestContext, image_id: str, take: Take) -> None: ...


class _HttpApi:
    """What both versions need: requests that are tried again while the service cannot be reached."""

    def __init__(self, http: HttpClient, url: str, retries: int = 0) -> None:
        self._http = http
        self.url = url
        self._retries = retries

    async def request(
        self, ctx: RequestContext, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> tuple[Mapping[str, str], Any]:
        """Headers and JSON of the answer (None when it has none)."""
        sent = orjson.dumps(body) if body is not None else None
        for remaining in range(self._retries, -1, -1):
            try:
                return await self._once(ctx, method, path, headers or {}, sent)
            except Unavailable:
                if not remaining:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
        raise AssertionError("unreachable")

    async def _once(
        self, ctx: RequestContext, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[Mapping[str, str], Any]:
        async with self._http.stream(ctx, method, f"{self.url}{path}", headers, body) as answer:
            raw = b"".join([chunk async for chunk in answer.chunks()])
            return answer.headers, orjson.loads(raw) if raw and "json" in answer.headers["Content-Type"] else None

    async def send(
        self, ctx: RequestContext, path: str, chunks: Chunks, headers: Mapping[str, str], size: int | None
    ) -> None:
        """Bytes, once: what was streamed cannot be streamed again."""
        await self._http.send(ctx, "PUT", f"{self.url}{path}", chunks, {**OCTETS, **headers}, size)

    async def receive(self, ctx: RequestContext, path: str, take: Take) -> None:
        """The body: see ``Feed``."""
        async with self._http.stream(ctx, "GET", f"{self.url}{path}") as answer:
            await answer.feed(take)


@contextmanager
def _of(image_id: str) -> Iterator[None]:
    """Refusals as Nova knows them."""
    try:
        yield
    except NotFound as missing:
        raise ImageNotFound(image_id=image_id) from missing
    except (Forbidden, Unauthorized) as refused:
        raise ImageForbidden(refused.message) from refused


class ImageV1:
    """Metadata in headers."""

    def __init__(self, http: HttpClient, url: str, retries: int = 0) -> None:
        self._http_api = _HttpApi(http, f"{url}/v1/images", retries)

    async def show(self, ctx: RequestContext, image_id: str) -> ImageDict:
        with _of(image_id):
            headers, _ = await self._http_api.request(ctx, "HEAD", f"/{quote(image_id, '')}")
        return image_api.from_headers(headers.items())

    async def list(
        self, ctx: RequestContext, filters: Mapping[str, Any] | None = None, changed_since: datetime | None = None
    ) -> list[ImageDict]:
        found: list[ImageDict] = []
        pairs = image_api.v1_filters(filters or {}, changed_since)
        while True:
            marker = [("marker", found[-1]["id"])] if found else []
            _, answer = await self._http_api.request(ctx, "GET", f"/detail?{urlencode([*pairs, *marker])}")
            if not answer["images"]:
                return found
            found += [image_api.from_v1(image) for image in answer["images"]]

    async def create(self, ctx: RequestContext, meta: Mapping[str, Any]) -> ImageDict:
        headers = image_api.v1_headers(meta)
        if meta.get("size") == 0:
            headers[f"{image_api.PREFIX}size"] = "0"
        with _of(str(meta.get("id"))):
            _, answer = await self._http_api.request(ctx, "POST", "", headers)
        image = image_api.from_v1(answer["image"])
        if meta.get("size") == 0 and image["status"] != "active":
            await self.delete(ctx, image["id"])
            raise BadRequest("The image service makes no image active that has no data.")
        return image

    async def update(
        self, ctx: RequestContext, image_id: str, meta: Mapping[str, Any], *, purge: bool = True
    ) -> ImageDict:
        headers = {**image_api.v1_headers(meta), "x-glance-registry-purge-props": str(purge)}
        with _of(image_id):
            _, answer = await self._http_api.request(ctx, "PUT", f"/{quote(image_id, '')}", headers)
        return image_api.from_v1(answer["image"])

    async def upload(self, ctx: RequestContext, image_id: str, chunks: Chunks, size: int | None = None) -> None:
        with _of(image_id):
            await self._http_api.send(
                ctx, f"/{quote(image_id, '')}", chunks, {"x-glance-registry-purge-props": "False"}, size
            )

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        with _of(image_id):
            await _deleted(self._http_api, ctx, image_id)

    async def share(self, ctx: RequestContext, image_id: str, member: str) -> None:
        with _of(image_id):
            await self._http_api.request(ctx, "PUT", f"/{quote(image_id, '')}/members/{quote(member, '')}")

    async def data(self, ctx: RequestContext, image_id: str, take: Take) -> None:
        await self._http_api.receive(ctx, f"/{quote(image_id, '')}", take)


class ImageV2:
    """Metadata in flat JSON."""

    def __init__(self, http: HttpClient, url: str, retries: int = 0) -> None:
        self._http_api = _HttpApi(http, f"{url}/v2/images", retries)
        self._schema = _HttpApi(http, f"{url}/v2/schemas", retries)
        self._base: frozenset[str] | None = None

    async def _image(self, ctx: RequestContext, image: Mapping[str, Any]) -> ImageDict:
        """Split by the service's own schema, which is fetched once."""
        if self._base is None:
            _, schema = await self._schema.request(ctx, "GET", "/image")
            self._base = image_api.base_names(schema)
        return image_api.from_v2(image, self._base)

    async def show(self, ctx: RequestContext, image_id: str) -> ImageDict:
        with _of(image_id):
            _, image = await self._http_api.request(ctx, "GET", f"/{quote(image_id, '')}")
        return await self._image(ctx, image)

    async def list(
        self, ctx: RequestContext, filters: Mapping[str, Any] | None = None, changed_since: datetime | None = None
    ) -> list[ImageDict]:
        found: list[ImageDict] = []
        pairs = image_api.v2_filters(filters or {}, changed_since)
        more = True
        while more:
            marker = [("marker", found[-1]["id"])] if found else []
            _, answer = await self._http_api.request(ctx, "GET", f"?{urlencode([*pairs, *marker])}")
            found += [await self._image(ctx, image) for image in answer["images"]]
            more = "next" in answer
        return found

    async def create(self, ctx: RequestContext, meta: Mapping[str, Any]) -> ImageDict:
        """Of size 0: v2 knows no image without data, so it gets formats and an upload of nothing."""
        empty = meta.get("size") == 0
        with _of(str(meta.get("id"))):
            body = image_api.v2_body(image_api.empty_v2(meta) if empty else meta)
            _, image = await self._http_api.request(ctx, "POST", "", JSON, body)
        if not empty:
            return await self._image(ctx, image)
        try:
            await self.upload(ctx, image["id"], b"")
            return await self.show(ctx, image["id"])
        except BaseException:
            await asyncio.shield(self.delete(ctx, image["id"]))
            raise

    async def update(
        self, ctx: RequestContext, image_id: str, meta: Mapping[str, Any], *, purge: bool = True
    ) -> ImageDict:
        """What is removed must be named, so the image is fetched first; what others add meanwhile stays."""
        existing = (await self.show(ctx, image_id))["properties"] if purge else ()
        patch = image_api.v2_patch(meta, existing, purge=purge)
        with _of(image_id):
            _, image = await self._http_api.request(ctx, "PATCH", f"/{quote(image_id, '')}", PATCH, patch)
        return await self._image(ctx, image)

    async def upload(self, ctx: RequestContext, image_id: str, chunks: Chunks, size: int | None = None) -> None:
        with _of(image_id):
            await self._http_api.send(ctx, f"/{quote(image_id, '')}/file", chunks, {}, size)

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        with _of(image_id):
            await _deleted(self._http_api, ctx, image_id)

    async def share(self, ctx: RequestContext, image_id: str, member: str) -> None:
        """A member that it has already is no error, as in v1."""
        with _of(image_id):
            try:
                await self._http_api.request(ctx, "POST", f"/{quote(image_id, '')}/members", JSON, {"member": member})
            except Conflict:
                return

    async def data(self, ctx: RequestContext, image_id: str, take: Take) -> None:
        await self._http_api.receive(ctx, f"/{quote(image_id, '')}/file", take)


async def _deleted(api: _HttpApi, ctx: RequestContext, image_id: str) -> None:
    try:
        await api.request(ctx, "DELETE", f"/{quote(image_id, '')}")
    except Conflict as used:
        raise ImageInUse(image_id=image_id) from used


class ImageClient:
    """Finds out the version before the first request, once. ``prefer``: which, when the service has both.

    ``only``: that one, without finding out.
    """

    def __init__(
        self, http: HttpClient, url: str, *, prefer: Which = "v2", only: Which | None = None, retries: int = 0
    ) -> None:
        self.url = root = url.rstrip("/")
        self._versions = _HttpApi(http, root, retries)
        self._both: Mapping[Which, ImageApi] = {"v1": ImageV1(http, root, retries), "v2": ImageV2(http, root, retries)}
        self.prefer = prefer
        self._chosen: Which | None = only

    async def api(self, ctx: RequestContext) -> ImageApi:
        """The version in use, found out at the first call."""
        return self._both[await self.version(ctx)]

    async def version(self, ctx: RequestContext) -> Which:
        """Unavailable when the service has neither."""
        if self._chosen is None:
            _, answer = await self._versions.request(ctx, "GET", "/versions")
            versions = {version["id"].partition(".")[0] for version in answer["versions"]}
            known: list[Which] = [self.prefer, "v1", "v2"]
            self._chosen = next((which for which in known if which in versions), None)
        if self._chosen is None:
            raise Unavailable("The image service has no version of its API that is known here.")
        return self._chosen
