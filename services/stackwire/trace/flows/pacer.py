"""Long work in short slices: the tracer shares its event loop with the APIs, which may not wait for it."""

import asyncio
import time

from stackwire.trace.domain.message_store import MessageStore

SLICE_SECONDS = 0.004
"""How long the loop is kept at most, as far as single steps allow."""


class Pacer:
    """``await pacer.pause()`` between steps; it returns at once until the slice is over."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def pause(self) -> None:
        """Lets everybody else run if the slice is over."""
        if time.perf_counter() - self._began > SLICE_SECONDS:
            await asyncio.sleep(0)
            self._began = time.perf_counter()


async def caught_up(store: MessageStore) -> None:
    """Decodes what the store has received."""
    pacer = Pacer()
    while not store.catch_up(1):
        await pacer.pause()


async def decode_in_background(store: MessageStore, interval: float) -> None:
    """Keeps the store decoded until cancelled, so that no query has much to do."""
    while True:
        await asyncio.sleep(interval)
        await caught_up(store)
