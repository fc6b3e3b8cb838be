"""The image cache over HTTP, for administrators."""

from aiohttp import web

from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain.cache import read_clear_target
from stackwire.image.flows.api.cache import CacheManager
from stackwire.image.http.bodies import check_no_body, empty, no_content
from stackwire.image.http.views import cached_image_view

CLEAR_TARGET = "x-image-cache-clear-target"


class CacheHandlers:
    """``/v2/cache``. Source: ``glance/api/v2/cached_images.py: CacheController``."""

    def __init__(self, manager: CacheManager) -> None:
        self._manager = manager

    async def index(self, request: web.Request) -> web.Response:
        """The cached and the queued images."""
        cached, queued = await self._manager.list_all(request[CONTEXT])
        return respond(200, {"cached_images": [cached_image_view(each) for each in cached], "queued_images": queued})

    async def clear(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._manager.clear(request[CONTEXT], read_clear_target(request.headers.get(CLEAR_TARGET)))
        return no_content()

    async def queue(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._manager.queue(request[CONTEXT], request.match_info["image_id"])
        return empty(202)

    async def remove(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._manager.remove(request[CONTEXT], request.match_info["image_id"])
        return no_content()

    async def nodes(self, request: web.Request) -> web.Response:
        """The nodes that have the image in their cache."""
        return respond(200, await self._manager.nodes(request[CONTEXT], request.match_info["image_id"]))

    async def clean(self, request: web.Request) -> web.Response:
        """Removes incomplete and orphaned files."""
        check_no_body(request)
        await self._manager.clean(request[CONTEXT])
        return empty(200)

    async def prune(self, request: web.Request) -> web.Response:
        """Evicts images until the cache is small enough."""
        check_no_body(request)
        files, size = await self._manager.prune(request[CONTEXT])
        return respond(200, {"total_files_pruned": files, "total_bytes_pruned": size})
