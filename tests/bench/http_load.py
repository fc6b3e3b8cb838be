"""Load without much of its own: raw HTTP/1.1 over kept connections, one request at a time on each.

An HTTP library would cost as much as the service that is measured, and the two share a machine.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PIECE = 1024**2
_TICKS = os.sysconf("SC_CLK_TCK")
Make = Callable[[], bytes]
"""The bytes of the next request."""


class Refused(Exception):
    """An answer that was not the one expected."""


@dataclass(frozen=True, slots=True)
class Figures:
    """``rate`` in requests a second, times in ms; ``cpu`` is the service's own processor time for a request, in ms."""

    rate: float
    p50: float
    p99: float
    cpu: float


class _Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.is_closed = False
        self._transport: asyncio.Transport | None = None
        self._came = bytearray()
        self._total = -1
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        if self._total < 0:
            end = self._came.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._came[:end])
            self._total = end + 4 + _length(head)
            self.is_closed = b"\r\nconnection: close" in head.lower()
        if len(self._came) >= self._total and self._answer is not None:
            answer, self._answer = self._answer, None
            whole = bytes(self._came)
            self._came.clear()
            self._total = -1
            answer.set_result(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Refused(f"the connection was closed: {exc}"))

    async def ask(self, request: bytes) -> bytes:
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    told = {"Host": "127.0.0.1", **headers, **({"Content-Length": str(len(body))} if body else {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def status_of(answer: bytes) -> int:
    return int(answer[9:12])


async def once(port: int, asked: bytes) -> bytes:
    """One answer, head and body."""
    _, caller = await asyncio.get_running_loop().create_connection(_Caller, "127.0.0.1", port)
    try:
        return await caller.ask(asked)
    finally:
        caller.close()


async def load(port: int, make: Make, *, callers: int, seconds: float, expect: int, pid: int) -> Figures:
    """``callers`` ask for ``seconds``, each as soon as it is answered. Refused for any other status than expected."""
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(_Caller, "127.0.0.1", port))[1] for _ in range(callers)]
    times: list[float] = []

    async def call(at: int, until: float) -> None:
        while (begun := time.perf_counter()) < until:
            if connections[at].is_closed:  # a server may close after each answer: a new connection is its time
                connections[at] = (await loop.create_connection(_Caller, "127.0.0.1", port))[1]
            answer = await connections[at].ask(make())
            times.append(time.perf_counter() - begun)
            if status_of(answer) != expect:
                raise Refused(answer[:2000].decode(errors="replace"))

    used, begun = processor_seconds(pid), time.perf_counter()
    try:
        await asyncio.gather(*(call(at, begun + seconds) for at in range(callers)))
    finally:
        for caller in connections:
            caller.close()
    took = time.perf_counter() - begun
    times.sort()
    done = len(times)
    spent = processor_seconds(pid) - used
    return Figures(done / took, 1e3 * times[done // 2], 1e3 * times[int(done * 0.99)], 1e3 * spent / done)


def processor_seconds(pid: int) -> float:
    """User and system time of a process and its children, so far."""
    total = 0
    for one in _family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _family(int(child))


def upload(port: int, head: bytes, data: memoryview, size: int) -> bytes:
    """``size`` bytes of ``data``, again and again, in large pieces; the answer. Blocks."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head)
        left = size
        while left:
            at = (size - left) % len(data)
            piece = data[at : at + min(PIECE, left)]
            connection.sendall(piece)
            left -= len(piece)
        answer = connection.recv(65536)
    if status_of(answer) != 204:
        raise Refused(answer.decode(errors="replace"))
    return answer


def download(port: int, head: bytes, size: int) -> None:
    """Reads the answer and forgets it. Blocks."""
    buffer = memoryview(bytearray(PIECE))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head)
        came = connection.recv(65536)
        while b"\r\n\r\n" not in came:
            came += connection.recv(65536)
        if status_of(came) != 200:
            raise Refused(came.decode(errors="replace"))
        left = size - (len(came) - came.index(b"\r\n\r\n") - 4)
        while left:
            count = connection.recv_into(buffer)
            if not count:
                raise Refused(f"{left} bytes are missing")
            left -= count
