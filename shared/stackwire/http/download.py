"""The body of a response, received by a thread straight into large buffers: for data by the gigabyte.

aiohttp reads on the loop, a little at a time, and each piece is another object. Here the connection is taken from it
once the head has been read: a thread waits in the kernel until a buffer is full, and the loop only hands buffers on.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncGenerator
from concurrent.futures import Executor

import aiohttp

BUFFER_BYTES = 2 * 1024**2
"""Of a buffer; each body has two."""
_SHORT_BYTES = 1024**2  # of such a body the loop has read most before a thread has begun


def can_receive(response: aiohttp.ClientResponse) -> bool:
    """False where the body is short, or its bytes are encrypted, or changed otherwise, on their way."""
    transport = response.connection.transport if response.connection is not None else None
    if transport is None or transport.is_closing() or transport.get_extra_info("sslcontext") is not None:
        return False
    return (response.content_length or 0) > _SHORT_BYTES and "Transfer-Encoding" not in response.headers


async def receive(
    response: aiohttp.ClientResponse, threads: Executor, read_timeout: float
) -> AsyncGenerator[memoryview, None]:
    """The body in pieces, each valid until the next but one is asked for. The connection is closed in the end.

    ``read_timeout``: seconds without a byte after which the peer is given up. Raises OSError, ClientError.
    """
    first = b""
    while read := response.content.read_nowait():  # more than once: the parser holds bytes back
        first += read
    if response.connection is None:  # there is no more to come
        yield memoryview(first)
        return
    connection = _take_over(response.connection, read_timeout)
    buffers, remaining = [memoryview(bytearray(BUFFER_BYTES)) for _ in range(2)], response.content_length or 0
    receiving: asyncio.Future[None] | None = None
    try:
        while remaining:
            buffers.reverse()
            piece = buffers[0][:remaining]
            receiving = asyncio.get_running_loop().run_in_executor(threads, _fill, piece, first, connection)
            await asyncio.shield(receiving)
            first, remaining = first[len(piece) :], remaining - len(piece)
            yield piece
    finally:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # wakes a thread whose caller was cancelled
        if receiving is not None:
            await asyncio.gather(receiving, return_exceptions=True)
        connection.close()
        response.close()


def _take_over(connection: aiohttp.connector.Connection, read_timeout: float) -> socket.socket:
    """A socket of its own for what the loop reads no more of."""
    assert connection.protocol is not None
    assert connection.transport is not None
    connection.protocol.pause_reading()
    taken = socket.socket(fileno=os.dup(connection.transport.get_extra_info("socket").fileno()))
    seconds, microseconds = divmod(int(read_timeout * 1_000_000), 1_000_000)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, microseconds))
    taken.setblocking(True)
    return taken


def _fill(piece: memoryview, first: bytes, connection: socket.socket) -> None:
    """``first`` of it is there already. Blocks, with one system call for all that arrives."""
    at = min(len(first), len(piece))
    piece[:at] = first[:at]
    while at < len(piece):
        received = connection.recv_into(piece[at:], 0, socket.MSG_WAITALL)
        if not received:
            raise ConnectionResetError("Connection lost")
        at += received
