"""What a service does from time to time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass

from stackwire.core.clock import Clock
from stackwire.core.timeline import CURRENT, Timeline

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Periodic recovery: run once at start and then ``every`` seconds; it must be safe to run at any time."""

    every: float
    run: Callable[[], Awaitable[object]]


class Sweeps:
    """Those of one service, by ``name``. ``running``: how many do something now."""

    def __init__(self, name: str, sweeps: Sequence[Sweep], clock: Clock, timeline: Callable[[], Timeline]) -> None:
        self.running = 0
        self._name = name
        self._sweeps = list(sweeps)
        self._clock = clock
        self._timeline = timeline
        self._timers: list[asyncio.Task[None]] = []

    async def run_all(self) -> None:
        """Each once."""
        for sweep in self._sweeps:
            await self._run(sweep)

    def start(self) -> None:
        """Each of them, when its time has passed."""
        for sweep in self._sweeps:
            context = Context()
            context.run(CURRENT.set, self._timeline())
            self._timers.append(asyncio.get_running_loop().create_task(self._repeat(sweep), context=context))

    async def stop(self) -> None:
        """None of them any more; those that run are cancelled."""
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)
        self._timers = []

    async def _repeat(self, sweep: Sweep) -> None:
        while True:
            await self._clock.sleep(sweep.every)
            await self._run(sweep)

    async def _run(self, sweep: Sweep) -> None:
        self.running += 1
        try:
            await sweep.run()
        except Exception:  # the next round tries again; a sweep never takes its service down
            log.exception("a sweep of %s failed", self._name)
        finally:
            self.running -= 1
