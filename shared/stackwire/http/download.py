"""The body of a response, received by a thread straight into large buffers: for data by the gigabyte.

aiohttp reads on the loop, a little at a time, and each piece is another object. Here the connection is taken from it
once the head has been read: a thread waits in the kernel until a buffer is full, and has it taken.
"""

import asyncio
import contextlib
import mmap
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

import aiohttp

from stackwire.core.feeds import PIECES_KEPT, Take

BUFFER_BYTES = 512 * 1024
"""Of a buffer: so few that a processor has them still in its cache when they are hashed and written."""
_SHORT_BYTES = 1024**2  # of such a body the loop has read most before a thread has begun
T = TypeVar("T")


def can_receive(response: aiohttp.ClientResponse) -> bool:
    """False where the body is short, or its bytes are encrypted, or changed otherwise, on their way."""
    transport = response.connection.transport if response.connection is not None else None
    if transport is None or transport.is_closing() or transport.get_extra_info("sslcontext") is not None:
        return False
    return (response.content_length or 0) > _SHORT_BYTES and "Transfer-Encoding" not in response.headers


async def receive(response: aiohttp.ClientResponse, threads: Executor, read_timeout: float, take: Take) -> None:
    """Has the body taken, see ``Feed``, in one thread of ``threads``. The connection is closed in the end.

    ``read_timeout``: seconds without a byte after which the peer is given up. Raises ConnectionError, ClientError, and
    what ``take`` does.
    """
    first = b""
    while read := response.content.read_nowait():  # more than once: the parser holds bytes back
        first += read
    if response.connection is None:  # there is no more to come
        await call_in(threads, take, first)
        return
    connection, size = _take_over(response.connection, read_timeout), response.content_length or 0
    try:
        await call_in(
            threads, partial(_receive, connection, first, size), take, interrupt=partial(_wake_thread, connection)
        )
    finally:
        connection.close()
        response.close()


async def call_in(
    threads: Executor | None, work: Callable[[T], None], given: T, *, interrupt: Callable[[], None] | None = None
) -> None:
    """A thread's work, which has ended when this does; ``interrupt``: hurries it for a caller who was cancelled."""
    working = asyncio.get_running_loop().run_in_executor(threads, work, given)
    try:
        await asyncio.shield(working)
    finally:
        if interrupt is not None:
            interrupt()
        await asyncio.gather(working, return_exceptions=True)


def _wake_thread(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


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


def _receive(connection: socket.socket, first: bytes, size: int, take: Take) -> None:
    """``first`` of it is there already."""
    length = min(size, BUFFER_BYTES)
    room = memoryview(mmap.mmap(-1, length * PIECES_KEPT, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))  # the heap would stay
    buffers = [room[at : at + length] for at in range(0, len(room), length)]
    for number, at in enumerate(range(0, size, BUFFER_BYTES)):
        piece = buffers[number % PIECES_KEPT][: size - at]
        _fill(piece, first, connection)
        first = first[len(piece) :]
        take(piece)


def _fill(piece: memoryview, first: bytes, connection: socket.socket) -> None:
    """``first`` of it is there already. Blocks, with one system call for all that arrives."""
    at = min(len(first), len(piece))
    piece[:at] = first[:at]
    while at < len(piece):
        try:
            received = connection.recv_into(piece[at:], 0, socket.MSG_WAITALL)
        except OSError as error:  # another one is of whoever takes the pieces
            raise ConnectionResetError("Connection lost") from error
        if not received:
            raise ConnectionResetError("Connection lost")
        at += received
