"""Addresses that are answered besides those of a table of routes."""

import re
from collections.abc import Callable

from aiohttp import web
from yarl import URL

Rewrite = Callable[[web.Request], str]
"""The path that a request's path stands for, both percent-encoded."""


def merged_slashes(request: web.Request) -> str:
    """``//v2.1//servers`` is ``/v2.1/servers``. Source: ``paste/urlmap.py: URLMap.normalize_url``."""
    return re.sub("/{2,}", "/", request.rel_url.raw_path)


class RewrittenResource(web.PlainResource):
    """Leads a request that no resource before this one answers to where its rewritten path leads.

    The request is not redirected: handlers, and the links they write, know the path it came with.
    """

    def __init__(self, router: web.UrlDispatcher, rewrite: Rewrite) -> None:
        super().__init__("/")
        self._router = router
        self._rewrite = rewrite

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        """Never an error: what the rewritten path does not find is for the resources after this one."""
        path, query = self._rewrite(request), request.rel_url.raw_query_string
        if path == request.rel_url.raw_path:
            return None, set()
        target = URL.build(path=path, query_string=query, encoded=True)
        found = await self._router.resolve(request.clone(rel_url=target))
        return (found, set()) if found.http_exception is None else (None, set())

    def raw_match(self, path: str) -> bool:
        """Never: routes are added to resources of their own."""
        return False
