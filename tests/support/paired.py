"""A cloud that has every service twice, as with ``--processes 2``: both in the loop of the test and on the same ports,
each with connections, leases and a memory of its own. ``make test-paired`` asks the tests of one process of two."""

import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.options import ORDER, REGISTRY, Options
from stackwire.core.settings import ServiceSettings
from stackwire.runtime import siblings
from stackwire.runtime.siblings import Place, Share

IS_PAIRED = os.environ.get("TEST_PROCESSES") == "2"
PAIRED = (*ORDER, REGISTRY)


class Sockets(dict[Place, socket.socket]):
    """For each service one that shares its port with the other's; the kernel divides the connections."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._ports = {port for name, port in options.all_ports.items() if name in PAIRED}

    def get(self, place: Place, default: Any = None) -> Any:
        """A new one each time: a service that starts again has closed the last."""
        host, port = place
        if port not in self._ports:
            return default
        found = socket.create_server((host, port), reuse_port=True)
        found.setblocking(False)
        return found


class Process(Cloud):
    """One process of each service, which takes others to be at work on the same rows, as on a RabbitMQ."""

    def __init__(self, options: Options, number: int, **wish: Any) -> None:
        super().__init__(options, **wish)
        self._folder = tempfile.TemporaryDirectory(prefix="stackwire-paired-")
        self._share = Share(number, 2, Path(self._folder.name), Sockets(options), supervised=-1)

    async def stop(self) -> None:
        await super().stop()
        self._folder.cleanup()

    @contextmanager
    def becoming(self) -> Iterator[None]:
        """What is built and started in the block belongs to this process."""
        siblings.become(self._share)
        try:
            yield
        finally:
            siblings.become(None)

    async def start_again(self, name: str) -> None:
        with self.becoming():
            await super().start_again(name)

    def _values(self, name: str, kind: type[ServiceSettings]) -> dict[str, Any]:
        """A simulated host has one process."""
        values = super()._values(name, kind) | {"amqp_url": "amqp://"}
        return values | kind(**values).share(self._share.number, self._share.count)


class PairedCloud(Process):
    """``second``: the other process of each service. The tracer and the index have one."""

    def __init__(self, options: Options, **wish: Any) -> None:
        super().__init__(options, 1, **wish)
        self.second = Second(self, replace(options, trace_port=None, index_port=None), **wish)

    async def start(self, services: Sequence[str] | None = None) -> None:
        with self.becoming():
            await super().start(services)
        try:
            await self.second.start([name for name in self.services if name in PAIRED])
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        await self.second.stop()
        await super().stop()

    async def restart(self, name: str) -> None:
        await super().restart(name)
        if name in PAIRED:
            await self.second.restart(name)

    async def crash(self, name: str) -> None:
        """Both die."""
        if name in PAIRED:
            await self.second.services.pop(name).abort()
        await super().crash(name)
        if name in PAIRED:
            await self.second.start_again(name)

    async def swept(self, timeout: float) -> None:
        await super().swept(timeout)
        await self.second.swept(timeout)

    async def _quiet(self, but_held: bool) -> bool:
        for cloud in (self, self.second, self):
            if not await Cloud._quiet(cloud, but_held):
                return False
        return True


class Second(Process):
    """On the bus and by the clock of the first."""

    def __init__(self, first: PairedCloud, options: Options, **wish: Any) -> None:
        super().__init__(options, 2, **wish)
        self.clock, self.pace, self.stand_ins = first.clock, first.pace, first.stand_ins
        self._first = first

    def _values(self, name: str, kind: type[ServiceSettings]) -> dict[str, Any]:
        """The first one's tracer hears of its requests, too."""
        values = super()._values(name, kind)
        return values | ({"trace_http": True} if self._first.options.trace_port is not None else {})

    async def start(self, services: Sequence[str] | None = None) -> None:
        self.broker = self._first.broker
        with self.becoming():
            for name in services or ():
                await self._build(name)
            for service in self.services.values():
                await service.start()
