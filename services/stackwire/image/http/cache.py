"""The image cache over HTTP, for administrators."""

from typing import Any

from aiohttp import web

from stackwire.http.app import Route
from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain.cache import CachedImage, target_of
from stackwire.image.flows.image_cache import CacheKeeper
from stackwire.image.http.images import check_no_body, no_content

CLEAR_TARGET = "x-image-cache-clear-target"


def cached_view(cached: CachedImage) -> dict[str, Any]:
    """Times in seconds since the epoch, as the client expects them."""
    return {
        "image_id": cached.image_id,
        "hits": cached.hits,
        "last_accessed": cached.last_accessed.timestamp(),
        "last_modified": cached.last_modified.timestamp(),
        "size": cached.size,
        "checksum": cached.checksum,
    }


class CacheHandlers:
    def __init__(self, keeper: CacheKeeper) -> None:
        self._keeper = keeper

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/cache", self.index),
            Route("DELETE", "/v2/cache", self.clear),
            Route("POST", "/v2/cache/clean", self.clean),
            Route("POST", "/v2/cache/prune", self.prune),
            Route("GET", "/v2/cache/nodes/{image_id}", self.nodes),
            Route("PUT", "/v2/cache/{image_id}", self.queue),
            Route("DELETE", "/v2/cache/{image_id}", self.remove),
        ]

    async def index(self, request: web.Request) -> web.Response:
        cached, queued = await self._keeper.listed(request[CONTEXT])
        return respond(200, {"cached_images": [cached_view(each) for each in cached], "queued_images": queued})

    async def clear(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._keeper.clear(request[CONTEXT], target_of(request.headers.get(CLEAR_TARGET)))
        return no_content()

    async def queue(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._keeper.queue(request[CONTEXT], request.match_info["image_id"])
        return web.Response(status=202, content_type="text/html", charset="UTF-8")

    async def remove(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._keeper.remove(request[CONTEXT], request.match_info["image_id"])
        return no_content()

    async def nodes(self, request: web.Request) -> web.Response:
        return respond(200, await self._keeper.nodes(request[CONTEXT], request.match_info["image_id"]))

    async def clean(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._keeper.clean(request[CONTEXT])
        return web.Response(status=200, content_type="text/html", charset="UTF-8")

    async def prune(self, request: web.Request) -> web.Response:
        check_no_body(request)
        files, size = await self._keeper.prune(request[CONTEXT])
        return respond(200, {"total_files_pruned": files, "total_bytes_pruned": size})
