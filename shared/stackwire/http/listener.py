"""Where an API listens: with an end to how many connections there are, and to how long one may be silent.

aiohttp closes a connection that was idle after its last answer. One that never sent a whole request it would keep for
ever, and it takes as many connections as come, until the process has no file left for its database.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

FIRST_REQUEST_SECONDS = 10.0
"""How long a new connection may take to send the head of its first request."""
IDLE_SECONDS = 75.0
"""How long a connection is kept after an answer: the runner's ``keepalive_timeout``."""
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 22\r\nRetry-After: 1\r\n"
    b"Connection: close\r\n\r\nToo many connections.\n"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Listener:
    """``most``: connections at once. A further one takes the place of the oldest that has sent no request yet; where
    all have sent one, it is answered 503. ``first_request``: seconds.
    """

    def __init__(
        self, app: web.Application, runner: web.AppRunner, *, most: int, first_request: float = FIRST_REQUEST_SECONDS
    ) -> None:
        """Before the runner is set up: it freezes the app."""
        self._runner = runner
        self._most = most
        self._first_request = first_request
        self._unused: dict[int, tuple[web.RequestHandler, asyncio.TimerHandle]] = {}
        self._listening: asyncio.Server | None = None
        app.middlewares.insert(0, self._middleware())

    async def start(self, host: str, port: int, inherited: socket.socket | None = None) -> int:
        """The port listened on; ``inherited``: a socket that is bound there. OSError when that cannot be."""
        create = asyncio.get_running_loop().create_server
        if inherited is None:
            self._listening = await create(self._connect, host, port, backlog=128)
        else:
            self._listening = await create(self._connect, sock=inherited, backlog=128)
        return int(self._listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """No new connections; those that have sent nothing are closed, the others are the runner's to drain."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for _, timer in self._unused.values():
            timer.cancel()
        self._unused.clear()

    def _connect(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        if server is None or (len(server.connections) >= self._most and not self._displaces_an_unused_one()):
            return _Refusal()
        protocol = server()
        timer = asyncio.get_running_loop().call_later(self._first_request, self._close_unused, protocol)
        self._unused[id(protocol)] = protocol, timer
        return protocol

    def _displaces_an_unused_one(self) -> bool:
        return any(self._close_unused(protocol) for protocol, _ in list(self._unused.values()))

    def _close_unused(self, protocol: web.RequestHandler) -> bool:
        """Whether it was still open."""
        _, timer = self._unused.pop(id(protocol))
        timer.cancel()
        if protocol.transport is None:
            return False
        protocol.transport.abort()
        return True

    def _middleware(self) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
        unused = self._unused

        @web.middleware
        async def first_request(request: web.Request, handler: Handler) -> web.StreamResponse:
            if unused and (found := unused.pop(id(request.protocol), None)) is not None:
                found[1].cancel()
            return await handler(request)

        return first_request


class _Refusal(asyncio.Protocol):
    """Answers at once, whatever is asked."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(REFUSAL)
        transport.close()
