"""Files that the kernel sends: whole, in parts, to slow clients and to such as go away, on either event loop."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import uvloop
from aiohttp import web

from stackwire.core.open_in_thread import open_in_thread
from stackwire.http.sendfile import send_file
from support.polling import until

SIZE = 40 * 1024**2 + 13  # more than a thread sends in one turn
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
Story = Callable[[str, list[int]], Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.write_bytes(os.urandom(SIZE))
    return path


@asynccontextmanager
async def serving(path: Path, promised: int = SIZE) -> AsyncIterator[tuple[str, list[int]]]:
    """A URL, and how many bytes each request was sent when it ended."""
    ended: list[int] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        first = int(request.query.get("first", 0))
        response = web.StreamResponse()
        response.content_length = promised - first
        writer = await response.prepare(request)
        assert writer is not None
        sent = 0
        file = await open_in_thread(lambda: path.open("rb", buffering=0))
        try:
            async with aclosing(send_file(request, writer, file.fileno(), first, promised - first)) as pieces:
                async for size in pieces:
                    sent += size
            await response.write_eof()
        finally:
            file.close()
            ended.append(sent)
        return response

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # what a server of asyncio has
    try:
        yield f"http://127.0.0.1:{port}/", ended
    finally:
        await runner.cleanup()


def open_files() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return found


def told(loop: Callable[[], asyncio.AbstractEventLoop], path: Path, story: Story, promised: int = SIZE) -> None:
    async def run() -> None:
        async with serving(path, promised) as (url, ended):
            await story(url, ended)
        await until(lambda: str(path) not in open_files())

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("loop", LOOPS)
def test_the_whole_file_and_parts_of_it_go_over_one_connection(
    loop: Callable[[], asyncio.AbstractEventLoop], path: Path
) -> None:
    async def story(url: str, ended: list[int]) -> None:
        data = path.read_bytes()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            for first in (0, 1, SIZE - 1, 17 * 1024**2, 0):
                async with session.get(url, params={"first": str(first)}) as answer:
                    assert await answer.read() == data[first:]
        await until(lambda: ended == [SIZE, SIZE - 1, 1, SIZE - 17 * 1024**2, SIZE])

    told(loop, path, story)


@pytest.mark.parametrize("loop", LOOPS)
def test_clients_that_read_slowly_hold_nobody_up(loop: Callable[[], asyncio.AbstractEventLoop], path: Path) -> None:
    async def story(url: str, ended: list[int]) -> None:
        data = path.read_bytes()
        async with aiohttp.ClientSession(read_bufsize=1024) as slow, aiohttp.ClientSession() as quick:
            waiting = [await slow.get(url) for _ in range(40)]  # more than the loop has threads
            async with quick.get(url) as answer:
                assert await answer.read() == data
            await until(lambda: ended == [SIZE])
            assert await waiting[0].read() == data
            for answer in waiting:
                answer.close()
        await until(lambda: len(ended) == 41)

    told(loop, path, story)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_goes_away_ends_it(loop: Callable[[], asyncio.AbstractEventLoop], path: Path) -> None:
    async def story(url: str, ended: list[int]) -> None:
        port = int(url.rpartition(":")[2].strip("/"))
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.to_thread(connection.recv, 1)
        await until(lambda: len(ended) == 1)
        assert ended[0] < SIZE

    told(loop, path, story)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_file_that_is_shorter_than_promised_breaks_the_connection_off(
    loop: Callable[[], asyncio.AbstractEventLoop], path: Path
) -> None:
    async def story(url: str, ended: list[int]) -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientPayloadError):
                await (await session.get(url)).read()
        await until(lambda: ended == [SIZE])

    told(loop, path, story, promised=SIZE + 1)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_stops_leaves_no_file_open(loop: Callable[[], asyncio.AbstractEventLoop], path: Path) -> None:
    """The handler is cancelled while the client reads nothing."""
    kept: list[socket.socket] = []

    async def story(url: str, ended: list[int]) -> None:
        connection = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2].strip("/"))))
        kept.append(connection)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.to_thread(connection.recv, 1)
        assert ended == []

    told(loop, path, story)
    kept[0].close()
