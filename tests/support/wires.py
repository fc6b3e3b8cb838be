"""A TCP proxy between services and what they talk to: a wire that is slow, is cut, or is dead and does not say so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

CHUNK = 65536
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Wire:
    """Leads from a port of its own to a server at ``place``: a port of this machine, or a socket's path.

    ``delay``: seconds that each piece takes, in each direction. ``refuses``: whether new connections are closed.
    """

    def __init__(self, place: int | Path) -> None:
        self._place = place
        self.delay = 0.0
        self.refuses = False
        self._alive = asyncio.Event()
        self._alive.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.accepted = 0

    # -- what goes wrong with it

    def cut(self) -> int:
        """Every connection is reset, at both ends. How many there were."""
        cut = len(self._writers) // 2
        for writer in list(self._writers):
            writer.transport.abort()
        return cut

    def die(self) -> None:
        """Half open: nothing arrives any more, of old connections and new ones, and neither end is told."""
        self._alive.clear()

    def heal(self) -> None:
        """Ends ``die`` and ``refuses``. What was connected meanwhile is reset: its other end has given up long ago."""
        self.refuses = False
        if not self._alive.is_set():
            self.cut()
            self._alive.set()

    # -- what it is

    async def there(self) -> Connection:
        if isinstance(self._place, Path):
            return await asyncio.open_unix_connection(str(self._place))
        return await asyncio.open_connection("127.0.0.1", self._place)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, until one of its ends closes it."""
        self.accepted += 1
        if self.refuses:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            await self._alive.wait()
            server_reader, server_writer = await self.there()
            self._writers.add(server_writer)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, server_writer))
                    both.create_task(self._pump(server_reader, writer))
            finally:
                self._end(server_writer)
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._end(writer)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._alive.wait()
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            with suppress(OSError):
                writer.write_eof()


@asynccontextmanager
async def a_wire(place: int | Path, port: int = 0) -> AsyncIterator[Wire]:
    """One that carries until the block ends."""
    async with carrying(Wire(place), port) as wire:
        yield wire


@asynccontextmanager
async def carrying(wire: Wire, port: int = 0) -> AsyncIterator[Wire]:
    server = await asyncio.start_server(wire.carry, "127.0.0.1", port, backlog=512)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.heal()
        wire.cut()


def by_wire(url: str, wire: Wire) -> str:
    """The same URL (of RabbitMQ, or of PostgreSQL at a port or at a socket), by this wire."""
    parts = urlsplit(url)
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    kept = "&".join(
        f"{key}={value}" for key, (value, *_) in parse_qs(parts.query).items() if key not in ("host", "port")
    )
    if (user := parse_qs(parts.query).get("user")) and not login:
        login = f"{user[0]}@"
    return urlunsplit(parts._replace(netloc=f"{login}127.0.0.1:{wire.port}", query=kept))


Ready = Callable[[int], bool]


class Gateway(Wire):
    """One address for several processes of a service: each new connection leads to the next of those that are ready."""

    def __init__(self, ports: list[int], ready: Ready) -> None:
        super().__init__(0)
        self._ports = ports
        self._ready = ready
        self._next = 0

    async def there(self) -> Connection:
        for _ in self._ports:
            self._next = (self._next + 1) % len(self._ports)
            if self._ready(self._ports[self._next]):
                with suppress(OSError):
                    return await asyncio.open_connection("127.0.0.1", self._ports[self._next])
        raise ConnectionRefusedError("no process is ready")
