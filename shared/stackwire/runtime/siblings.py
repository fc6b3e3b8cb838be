"""One of several processes that serve the same ports (``--processes N``), and what it has in common with the others.

The supervisor (``processes.py``) makes a ``Share`` for each process it forks. A process that nobody forked has none,
and listens as ever.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ANSWER_SECONDS = 2.0
"""How long another process may take to say what it measures; without an answer its series are left out."""
Place = tuple[str, int]
"""An address and a port."""


@dataclass(frozen=True, slots=True)
class Share:
    """``number``: from 1 to ``count``. ``sockets``: bound already, by address and port.

    ``folder``: where each process answers the others. ``supervised``: a pipe that ends with the supervisor.
    """

    number: int
    count: int
    folder: Path
    sockets: Mapping[Place, socket.socket]
    supervised: int


class _Own:
    share: Share | None = None


def become(share: Share | None) -> None:
    """This process is that one from now on; with None it is alone again."""
    _Own.share = share


def own() -> Share | None:
    """What this process has in common with others; None where it is alone."""
    return _Own.share


def inherited(host: str, port: int) -> socket.socket | None:
    """The socket to listen on there; None where it is this process's to make."""
    return None if _Own.share is None else _Own.share.sockets.get((host, port))


class SharedMetrics:
    """The metrics of one service in all its processes, whichever of them is asked.

    Each series has the number of its process in the label ``process``. ``render``: those of this process.
    """

    def __init__(self, service: str, share: Share, render: Callable[[], Awaitable[bytes]]) -> None:
        self._service = service
        self._share = share
        self._render = render
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Answers the other processes."""
        self._server = await asyncio.start_unix_server(self._answer, self._path(self._share.number))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def rendered(self) -> bytes:
        """In Prometheus' text format."""
        numbers = range(1, self._share.count + 1)
        texts = await asyncio.gather(*(self._of(number) for number in numbers))
        return merged({number: text for number, text in zip(numbers, texts, strict=True) if text})

    def _path(self, number: int) -> str:
        return str(self._share.folder / f"{self._service}.{number}")

    async def _of(self, number: int) -> bytes:
        if number == self._share.number:
            return await self._render()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._path(number))
                try:
                    return await reader.read()
                finally:
                    writer.close()
        return b""

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await self._render())
            await writer.drain()
        except ConnectionError:
            pass  # it waits no longer
        finally:
            writer.close()


def merged(texts: Mapping[int, bytes]) -> bytes:
    """One text of several processes' metrics: each family once, its series with the number of their process."""
    heads: dict[str, list[str]] = {}
    series: dict[str, list[str]] = {}
    for number, text in texts.items():
        own: list[str] = []
        lines: list[str] = []
        for line in text.decode().splitlines():
            if line.startswith("# HELP "):
                name = line.split(" ", 3)[2]
                own, lines = heads.setdefault(name, []), series.setdefault(name, [])
            if not line.startswith("#"):
                lines.append(_labelled(line, number))
            elif line not in own:
                own.append(line)
    return "".join(f"{line}\n" for name, head in heads.items() for line in (*head, *series[name])).encode()


def _labelled(line: str, number: int) -> str:
    name, brace, labels = line.partition("{")
    if brace and " " not in name:
        return f'{name}{{process="{number}",{labels}'
    name, _, value = line.partition(" ")
    return f'{name}{{process="{number}"}} {value}'
