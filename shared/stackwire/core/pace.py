"""How fast the workers of a cloud are: at once, as long as the originals take, or when they are told to go on."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from stackwire.core.clock import Clock
from stackwire.core.ids import new_id

PaceName = Literal["instant", "realistic", "held"]
PACES: Final[tuple[PaceName, ...]] = get_args(PaceName)
OTHER_SECONDS: Final = 1.0
SECONDS: Final[Mapping[str, float]] = {
    "build_and_run_instance": 8.0,
    "rebuild_instance": 8.0,
    "unshelve_instance": 8.0,
    "resize_instance": 6.0,
    "live_migration": 6.0,
    "snapshot_instance": 5.0,
    "shelve_instance": 5.0,
    "backup_instance": 5.0,
    "reboot_instance": 3.0,
    "stop_instance": 3.0,
    "start_instance": 2.0,
    "terminate_instance": 2.0,
    "create_volume": 3.0,
    "create_backup": 6.0,
    "restore_backup": 6.0,
    "copy_volume_to_image": 6.0,
    "reimage": 6.0,
    "migrate_volume": 6.0,
    "retype": 2.0,
    "run_task": 3.0,
}
"""How long a worker of a small real cloud is busy with a request, about; OTHER_SECONDS for the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldWork:
    """A request that a worker has not begun. ``about``: the ids of what it is about, as a text that is searched."""

    service: str
    method: str
    about: str = field(repr=False)
    id: str = field(default_factory=new_id)
    released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


class Pace:
    """One for all services of a cloud. ``seconds``: by method, instead of SECONDS; they pass on the cloud's clock."""

    def __init__(self, clock: Clock, name: PaceName = "instant") -> None:
        self.name: PaceName = name
        self.seconds: Mapping[str, float] = {}
        self._clock = clock
        self._held: list[HeldWork] = []

    @property
    def held(self) -> tuple[HeldWork, ...]:
        """What waits, the longest first."""
        return tuple(self._held)

    def set(self, name: PaceName, seconds: Mapping[str, float] | None = None) -> None:
        """From now on; what waits goes on unless everything is held."""
        self.name, self.seconds = name, dict(seconds or {})
        if name != "held":
            self.release()

    def release(self, *, method: str | None = None, about: str = "", count: int | None = None) -> int:
        """Lets go of what waits: all, or that of a method, about a resource, the first so many; says how many."""
        found = [work for work in self._held if method in (None, work.method) and about in work.about][:count]
        for work in found:
            self._forget(work)
            work.released.set()
        return len(found)

    async def wait(self, service: str, method: str, about: str) -> None:
        """Returns when a worker may begin."""
        if self.name == "instant":
            return
        work = HeldWork(service, method, about)
        if not self._held:
            self._clock.held_since = datetime.now(UTC)
        self._held.append(work)
        try:
            if self.name == "held":
                await work.released.wait()
            else:
                await self._wait_a_while(work, self.seconds.get(method, SECONDS.get(method, OTHER_SECONDS)))
        finally:
            self._forget(work)

    def _forget(self, work: HeldWork) -> None:
        if work in self._held:
            self._held.remove(work)
            if not self._held:
                self._clock.held_since = None

    async def _wait_a_while(self, work: HeldWork, seconds: float) -> None:
        waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(work.released.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()
