"""A running service: its parts, started and stopped in the right order.

Start: the exchange of its notifications is declared, RPC servers consume, the relay sends what an earlier process
left, sweeps run once, and only then the API opens.
Stop: the API drains, RPC servers finish, the relay sends their messages, and only then the database closes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from stackwire.core.settings import ServiceSettings
from stackwire.db.pool import Database
from stackwire.http import access_log_filters
from stackwire.http.faults import add_faults
from stackwire.http.listener import IDLE_SECONDS, Listener
from stackwire.messaging.transport import Transport, notification_queue
from stackwire.runtime.http_trace import HttpTraceEmitter
from stackwire.runtime.relay import Relay
from stackwire.runtime.sender import BusSender

log = logging.getLogger(__name__)

DRAIN_SECONDS = 5.0


class Resource(Protocol):
    """Something the service closes when it stops."""

    async def close(self) -> None: ...


class Server(Protocol):
    """Something that consumes messages while the service runs."""

    @property
    def busy(self) -> int: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """Periodic recovery: run once at start and then ``every`` seconds; it must be safe to run at any time."""

    every: float
    run: Callable[[], Awaitable[object]]


class PortInUse(Exception):
    """The address cannot be listened on; the message says which and why."""


class Service:
    """One service, or one half of it. Owns ``database`` and ``resources``; the transport is the caller's.

    Without ``app`` (a worker) it listens on no port. ``busy``: whether work of its own is unfinished. ``exchange``: of
    its notifications; it exists before the first of them, so that a consumer of any kind can bind a queue to it.
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
    ) -> None:
        self.name = name
        self._transport = transport
        self._exchange = exchange
        self.settings = settings
        self.database = database
        database.faults = transport.faults
        self._servers = list(servers)
        self._sweeps = list(sweeps)
        self._resources = list(resources)
        self._busy = busy
        self._app = app
        self._runner: web.AppRunner | None = None
        self._listener: Listener | None = None
        self._http_trace = HttpTraceEmitter(transport, name) if settings.emits_http_trace and app is not None else None
        self._timers: list[asyncio.Task[None]] = []
        self._sweeping = 0
        self._port = settings.port
        self._started = False
        self._relay = Relay(database, BusSender(transport))

    @property
    def url(self) -> str:
        """Where the API listens; an IPv6 host is in brackets."""
        host = self.settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    async def start(self) -> None:
        """Returns when requests are served. Raises PortInUse, after everything started so far is stopped."""
        try:
            if self._exchange:
                await self._transport.declare(notification_queue(self._exchange, "notifications", "info"))
            for server in self._servers:
                await server.start()
            await self._relay.start()
            for sweep in self._sweeps:
                await self._run_sweep(sweep)
                self._timers.append(asyncio.create_task(self._repeat_sweep(sweep)))
            if self._app is not None:
                await self._listen(self._app)
        except BaseException:
            await self.stop()
            raise
        self._started = True

    async def stop(self) -> None:
        """Stops everything; safe to call at any time, and repeatedly."""
        self._started = False
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._http_trace is not None:
            await self._http_trace.close()
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)
        self._timers = []
        for server in reversed(self._servers):
            await server.stop()
        self._servers = []
        await self._relay.stop()
        for resource in reversed(self._resources):
            await resource.close()
        self._resources = []
        await self.database.close()

    async def abort(self) -> None:
        """Ends it as if its process died: nothing more is committed, sent or answered."""
        self._started = False
        self.database.terminate()
        await self._relay.abort()
        await self._transport.close()
        server = self._runner.server if self._runner is not None else None
        for connection in server.connections if server is not None else ():
            connection.force_close()
            if connection.transport is not None:
                connection.transport.abort()
        if server is not None:
            await server.shutdown(0.01)
        await self.stop()

    async def ready(self) -> bool:
        """True while the service can do its work: started, and its database answers."""
        return self._started and await self.database.ping()

    @property
    def sweeping(self) -> bool:
        """Whether a sweep runs."""
        return self._sweeping > 0

    async def idle(self) -> bool:
        """True when nothing is in progress: no message being handled or waiting to be sent, no sweep running."""
        if any(server.busy for server in self._servers) or self._sweeping or self._busy() or not self._relay.idle:
            return False
        if self._http_trace is not None and self._http_trace.busy:
            return False
        return await self.database.unsent() == 0

    async def _listen(self, app: web.Application) -> None:
        access_log: dict[str, Any] = {"access_log": None}
        if self._http_trace is not None:
            self._http_trace.start()
            access_log = {"access_log": log, "access_log_class": self._http_trace.logger}
        runner = web.AppRunner(
            app,
            logger=access_log_filters.log,
            handle_signals=False,
            shutdown_timeout=DRAIN_SECONDS,
            keepalive_timeout=IDLE_SECONDS,
            **access_log,
        )
        add_faults(app, self._transport.faults)
        self._listener = Listener(app, runner, most=self.settings.max_connections)
        await runner.setup()
        self._runner = runner
        host, port = self.settings.host, self.settings.port
        try:
            self._port = await self._listener.start(host, port)
        except OSError as error:
            raise PortInUse(f"{self.name} cannot listen on {host}:{port}: {error.strerror or error}") from error

    async def _repeat_sweep(self, sweep: Sweep) -> None:
        while True:
            await self.database.clock.sleep(sweep.every)
            await self._run_sweep(sweep)

    async def _run_sweep(self, sweep: Sweep) -> None:
        self._sweeping += 1
        try:
            await sweep.run()
        except Exception:  # the next round tries again; a sweep never takes its service down
            log.exception("a sweep of %s failed", self.name)
        finally:
            self._sweeping -= 1
