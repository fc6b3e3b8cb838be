"""The processes of one service, of which some die: one of several, which is started again, or all of them."""

import os
import random
import re
import signal

from support.polling import until
from support.processes import Processes

RESTART_SECONDS = 60.0
"""Whoever starts them waits longer, each time one has not lived long."""
_ENDED = re.compile(r"ended (?:with exit code (\d+)|by SIG\w+): it is started again")
_STARTED = re.compile(r"process \d+ has started, as \d+")


class Groups:
    """``each``: how many processes a service has. One process alone is started again by hand."""

    def __init__(self, processes: Processes, each: int) -> None:
        self._processes = processes
        self._each = each
        self._logs: dict[str, int] = {}

    def serving(self, service: str) -> list[int]:
        """The ids of those that do the work."""
        return self._processes.children(service) if self._each > 1 else [self._processes.running[service].pid]

    async def crash(self, service: str) -> int:
        """The exit code of the first that dies by itself from now on."""
        if self._each == 1:
            return await self._processes.wait(service)
        known = len(_ENDED.findall(self._log(service)))

        def ended() -> list[str]:
            found: list[str] = _ENDED.findall(self._log(service))[known:]
            return found

        return int((await until(ended, RESTART_SECONDS))[0] or -signal.SIGKILL)

    async def kill(self, service: str, chance: random.Random) -> None:
        """All of them, or one of several by ``chance``, and waits until all are there again."""
        if self._each == 1 or chance.random() < 0.5:
            await self.restart(service)
        else:
            known = len(_ENDED.findall(self._log(service)))
            os.kill(chance.choice(self.serving(service)), signal.SIGKILL)
            await self.whole(service, after=known + 1)

    async def come_back(self, service: str, chance: random.Random) -> None:
        """After a crash: all serve again, that one by whoever starts them, or after a start of all by ``chance``."""
        if self._each == 1 or chance.random() < 0.5:
            await self.restart(service)
        else:
            await self.whole(service)

    async def restart(self, service: str) -> None:
        """SIGKILL of whatever is left, and a start."""
        await self._processes.kill(service)
        self._logs[service] = len(self._processes.log(service))
        await self._processes.start(service)

    async def whole(self, service: str, *, after: int = 0) -> None:
        """Returns when so many have died, and all that died serve again."""

        def serves() -> bool:
            ended, started = (len(what.findall(self._log(service))) for what in (_ENDED, _STARTED))
            return ended >= after and started == self._each + ended

        await until(serves, RESTART_SECONDS)

    def _log(self, service: str) -> str:
        """Since it was started."""
        return self._processes.log(service)[self._logs.get(service, 0) :]
