"""A web server that hands out images, badly where it is asked to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class Mirror:
    """``asked`` are the paths that were asked for, and how (``verbs``). What a path gives is set in ``pages``; parts of
    it with ``ranges``; ``without`` are verbs it does not know.

    bytes: these, with their length; str: a redirect to there; int: that status; a tuple of pieces: as they are, in
    chunks, and "..." is silence until it may ``go_on``; None: the connection breaks off amid what was announced.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        self.asked: list[str] = []
        self.pages: dict[str, bytes | str | int | tuple[bytes | str, ...] | None] = {}
        self.headers: dict[str, str] = {}
        self.ranges = False
        self.verbs: list[str] = []
        self.without: tuple[str, ...] = ()
        self.silent = asyncio.Event()
        self.go_on = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        self.verbs.append(request.method)
        page = 405 if request.method in self.without else self.pages.get(request.path, 404)
        if isinstance(page, int):
            return web.Response(status=page)
        if isinstance(page, str):
            return web.Response(status=302, headers={"Location": page})
        if isinstance(page, bytes) and self.ranges and request.http_range.start is not None:
            part = page[request.http_range]
            begin = request.http_range.start
            headers = {"Content-Range": f"bytes {begin}-{begin + len(part) - 1}/{len(page)}"}
            return web.Response(status=206, body=part, headers=headers)
        if isinstance(page, bytes):
            return web.Response(body=page, headers=self.headers)
        response = web.StreamResponse()
        if page is None:
            response.content_length = 1000
        await response.prepare(request)
        for piece in page or (b"x" * 10,):
            if isinstance(piece, str):
                self.silent.set()
                await self.go_on.wait()
            else:
                await response.write(piece)
        if page is None:
            assert request.transport is not None
            request.transport.close()
        return response


@asynccontextmanager
async def a_mirror(host: str = "127.0.0.1") -> AsyncIterator[Mirror]:
    """Serves until the block ends, on a port of its own."""
    mirror = Mirror(host)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", mirror.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    mirror.port = runner.addresses[0][1]
    try:
        yield mirror
    finally:
        await runner.cleanup()
