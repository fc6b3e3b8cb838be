"""Whether a service can do its work: started, its database and the bus answer, its disks have room, and its process has
files left for what comes."""

import asyncio
import os
import resource
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from stackwire.core.metrics import DISK_FREE, HEALTH
from stackwire.db.pool import Database
from stackwire.http.probes import Check
from stackwire.messaging.transport import Transport

CHECK_SECONDS = 3.0
"""How long one check may take before it counts as failed."""
OPEN_FILES = Path("/proc/self/fd")
FILES_TO_SPARE = 0.1
"""Of those that a process may open: with fewer left it is not ready, long before it can accept no connection."""


class Health:
    """The checks of one service. ``state``: why it does not serve now, empty while it does. ``disk_free_limit``: bytes
    that each of the ``folders`` needs."""

    def __init__(
        self,
        service: str,
        state: Callable[[], str],
        database: Database | None,
        transport: Transport,
        folders: Sequence[Path] = (),
        disk_free_limit: int = 0,
    ) -> None:
        self._service = service
        self._state = state
        self._database = database
        self._transport = transport
        self._folders = tuple(dict.fromkeys(folders))
        self._disk_free_limit = disk_free_limit

    async def checks(self) -> list[Check]:
        """All of them, at once."""
        checks = [_in_time("broker", self._broker()), *(_in_time("disk", self._disk(path)) for path in self._folders)]
        checks.append(_in_time("files", _files()))
        if self._database is not None:
            checks.insert(0, _in_time("database", self._ping(self._database)))
        found = [Check("service", self._state()), *await asyncio.gather(*checks)]
        for name in {check.name for check in found}:
            healthy = all(check.healthy for check in found if check.name == name)
            HEALTH.labels(self._service, name).set(healthy)
        return found

    async def _ping(self, database: Database) -> Check:
        return Check("database", "" if await database.ping() else "no answer")

    async def _broker(self) -> Check:
        return Check("broker", await self._transport.problem())

    async def _disk(self, folder: Path) -> Check:
        free = await asyncio.to_thread(free_bytes, folder)
        DISK_FREE.labels(self._service, str(folder)).set(free)
        few = free < self._disk_free_limit
        reason = f"{free} bytes are free, fewer than {self._disk_free_limit}" if few else ""
        return Check("disk", reason, str(folder))


async def _files() -> Check:
    """A connection of a client is a file, and so is whatever its answer is read from."""
    used, limit = await asyncio.to_thread(open_files)
    few = limit != resource.RLIM_INFINITY and used > limit * (1 - FILES_TO_SPARE)
    return Check("files", f"{used} files are open, of {limit} that may be" if few else "")


async def _in_time(name: str, check: Awaitable[Check]) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check
    except TimeoutError:
        return Check(name, f"no answer within {CHECK_SECONDS:.0f} s")
    except OSError as error:
        return Check(name, error.strerror or str(error))


def open_files() -> tuple[int, int]:
    """How many this process has open, and may have; none where the system does not tell."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return len(os.listdir(OPEN_FILES)) if OPEN_FILES.exists() else 0, limit


def free_bytes(folder: Path) -> int:
    """What an unprivileged process may still write there; of a folder that is not made yet, where it would be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
