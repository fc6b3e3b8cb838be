"""Composition root of the tracer: a watch on the bus, a bounded store, a small API."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.core.errors import Unauthorized
from stackwire.db.pool import Database
from stackwire.db.schema_copy import Rows
from stackwire.http.app import make_app
from stackwire.http.hosts import own_hosts
from stackwire.http.probes import Probes
from stackwire.messaging.transport import Transport
from stackwire.runtime.access import logger_of
from stackwire.runtime.gauges import Gauges
from stackwire.runtime.health import Health
from stackwire.runtime.kept import Kept, Restored
from stackwire.runtime.port import Port
from stackwire.trace.backends.bus_watch import BusWatch, NotificationWatch
from stackwire.trace.backends.firehose import FirehoseUnavailable, firehose
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.flows.answers import Answers
from stackwire.trace.flows.archive import Archive, Bounds
from stackwire.trace.flows.pacer import decode_in_background
from stackwire.trace.http.errors import trace_error
from stackwire.trace.http.routes import routes
from stackwire.trace.settings import TraceSettings

log = logging.getLogger(__name__)

DECODE_INTERVAL_SECONDS = 0.2
"""How often what was received is decoded and indexed."""


class _NoAuthentication:
    """Every route is public."""

    async def authenticate(self, request: web.Request) -> RequestContext:
        raise Unauthorized


class TraceService:
    """Starts, stops and is ready like every service of the cloud. With a database it saves lineage and stories.

    On RabbitMQ it enables the firehose while it runs; where that is refused it receives notifications only, and
    ``store.problem`` says so.
    """

    name = "trace"

    def __init__(
        self,
        settings: TraceSettings,
        transport: Transport,
        database: Database | None = None,
        answers: Answers | None = None,
    ) -> None:
        self.settings = settings
        self._answers = answers
        self.store = MessageStore(settings.keep_messages, settings.keep_bytes)
        self.store.started_at = time.time()
        self._transport = transport
        self._archive = None if database is None else Archive(self.store, database, _bounds(settings))
        self.rows = None if database is None else Rows(database, lasting=self.kept.lasting)
        self._stack = AsyncExitStack()
        self._started = False
        self._port = settings.port
        self._api: Port | None = None
        self._health = Health(self.name, lambda: "" if self._started else "it has not started", database, transport)
        self._gauges = Gauges(
            self.name, database, transport, self._health, lambda: self._api.connections if self._api is not None else 0
        )

    @property
    def url(self) -> str:
        """The address of the API and the page."""
        host = self.settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    async def start(self) -> None:
        """Returns when the bus is watched and the API listens."""
        try:
            if self._archive is not None:
                self._stack.push_async_callback(self._archive.close)
                await self._archive.start()
            await self._watch()
            self._decode_in_background()
            await self._listen()
        except BaseException:
            await self.stop()
            raise
        self._started = True

    async def stop(self) -> None:
        """Safe at any time, and again; the firehose is disabled if it was enabled here."""
        self._started = False
        await self._stack.aclose()

    async def suspend(self) -> None:
        """Watches nothing, until ``resume``; the API goes on."""
        await self._transport.suspend()
        if self._archive is not None:
            await self._archive.suspend()

    async def hold(self) -> bool:
        """It begins nothing by itself."""
        return True

    def release(self) -> None:
        """Undoes ``hold``."""

    async def drain(self) -> None:
        """Drops what was not received yet. Raises BusUnavailable."""
        await self._transport.drain()

    async def resume(self) -> None:
        """Watches again."""
        if self._archive is not None:
            self._archive.resume()
        await self._transport.resume()

    @property
    def kept(self) -> Kept:
        """Nothing beside the rows; after a reset what is known is what they say. Stories are in no state: a reset
        forgets them."""
        if self._archive is None:
            return Kept(restored=self._restored)
        return Kept(restored=self._restored, flush=self._archive.write, lasting={"messages"})

    async def _restored(self, _: Restored) -> None:
        self.store.clear()
        if self._archive is not None:
            await self._archive.restored()

    async def ready(self) -> bool:
        """True between start and stop, while the database and the bus answer."""
        return all(check.healthy for check in await self._health.checks())

    @property
    def sweeping(self) -> bool:
        """It has no sweeps."""
        return False

    async def idle(self) -> bool:
        """Always true: the tracer takes no part in the cloud's work."""
        return True

    async def _watch(self) -> None:
        if self.settings.amqp_url == "memory":
            watch = BusWatch(self._transport, self.store)
            await watch.start()
            self._stack.push_async_callback(watch.close)
            return
        try:
            await self._stack.enter_async_context(
                firehose(self._transport, self.store, self.settings.amqp_url, self.settings.management_url or None)
            )
        except FirehoseUnavailable as error:
            self.store.problem = f"only notifications and lineage are traced. {error}"
            log.warning("%s", self.store.problem)
            notifications = NotificationWatch(self._transport, self.store)
            await notifications.start()
            self._stack.push_async_callback(notifications.close)

    def _decode_in_background(self) -> None:
        task = asyncio.create_task(decode_in_background(self.store, DECODE_INTERVAL_SECONDS))

        async def cancel() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack.push_async_callback(cancel)

    async def _listen(self) -> None:
        app = make_app(
            routes=routes(self.store, self._answers),
            authenticator=_NoAuthentication(),
            errors=trace_error,
            probes=Probes(self._health.checks, self._gauges.rendered),
            middlewares=[own_hosts(self.settings.hosts)],
        )
        self._api = Port(self.name, app, self.settings, logger_of(self.name, None), drain_seconds=1.0)
        self._stack.push_async_callback(self._api.stop)
        self._port = await self._api.start(self.settings.port)


def _bounds(settings: TraceSettings) -> Bounds:
    messages = min(settings.save_messages, settings.keep_messages)
    return Bounds(transfers=settings.keep_transfers, messages=messages, size=settings.keep_bytes)


async def build(
    settings: TraceSettings, *, transport: Transport, clock: Clock | None = None, answers: Answers | None = None
) -> TraceService:
    """A tracer ready to be started. Times are those of the bus; ``clock`` is there because every service has it.

    ``answers``: who knows what properties do. Raises DatabaseUnavailable, MigrationError; without ``database_url``
    lineage is kept in memory only.
    """
    if not settings.database_url:
        return TraceService(settings, transport, None, answers)
    migrations = Path(str(files("stackwire.trace"))) / "db" / "migrations"
    database = await Database.open(
        settings.database_url, schema="trace", migrations=migrations, clock=clock, max_size=2
    )
    return TraceService(settings, transport, database, answers)
