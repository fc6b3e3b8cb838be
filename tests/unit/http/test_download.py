"""Bodies that threads receive: whole, broken off, from silent peers, for callers who go away, on either event loop."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import aiohttp
import pytest
import uvloop
from aiohttp import web

from stackwire.core.feeds import PIECES_KEPT
from stackwire.http.download import BUFFER_BYTES, can_receive, receive
from support.polling import until

DATA = os.urandom(6 * BUFFER_BYTES + 17)
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
Loop = Callable[[], asyncio.AbstractEventLoop]
THREADS = "receive-test"


class Peer:
    """Sends ``sent`` bytes of DATA, and then nothing until it may ``go_on``; the rest then, or the end."""

    def __init__(self) -> None:
        self.url = ""
        self.sent = len(DATA)
        self.breaks_off = False
        self.go_on = asyncio.Event()
        self.ended = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        sent, response = self.sent, web.StreamResponse()
        response.content_length = len(DATA)
        await response.prepare(request)
        try:
            await response.write(DATA[:sent])
            if self.breaks_off:
                assert request.transport is not None
                request.transport.close()
            elif sent < len(DATA):
                await self.go_on.wait()
                await response.write(DATA[sent:])
        finally:
            self.ended += 1
        return response


@asynccontextmanager
async def a_peer() -> AsyncIterator[Peer]:
    peer = Peer()
    app = web.Application()
    app.router.add_get("/", peer.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield peer
    finally:
        await runner.cleanup()


Story = Callable[[Peer, aiohttp.ClientSession, ThreadPoolExecutor], Awaitable[None]]


def told(loop: Loop, story: Story) -> None:
    async def run() -> None:
        sockets = open_sockets()
        with ThreadPoolExecutor(50, thread_name_prefix=THREADS) as threads:
            async with a_peer() as peer, aiohttp.ClientSession() as session:
                await story(peer, session, threads)
        await until(lambda: open_sockets() == sockets)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


def open_sockets() -> int:
    links = (os.path.join("/proc/self/fd", number) for number in os.listdir("/proc/self/fd"))
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.islink(link))


async def body(response: aiohttp.ClientResponse, threads: ThreadPoolExecutor, read_timeout: float = 60.0) -> bytes:
    """Each piece is copied as late as it is valid."""
    assert can_receive(response)
    pieces, whole = list[bytes | memoryview](), bytearray()

    def take(piece: bytes | memoryview) -> None:
        pieces.append(piece)
        if len(pieces) == PIECES_KEPT:
            whole.extend(pieces.pop(0))

    await receive(response, threads, read_timeout, take)
    return bytes(whole) + b"".join(pieces)


def some_wait() -> bool:
    """Whether a thread has been given a buffer to fill."""
    return any(thread.name.startswith(THREADS) for thread in threading.enumerate())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_body_arrives_whole_and_the_session_goes_on(loop: Loop) -> None:
    async def story(peer: Peer, session: aiohttp.ClientSession, threads: ThreadPoolExecutor) -> None:
        for _ in range(3):
            async with session.get(peer.url) as response:
                assert await body(response, threads) == DATA

    told(loop, story)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_the_loop_had_read_by_then_is_part_of_it(loop: Loop) -> None:
    async def story(peer: Peer, session: aiohttp.ClientSession, threads: ThreadPoolExecutor) -> None:
        peer.sent = 700_000
        async with session.get(peer.url) as response:
            await until(lambda: response.content.total_bytes > 0)
            peer.go_on.set()
            assert await body(response, threads) == DATA

    told(loop, story)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("sent", [0, 100, BUFFER_BYTES, 2 * BUFFER_BYTES + 1])
def test_a_body_that_breaks_off_is_an_error(loop: Loop, sent: int) -> None:
    async def story(peer: Peer, session: aiohttp.ClientSession, threads: ThreadPoolExecutor) -> None:
        peer.sent, peer.breaks_off = sent, True
        async with session.get(peer.url) as response:
            with pytest.raises((ConnectionError, aiohttp.ClientError)):
                await receive(response, threads, 60.0, lambda piece: None)

    told(loop, story)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_peer_that_says_nothing_is_given_up(loop: Loop) -> None:
    async def story(peer: Peer, session: aiohttp.ClientSession, threads: ThreadPoolExecutor) -> None:
        peer.sent = 100
        async with session.get(peer.url) as response:
            with pytest.raises(ConnectionError):
                await body(response, threads, read_timeout=0.05)

    told(loop, story)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_is_cancelled_leaves_no_thread_waiting(loop: Loop) -> None:
    async def story(peer: Peer, session: aiohttp.ClientSession, threads: ThreadPoolExecutor) -> None:
        peer.sent = BUFFER_BYTES + 1
        async with session.get(peer.url) as response:
            receiving = asyncio.create_task(body(response, threads))
            await until(some_wait)
            receiving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await receiving
        await until(lambda: peer.ended == 1)

    told(loop, story)


@pytest.mark.parametrize("loop", LOOPS)
def test_peers_that_say_nothing_hold_nobody_up(loop: Loop) -> None:
    async def story(peer: Peer, session: aiohttp.ClientSession, threads: ThreadPoolExecutor) -> None:
        peer.sent = 100
        async with asyncio.TaskGroup() as group:
            for _ in range(40):  # more than the loop has threads
                group.create_task(received(peer, session, threads))
            await until(lambda: sum(name.startswith(THREADS) for name in names()) == 40)
            peer.sent = len(DATA)
            assert await received(peer, session, threads) == DATA
            peer.go_on.set()
        assert peer.ended == 41

    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate()]

    async def received(peer: Peer, session: aiohttp.ClientSession, threads: ThreadPoolExecutor) -> bytes:
        async with session.get(peer.url) as response:
            return await body(response, threads)

    told(loop, story)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_takes_the_pieces_ends_it_with_an_error(loop: Loop) -> None:
    class NoRoomError(Exception):
        pass

    def take(piece: bytes | memoryview) -> None:
        raise NoRoomError

    async def story(peer: Peer, session: aiohttp.ClientSession, threads: ThreadPoolExecutor) -> None:
        peer.sent = 2 * BUFFER_BYTES
        async with session.get(peer.url) as response:
            with pytest.raises(NoRoomError):
                await receive(response, threads, 60.0, take)
        await until(lambda: peer.ended == 1)

    told(loop, story)
