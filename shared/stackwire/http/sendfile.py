"""A file into a connection by the kernel (``sendfile(2)``): its bytes do not pass through this process.

asyncio's own ``loop.sendfile`` reads the file on the loop, and uvloop's copies it. Here a thread sends as much as the
connection takes, and the loop waits for it to take more.
"""

import asyncio
import os
import select
import socket
import threading
from collections.abc import AsyncGenerator

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_SENT_AT_ONCE_BYTES = 64 * 1024**2  # of one turn of a thread: 20 ms of the fastest client
_WAIT_MS = 5  # a thread waits so long for a fast client to read; for others the loop waits


def socket_of(request: web.Request) -> socket.socket | None:
    """What the client is connected by; None where bytes are encrypted, or changed, on their way to it."""
    transport = request.transport
    if transport is None or transport.get_extra_info("sslcontext") is not None:
        return None
    found: socket.socket | None = transport.get_extra_info("socket")
    return found


async def send_file(
    request: web.Request, writer: AbstractStreamWriter, file: int, first: int, count: int
) -> AsyncGenerator[int, None]:
    """Sends ``count`` bytes of an open file from byte ``first`` on, after the response's head.

    Yields the sizes of the pieces that were sent; the caller ends the response. Raises OSError for a connection that is
    lost and for a file that cannot be read, or is short.
    """
    connection = socket_of(request)
    transport = request.transport
    if connection is None or transport is None:
        raise ConnectionResetError("Connection lost")
    writer.send_headers()
    transport.set_write_buffer_limits(high=0)  # the head has to be gone before the kernel goes on
    await writer.drain()
    transport.set_write_buffer_limits()
    sending = _Sending(connection, file, first, count)
    try:
        while sending.remaining:
            sent = await asyncio.get_running_loop().run_in_executor(None, sending.push)
            if sent:
                writer.output_size += sent
                yield sent
            else:
                await sending.until_writable()
            if transport.is_closing():
                raise ConnectionResetError("Connection lost")
    finally:
        sending.close()


class _Sending:
    """Its descriptors are its own: a thread that still sends, for a caller who was cancelled, meets no others of their
    number."""

    def __init__(self, connection: socket.socket, file: int, first: int, count: int) -> None:
        self.remaining = count
        self._at = first
        self._lock = threading.Lock()
        self._closed = False
        self._connection = os.dup(connection.fileno())
        try:
            self._file = os.dup(file)
        except BaseException:
            os.close(self._connection)
            raise

    def push(self) -> int:
        """As much as the connection takes now; how many bytes. Blocks."""
        with self._lock:
            sent = 0 if self._closed else self._push()
        if self._closed:
            self.close()
        return sent

    def _push(self) -> int:
        poll, sent, most = select.poll(), 0, min(self.remaining, _SENT_AT_ONCE_BYTES)
        poll.register(self._connection, select.POLLOUT)
        while sent < most and not self._closed:
            try:
                piece = self._send(most - sent)
            except BlockingIOError:
                if poll.poll(_WAIT_MS):
                    continue
                break
            except OSError:
                if sent:  # which is told first: the next turn meets the error again
                    break
                raise
            self._at += piece
            self.remaining -= piece
            sent += piece
        return sent

    def _send(self, most: int) -> int:
        try:
            piece = os.sendfile(self._connection, self._file, self._at, most)
        except ConnectionError as lost:
            raise ConnectionResetError("Connection lost") from lost
        if not piece:
            raise ConnectionResetError("the file ended before its response")
        return piece

    async def until_writable(self) -> None:
        """Until the client has read something, or is gone."""
        loop, writable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_writer(self._connection, writable.set)
        try:
            await writable.wait()
        finally:
            loop.remove_writer(self._connection)

    def close(self) -> None:
        """A thread that is still sending closes them afterwards."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                if self._connection >= 0:
                    os.close(self._connection)
                    os.close(self._file)
                    self._connection = -1
            finally:
                self._lock.release()
