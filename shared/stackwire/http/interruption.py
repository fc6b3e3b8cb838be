"""The requests that an API is serving, so that a reset can end them and let none begin meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from stackwire.core.timeline import CURRENT, Timeline

INTERRUPT_SECONDS = 5.0
"""How long a request that is ended may take to do so."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Requests:
    """``timeline``: to which a request belongs that begins now."""

    def __init__(self, timeline: Callable[[], Timeline]) -> None:
        self._timeline = timeline
        self._tasks: set[asyncio.Task[object]] = set()
        self._interrupted: set[asyncio.Task[object]] = set()
        self._open = asyncio.Event()
        self._open.set()

    async def suspend(self) -> None:
        """Ends those under way, with 503 where no answer has begun; further ones wait for ``resume``."""
        self._open.clear()
        tasks = self._tasks - {asyncio.current_task()}
        self._interrupted |= tasks
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=INTERRUPT_SECONDS)

    async def hold(self) -> bool:
        """Lets none begin until ``resume``; whether those under way have ended."""
        self._open.clear()
        tasks = self._tasks - {asyncio.current_task()}
        return not tasks or not (await asyncio.wait(tasks, timeout=INTERRUPT_SECONDS))[1]

    def resume(self) -> None:
        """Serves those that wait, and others."""
        self._open.set()

    def middleware(self) -> Middleware:
        """The outermost around every handler."""

        @web.middleware
        async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
            while not self._open.is_set():
                await self._open.wait()
            task = asyncio.current_task()
            assert task is not None
            CURRENT.set(self._timeline())
            self._tasks.add(task)
            try:
                return await handler(request)
            except asyncio.CancelledError:
                if task not in self._interrupted or request.writer.output_size:
                    raise
                task.uncancel()
                return web.Response(status=503, text="The cloud was reset.\n")
            finally:
                self._tasks.discard(task)
                self._interrupted.discard(task)

        return counted
