"""Large bodies in large pieces: whole, from slow clients, and from such as go away or are refused, on either loop."""

import asyncio
import contextlib
import io
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from stackwire.core.errors import ServiceError
from stackwire.http.receive import BODY_PIECE_BYTES, WORTH_BYTES, UploadStalled, receiving
from support.polling import pass_time, until
from support.signatures import certificate, key

DATA = os.urandom(9 * BODY_PIECE_BYTES // 2)
HEAD = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n"
Loop = Callable[[], asyncio.AbstractEventLoop]


@dataclass
class Server:
    """Receives bodies. ``got``: of each request what has come; ``errors``: how those ended that failed.

    ``held``: no piece after the first is asked for before it is set; ``most``: bytes, beyond which it refuses.
    """

    port: int = 0
    most: int = 1 << 40
    stall_seconds: float = 30.0
    got: list[bytearray] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    held: asyncio.Event | None = None
    clients: list[asyncio.StreamWriter] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        mine = bytearray()
        self.got.append(mine)
        try:
            with receiving(request, self.stall_seconds) as pieces:
                async for piece in pieces:
                    mine += piece
                    self.pieces.append(len(piece))
                    if len(mine) > self.most:
                        return web.Response(status=413)
                    if self.held is not None:
                        await self.held.wait()
        except (ServiceError, ConnectionError, asyncio.CancelledError) as error:
            self.errors.append(error)
            if not isinstance(error, ServiceError):
                raise
            return web.Response(status=408)
        return web.Response(status=204)


@asynccontextmanager
async def serving(server: Server, context: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_put("/", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    assert site._server is not None
    server.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # what a server of asyncio has
    try:
        yield
    finally:
        await runner.cleanup()


def told(
    loop: Loop, server: Server, story: Callable[[], Awaitable[None]], context: ssl.SSLContext | None = None
) -> None:
    async def run() -> None:
        async with serving(server, context), asyncio.timeout(30):
            await story()
        for client in server.clients:
            client.close()
            with contextlib.suppress(ConnectionError):
                await client.wait_closed()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


async def connected(server: Server, promised: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that has sent the head of its request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HEAD.format(promised).encode())
    await writer.drain()
    server.clients.append(writer)
    return reader, writer


LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
SIZES = (1, WORTH_BYTES - 1, WORTH_BYTES, BODY_PIECE_BYTES + 1, len(DATA))


@LOOPS
def test_a_body_comes_whole_whatever_its_size(loop: Loop) -> None:
    server = Server()

    async def story() -> None:
        async with aiohttp.ClientSession() as session:
            for size in SIZES:
                async with session.put(f"http://127.0.0.1:{server.port}/", data=io.BytesIO(DATA[:size])) as answer:
                    assert answer.status == 204
        assert server.got == [DATA[:size] for size in SIZES]
        assert BODY_PIECE_BYTES in server.pieces

    told(loop, server, story)


@LOOPS
def test_a_body_in_chunks_comes_whole(loop: Loop) -> None:
    server = Server()

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(DATA), 100_000):
            yield DATA[at : at + 100_000]

    async def story() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://127.0.0.1:{server.port}/", data=chunks()) as answer:
                assert answer.status == 204
        assert server.got == [DATA]

    told(loop, server, story)


@LOOPS
def test_an_encrypted_body_comes_whole(loop: Loop, tmp_path: Path) -> None:
    server, pem = Server(), serialization.Encoding.PEM
    private = key("RSA-PSS").private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "server.pem").write_bytes(private + certificate("RSA-PSS"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")

    async def story() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.put(f"https://127.0.0.1:{server.port}/", data=io.BytesIO(DATA), ssl=False) as answer:
                assert answer.status == 204
        assert server.got == [DATA]
        assert BODY_PIECE_BYTES in server.pieces

    told(loop, server, story, context)


@LOOPS
def test_nobody_receives_more_than_was_asked_for_and_a_little_ahead(loop: Loop) -> None:
    server = Server(held=asyncio.Event())
    size = 64 * BODY_PIECE_BYTES  # more than the kernel keeps

    async def story() -> None:
        reader, writer = await connected(server, size)
        sending = asyncio.create_task(_sent(writer, bytes(size)))
        await until(lambda: len(server.pieces) == 1)
        done, _ = await asyncio.wait({sending}, timeout=0.3)
        assert not done
        assert len(server.pieces) == 1
        assert server.held is not None
        server.held.set()
        await sending
        assert (await reader.readline()).split()[1] == b"204"
        assert server.got == [bytearray(size)]

    told(loop, server, story)


async def _sent(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


@LOOPS
def test_a_client_that_falls_silent_is_told_so(loop: Loop) -> None:
    server = Server(stall_seconds=0.2)

    async def story() -> None:
        reader, writer = await connected(server, len(DATA))
        await _sent(writer, DATA[: BODY_PIECE_BYTES + 1])
        assert (await reader.readline()).split()[1] == b"408"
        assert isinstance(server.errors[0], UploadStalled)

    told(loop, server, story)


@LOOPS
def test_a_client_that_is_slow_is_waited_for(loop: Loop) -> None:
    """All of it takes longer than a client may be silent."""
    server = Server(stall_seconds=0.4)

    async def story() -> None:
        reader, writer = await connected(server, len(DATA))
        await _sent(writer, DATA[:-10])
        for at in range(10, 0, -1):
            await pass_time(0.1)
            await _sent(writer, DATA[len(DATA) - at : len(DATA) - at + 1])
        assert (await reader.readline()).split()[1] == b"204"
        assert server.got == [DATA]

    told(loop, server, story)


@LOOPS
@pytest.mark.parametrize("rough", [False, True], ids=["closes", "resets"])
def test_a_client_that_goes_away_ends_it(loop: Loop, rough: bool) -> None:
    server = Server()

    async def story() -> None:
        _, writer = await connected(server, len(DATA))
        await _sent(writer, DATA[: 3 * BODY_PIECE_BYTES // 2])
        await until(lambda: sum(server.pieces) >= BODY_PIECE_BYTES)
        if rough:
            writer.transport.abort()
        else:
            writer.close()
        await until(lambda: server.errors)
        assert isinstance(server.errors[0], ConnectionError)

    told(loop, server, story)


@LOOPS
def test_a_client_that_is_refused_may_send_the_rest_and_reads_why(loop: Loop) -> None:
    server = Server(most=BODY_PIECE_BYTES)
    size = 32 * BODY_PIECE_BYTES  # more than the kernel keeps

    async def story() -> None:
        reader, writer = await connected(server, size)
        await _sent(writer, bytes(size))
        assert (await reader.readline()).split()[1] == b"413"
        assert await reader.read() is not None  # and then the connection ends
        assert len(server.got[0]) < 2 * BODY_PIECE_BYTES

    told(loop, server, story)


@LOOPS
def test_what_follows_a_body_on_its_connection_is_no_request(loop: Loop) -> None:
    server = Server()

    async def story() -> None:
        reader, writer = await connected(server, len(DATA))
        await _sent(writer, DATA + HEAD.format(3).encode() + b"abc")
        answers = await reader.read()
        assert answers.count(b"HTTP/1.1 204") == 1
        assert server.got == [DATA]

    told(loop, server, story)


@LOOPS
def test_a_server_that_stops_ends_it(loop: Loop) -> None:
    """The handler is cancelled while the client sends nothing."""
    server = Server()

    async def story() -> None:
        _, writer = await connected(server, len(DATA))
        await _sent(writer, DATA[:BODY_PIECE_BYTES])
        await until(lambda: server.got)

    told(loop, server, story)
    assert isinstance(server.errors[0], (ConnectionError, asyncio.CancelledError))
