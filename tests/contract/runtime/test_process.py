"""A process that has started keeps its loop free."""

import asyncio
import gc
import signal

from stackwire.runtime.main import until_signal
from support.polling import until


async def test_the_garbage_collector_does_not_look_through_what_was_there_at_the_start() -> None:
    """A full collection went through the modules of all services, and kept every API for a tenth of a second."""
    frozen: list[int] = []
    waiting = asyncio.create_task(until_signal(lambda: frozen.append(gc.get_freeze_count())))
    try:
        await until(lambda: frozen)
        assert frozen[0] > 10_000
    finally:
        signal.raise_signal(signal.SIGTERM)
        await waiting
        gc.unfreeze()
