"""How late the event loop runs what is due: whatever computes for long in it delays everybody."""

import asyncio

from stackwire.core.metrics import LOOP_LAG

EVERY_SECONDS = 0.5


class LoopLag:
    """Measures for one service while it runs."""

    def __init__(self, service: str) -> None:
        self._measured = LOOP_LAG.labels(service)
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begins to measure."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + EVERY_SECONDS
        self._timer = loop.call_at(self._due, self._measure)

    def stop(self) -> None:
        """Ends it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _measure(self) -> None:
        self._measured.observe(max(0.0, asyncio.get_running_loop().time() - self._due))
        self.start()
