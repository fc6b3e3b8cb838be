"""Waiting for something to become true, instead of for some time to pass: the only place in the tests that sleeps."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


async def until(
    condition: Callable[[], T | Awaitable[T]], timeout_seconds: float = 10.0, *, interval: float = 0.005
) -> T:
    """What the condition answers as soon as that is true of it; TimeoutError when it never is.

    The condition is a function, or one that returns something to await: ``lambda: shown(client, id)``.
    """
    async with asyncio.timeout(timeout_seconds):
        while True:
            answer = condition()
            result = await answer if inspect.isawaitable(answer) else answer
            if result:
                return result
            await asyncio.sleep(interval)


async def pass_time(seconds: float) -> None:
    """For the few tests that are about time passing: a delay, a race, a slow peer."""
    await asyncio.sleep(seconds)


async def turns_of_the_loop(count: int) -> None:
    """Whatever else runs in the loop goes on by so many steps."""
    for _ in range(count):
        await asyncio.sleep(0)


def shortened_sleep(seconds: float) -> None:
    """In place of a library's ``time.sleep`` between two looks at a resource."""
    time.sleep(min(seconds, 0.1))


def wait_for_exit(pid: int, timeout_seconds: float = 20.0) -> None:
    """Returns when the process has ended; fails when it does not."""
    deadline = time.monotonic() + timeout_seconds
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} is still running"
        time.sleep(0.02)
