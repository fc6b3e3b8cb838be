"""A large request body in large pieces: the kernel writes each byte where it stays.

aiohttp reads a body as small chunks, of which each byte was copied three times: by the event loop, by the parser, and
by whoever joins them. A body whose length is known needs no parser: its connection gets another protocol, into whose
buffers the loop reads. The loop waits for the client, as always, so that a slow one costs no thread.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from aiohttp import web

from stackwire.core.errors import ServiceError
from stackwire.http.request import LAST_ON_CONNECTION

BODY_PIECE_BYTES = 2 * 1024**2
"""The largest piece: each is handed to threads, which has a price."""
WORTH_BYTES = 1024**2
"""A body that lacks less is left to aiohttp, and its connection takes another request."""
_FIRST_PIECE_BYTES = 256 * 1024
_PIECES_AHEAD = 2  # pieces that are there before anybody asks for them; then the client waits
_SCRATCH_BYTES = 256 * 1024


class UploadStalled(ServiceError):
    """No data was received for {seconds} seconds."""

    status = 408
    title = "Request Timeout"


@contextmanager
def receiving(request: web.Request, stall_seconds: float) -> Iterator[AsyncIterator[bytes | bytearray]]:
    """The body in pieces, as long as the block lasts; afterwards the rest of it is dropped.

    ``stall_seconds``: without a byte, after which the iterator raises UploadStalled. It raises ConnectionError, and
    RequestPayloadError for chunks that are none.
    """
    taken: list[_Body] = []
    try:
        yield _pieces(request, stall_seconds, taken)
    finally:
        for body in taken:
            body.drop()


async def _pieces(request: web.Request, stall_seconds: float, taken: list["_Body"]) -> AsyncIterator[bytes | bytearray]:
    """From the first one that is asked for, the connection is ours."""
    length, transport = request.content_length, request.transport
    if length is not None and transport is not None and length - request.content.total_bytes >= WORTH_BYTES:
        taken.append(_Body(request, transport, length))
        async for piece in taken[0].pieces(stall_seconds):
            yield piece
        return
    while True:  # a body that is chunked, or worth no more than aiohttp's own reader
        try:
            async with asyncio.timeout(stall_seconds):
                chunk = await request.content.readany()
        except TimeoutError as timeout:
            raise UploadStalled(seconds=stall_seconds) from timeout
        if not chunk:
            return
        yield chunk


class _Body(asyncio.BufferedProtocol):
    """The protocol of a connection from when its body is wanted until it ends, which is after the answer.

    aiohttp's protocol is told what concerns it: that the client has to be waited for, that it is gone, and when the
    body has ended, for which it waits before it closes a connection.
    """

    def __init__(self, request: web.Request, transport: asyncio.Transport, length: int) -> None:
        self._protocol = request.protocol
        self._content = request.content
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._first = _what_has_come(request)
        self._length = length
        self._missing = length - self._content.total_bytes
        self._piece = self._new_piece()
        self._filled = 0
        self._ready: deque[bytearray] = deque()
        self._dropped = False
        self._lost: BaseException | None = None
        self._changed = asyncio.Event()
        self._last = self._loop.time()
        request[LAST_ON_CONNECTION] = True  # aiohttp's parser has lost the count of what came
        self._protocol.close()
        transport.set_protocol(self)
        transport.resume_reading()

    async def pieces(self, stall_seconds: float) -> AsyncIterator[bytes | bytearray]:
        if self._first:
            yield self._first
            self._first = b""
        while self._ready or self._missing:
            if not self._ready:
                await self._wait(stall_seconds)
            piece = self._ready.popleft()
            if not self._transport.is_reading():
                self._last = self._loop.time()
                self._transport.resume_reading()
            yield piece

    async def _wait(self, stall_seconds: float) -> None:
        """Until a piece is whole. UploadStalled, ConnectionError."""
        self._changed.clear()
        while not self._ready:
            if self._lost is not None:
                raise ConnectionResetError("Connection lost") from self._lost
            try:
                async with asyncio.timeout_at(self._last + stall_seconds):
                    await self._changed.wait()
            except TimeoutError as timeout:
                if self._last + stall_seconds <= self._loop.time():
                    raise UploadStalled(seconds=stall_seconds) from timeout

    def drop(self) -> None:
        """What still comes is nobody's."""
        self._dropped = True
        self._ready.clear()
        self._transport.resume_reading()

    # ---- as the transport calls it

    def get_buffer(self, sizehint: int) -> memoryview:
        if not self._missing:
            return memoryview(bytearray(_SCRATCH_BYTES))  # for what follows on a connection that ends with this body
        return memoryview(self._piece)[self._filled :]

    def buffer_updated(self, count: int) -> None:
        if not self._missing:
            return
        self._last = self._loop.time()
        self._filled += count
        self._missing -= count
        if self._filled == len(self._piece):
            self._next_piece()
        if not self._missing:
            self._content.feed_eof()

    def _next_piece(self) -> None:
        self._filled = 0
        if not self._dropped:
            self._ready.append(self._piece)
            self._piece = self._new_piece()
            if len(self._ready) >= _PIECES_AHEAD and self._missing:
                self._transport.pause_reading()
            self._changed.set()
        elif len(self._piece) > self._missing:
            self._piece = bytearray(self._missing)

    def _new_piece(self) -> bytearray:
        """Pieces grow with what has come: nobody waits long for the first one, and a slow client holds little."""
        received = self._length - self._missing
        return bytearray(min(max(received, _FIRST_PIECE_BYTES), BODY_PIECE_BYTES, self._missing))

    def eof_received(self) -> None:
        """The connection is closed: no answer reaches a client that is half gone."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc or EOFError()
        self._changed.set()
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


def _what_has_come(request: web.Request) -> bytes:
    """What aiohttp has of the body already; reading some makes room for more."""
    chunks = []
    while chunk := request.content.read_nowait():
        chunks.append(chunk)
    return b"".join(chunks)
