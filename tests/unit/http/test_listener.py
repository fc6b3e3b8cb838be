"""Connections that say nothing, or too many of them, take nothing from the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from stackwire.http.listener import Listener
from support.polling import until

HEAD = b"GET / HTTP/1.1\r\nHost: here\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Connection]]


async def _greet(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="hello")


@asynccontextmanager
async def listening(*, most: int = 10) -> AsyncIterator[Connect]:
    app = web.Application()
    app.router.add_get("/", _greet)
    runner = web.AppRunner(app, handle_signals=False)
    listener = Listener(app, runner, most=most, first_request=0.2)
    await runner.setup()
    port = await listener.start("127.0.0.1", 0)
    opened: list[asyncio.StreamWriter] = []

    async def connect() -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        return reader, writer

    try:
        yield connect
    finally:
        for writer in opened:
            writer.close()
        await listener.stop()
        await runner.cleanup()


@pytest.mark.parametrize("sent", [b"", b"GET", HEAD], ids=["nothing", "half a line", "half a head"])
async def test_a_connection_that_sends_no_request_is_closed(sent: bytes) -> None:
    async with listening() as connect, asyncio.timeout(5):
        reader, writer = await connect()
        writer.write(sent)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


async def test_one_that_has_sent_a_request_is_kept() -> None:
    async with listening() as connect, asyncio.timeout(5):
        reader, writer = await connect()
        unused, _ = await connect()
        for _ in range(2):
            writer.write(HEAD + b"\r\n")
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
            with suppress(ConnectionResetError):
                await unused.read()  # until the time in which it would be closed is over


async def test_a_new_connection_takes_the_place_of_the_oldest_silent_one() -> None:
    async with listening(most=2) as connect, asyncio.timeout(5):
        oldest, _ = await connect()
        await connect()
        newest, writer = await connect()
        writer.write(HEAD + b"\r\n")
        assert (await newest.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        with suppress(ConnectionResetError):
            assert await oldest.read() == b""


async def test_one_connection_more_than_allowed_is_refused_and_the_others_go_on() -> None:
    async with listening(most=2) as connect, asyncio.timeout(5):
        first, writer = await connect()
        second, other = await connect()
        for reader, sender in ((first, writer), (second, other)):
            sender.write(HEAD + b"\r\n")
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        refused, _ = await connect()
        assert (await refused.read()).startswith(b"HTTP/1.1 503")
        writer.write(HEAD + b"\r\n")
        assert (await first.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        writer.close()

        async def is_admitted() -> bool:
            again, later = await connect()
            later.write(HEAD + b"\r\n")
            return b" 200 " in await again.readline()

        assert await until(is_admitted)
