"""A running service: its parts, started and stopped in the right order.

Start: the exchange of its notifications is declared, RPC servers consume, the relay sends what an earlier process
left, sweeps run once, and only then the API opens.
Stop: it is not ready any more, the API drains, RPC servers finish, the relay sends their messages, and only then the
database closes.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from aiohttp import web

from stackwire.core.settings import ServiceSettings
from stackwire.db.pool import Database
from stackwire.db.schema_copy import Rows
from stackwire.http.faults import add_faults
from stackwire.http.interruption import Requests
from stackwire.http.probes import Probes
from stackwire.messaging.transport import Transport, notification_queue
from stackwire.runtime import siblings
from stackwire.runtime.access import logger_of
from stackwire.runtime.gauges import Gauges
from stackwire.runtime.health import Health
from stackwire.runtime.http_trace import HttpTraceEmitter
from stackwire.runtime.kept import Kept
from stackwire.runtime.loop_lag import LoopLag
from stackwire.runtime.port import Port, PortInUse
from stackwire.runtime.relay import Relay
from stackwire.runtime.sender import BusSender
from stackwire.runtime.sweeps import Sweep, Sweeps

__all__ = ["PortInUse", "Resource", "Server", "Service", "Sweep"]


class Resource(Protocol):
    """Something the service closes when it stops."""

    async def close(self) -> None: ...


class Server(Protocol):
    """Something that consumes messages while the service runs."""

    @property
    def busy(self) -> int: ...

    @property
    def queues(self) -> Sequence[str]:
        """Those it consumes whose depth says how much work there is."""
        ...

    async def start(self) -> None: ...

    async def stop(self, grace: float = 0.0) -> None:
        """``grace``: seconds for what is being handled."""

    def forget(self) -> None:
        """What is remembered of earlier messages, for a reset."""


class Service:
    """One service, or one half of it. Owns ``database`` and ``resources``; the transport is the caller's.

    Without ``app`` (a worker) it has no API; ``probes`` are answered at the API's port, and at the health port where
    the settings name one. ``folders``: where it writes. ``busy``: whether work of its own is unfinished. ``exchange``:
    of its notifications; it exists before the first of them, so that a consumer of any kind can bind a queue to it.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: ServiceSettings,
        database: Database,
        transport: Transport,
        app: web.Application | None,
        servers: Sequence[Server] = (),
        sweeps: Sequence[Sweep] = (),
        resources: Sequence[Resource] = (),
        busy: Callable[[], bool] = lambda: False,
        exchange: str = "",
        probes: Probes | None = None,
        folders: Sequence[Path] = (),
        kept: Kept | None = None,
    ) -> None:
        self.name = name
        self.transport = transport
        self._exchange = exchange
        self.settings = settings
        self.database = database
        database.faults = transport.faults
        self._servers = list(servers)
        self._sweeps = Sweeps(name, sweeps, database.clock, lambda: transport.timeline)
        self._resources = list(resources)
        self._busy = busy
        self._app = app
        self._api: Port | None = None
        self._health_port: Port | None = None
        self._lag = LoopLag(name)
        self._http_trace = HttpTraceEmitter(transport, name) if settings.emits_http_trace and app is not None else None
        self._port = settings.port
        self._started = False
        self.kept = kept or Kept()
        self.rows = Rows(database, transient=self.kept.transient, lasting=self.kept.lasting)
        self._requests = Requests(lambda: transport.timeline)
        self._relay = Relay(database, BusSender(transport))
        self._observe(probes or Probes(), folders)

    def _observe(self, probes: Probes, folders: Sequence[Path]) -> None:
        """Prepares what is answered about it."""
        self._state = "it has not started"
        settings, limit = self.settings, self.settings.disk_free_limit
        self._health = Health(self.name, lambda: self._state, self.database, self.transport, folders, limit)
        self._gauges = Gauges(self.name, self.database, self.transport, self._health, self._connections, self._queues)
        share = siblings.own()
        self._shared = None if share is None else siblings.SharedMetrics(self.name, share, self._gauges.rendered)
        self._metrics = self._gauges.rendered if self._shared is None else self._shared.rendered
        probes.checks = self._health.checks
        probes.metrics = self._metrics if settings.health_port is None else None

    @property
    def url(self) -> str:
        """Where the API listens; an IPv6 host is in brackets."""
        host = self.settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    async def start(self) -> None:
        """Returns when requests are served. Raises PortInUse, after everything started so far is stopped."""
        try:
            self._lag.start()
            if self._shared is not None:
                await self._shared.start()
            if self.settings.health_port is not None:
                await self._listen_for_probes(self.settings.health_port)
            if self._exchange:
                await self.transport.declare(notification_queue(self._exchange, "notifications", "info"))
            for server in self._servers:
                await server.start()
            await self._relay.start()
            await self._sweeps.run_all()
            self._sweeps.start()
            if self._app is not None:
                await self._listen(self._app)
        except BaseException:
            await self.stop()
            raise
        self._started = True
        self._state = ""

    async def stop(self) -> None:
        """Stops everything; safe to call at any time, and repeatedly. What is under way has ``drain_seconds``."""
        if self._api is not None:
            self._api.leave()
        if self._started and self.settings.drain_delay:
            self._state = "it stops"
            await asyncio.sleep(self.settings.drain_delay)  # whoever asks for our readiness sends nothing more
        self._started = False
        self._state = "it stops"
        try:
            await self._stop_parts()
        finally:
            await self.database.close()

    async def _stop_parts(self) -> None:
        """All but the database, which they still use."""
        if self._api is not None:
            await self._api.stop()
            self._api = None
        if self._http_trace is not None:
            await self._http_trace.close()
        await self._sweeps.stop()
        until = asyncio.get_running_loop().time() + self.settings.drain_seconds
        for server in reversed(self._servers):
            await server.stop(max(0.0, until - asyncio.get_running_loop().time()))
        self._servers = []
        await self._relay.stop()
        for resource in reversed(self._resources):
            await resource.close()
        self._resources = []
        if self._health_port is not None:
            await self._health_port.stop()
            self._health_port = None
        self._lag.stop()
        if self._shared is not None:
            await self._shared.stop()

    async def abort(self) -> None:
        """Ends it as if its process died: nothing more is committed, sent or answered."""
        self._started = False
        self.database.terminate()
        if self._api is not None:
            await self._api.abort()
        await self._relay.abort()
        await self.transport.close()
        await self.stop()

    async def suspend(self) -> None:
        """Ends all work at once, and lets none begin until ``resume``: requests wait, messages too."""
        await asyncio.gather(
            self.transport.suspend(), self._requests.suspend(), self._sweeps.stop(), self._relay.abort()
        )
        if self._http_trace is not None:
            await self._http_trace.suspend()
        for interrupt in self.kept.interrupt:
            await interrupt()

    async def hold(self) -> bool:
        """Lets no request and no sweep begin until ``release``; whether requests under way have ended."""
        await self._sweeps.stop()
        return await self._requests.hold()

    def release(self) -> None:
        """Undoes ``hold``."""
        self._sweeps.start()
        self._requests.resume()

    async def drain(self) -> None:
        """Drops the messages that wait. Raises BusUnavailable."""
        await self.transport.drain()
        for server in self._servers:
            server.forget()

    async def resume(self) -> None:
        """Works again."""
        await self.transport.resume()
        await self._relay.resume()
        self._sweeps.start()
        if self._http_trace is not None:
            self._http_trace.start()
        self._requests.resume()

    async def ready(self) -> bool:
        """True while the service can do its work: it is started, and nothing that it needs is missing."""
        return all(check.healthy for check in await self._health.checks())

    @property
    def sweeping(self) -> bool:
        """Whether a sweep runs."""
        return self._sweeps.running > 0

    async def idle(self) -> bool:
        """True when nothing is in progress: no message being handled or waiting to be sent, no sweep running."""
        if any(server.busy for server in self._servers) or self.sweeping or self._busy() or not self._relay.idle:
            return False
        if self._http_trace is not None and self._http_trace.busy:
            return False
        return await self.database.unsent() == 0

    def _connections(self) -> int:
        return self._api.connections if self._api is not None else 0

    def _queues(self) -> list[str]:
        return [queue for server in self._servers for queue in server.queues]

    async def _listen(self, app: web.Application) -> None:
        if self._http_trace is not None:
            self._http_trace.start()
        app.middlewares.insert(0, self._requests.middleware())
        add_faults(app, self.transport.faults)
        logger = logger_of(self.name, self._http_trace)
        api = Port(self.name, app, self.settings, logger, drain_seconds=self.settings.drain_seconds)
        self._api = api
        self._port = await api.start(self.settings.port)

    async def _listen_for_probes(self, port: int) -> None:
        app = Probes(self._health.checks, self._metrics).application()
        self._health_port = Port(f"the health port of {self.name}", app, self.settings, drain_seconds=0.5)
        await self._health_port.start(port)
