"""The time of a cloud: the machine's, until a test moves it.

Everything that has a date or that runs out follows it: rows, notifications, tokens, leases, heartbeats, sweeps. Time
limits of connections, calls and retries do not: these are about this machine.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

TICK = timedelta(microseconds=1)
"""How much later each reading of a stopped clock is, so that what happened in order has its order."""

MOVES_KEPT = 100
"""For ``earlier``."""

Follower = Callable[[datetime], Awaitable[None]]
"""Called with the new time before the clock has it, so that what lives on does not run out at the leap."""


class Clock:
    """``now`` is aware UTC, ``monotonic`` is in seconds; ``sleep`` ends when the clock has moved on so far.

    ``held_since``: the machine's time when somebody began to hold work back, None while nobody does.
    """

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._stopped_at: datetime | None = None
        self._leaps = 0.0
        self._was_ahead: list[tuple[datetime, timedelta]] = []
        self.held_since: datetime | None = None
        self._moved = asyncio.Event()
        self._followers: list[Follower] = []
        self._moving = asyncio.Lock()

    def now(self) -> datetime:
        """Aware, UTC."""
        if self._stopped_at is None:
            return datetime.now(UTC) + self._ahead
        self._stopped_at += TICK
        return self._stopped_at

    def monotonic(self) -> float:
        """Seconds, for measuring durations. A clock that was set back has not run back; a stopped one runs here."""
        return time.monotonic() + self._leaps

    @property
    def ahead(self) -> timedelta:
        """How far it is ahead of the machine's."""
        return self._ahead if self._stopped_at is None else self._stopped_at - datetime.now(UTC)

    def earlier(self, ago: timedelta) -> datetime:
        """What it showed so long ago by the machine: what has not changed since then is stuck.

        A leap makes nothing stuck, nor does what is held back on purpose.
        """
        machine = datetime.now(UTC)
        if self._stopped_at is not None:
            return self._stopped_at - ago
        moment = min(machine, self.held_since or machine) - ago
        ahead = self._ahead
        for moved_at, before in reversed(self._was_ahead):
            if moved_at <= moment:
                break
            ahead = before
        return moment + ahead

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still."""
        return self._stopped_at is not None

    async def sleep(self, seconds: float) -> None:
        """Returns when that many seconds have passed on this clock."""
        until = self.monotonic() + seconds
        while (rest := until - self.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._moved.wait()

    async def advance(self, by: timedelta) -> None:
        """Moves it on. Raises ValueError for a way back."""
        if by < timedelta():
            raise ValueError("a clock is advanced by no less than nothing: set it back to a date")
        await self.set(self.now() + by)

    async def set(self, moment: datetime) -> None:
        """Moves it to a moment, which may be earlier. It goes on from there, unless it is stopped."""
        async with self._moving:
            for follower in [*self._followers]:
                await follower(moment)
            before = self.now()
            if self._stopped_at is None:
                self._set_ahead(self._ahead + (moment - before))
            else:
                self._stopped_at = moment
            self._leaps += max(0.0, (moment - before).total_seconds())
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    def stop(self) -> None:
        """It stands still; each reading is a microsecond later."""
        self._stopped_at = self._stopped_at or self.now()

    def resume(self) -> None:
        """It goes on from where it was stopped."""
        if self._stopped_at is not None:
            self._set_ahead(self._stopped_at - datetime.now(UTC))
            self._stopped_at = None

    async def reset(self) -> None:
        """The machine's time again."""
        self.resume()
        if self._ahead:
            await self.set(datetime.now(UTC))
            self._set_ahead(timedelta())

    def _set_ahead(self, ahead: timedelta) -> None:
        self._was_ahead = [*self._was_ahead, (datetime.now(UTC), self._ahead)][-MOVES_KEPT:]
        self._ahead = ahead

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Calls ``follower`` before each move; the function returned ends that."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)
