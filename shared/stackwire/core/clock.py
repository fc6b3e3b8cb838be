"""The source of time; tests pass a clock of their own."""

import time
from datetime import UTC, datetime


class Clock:
    """The machine's clock. ``now`` is aware UTC, ``monotonic`` is in seconds."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds, for measuring durations."""
        return time.monotonic()
