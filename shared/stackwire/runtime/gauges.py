"""What is asked of the database and the bus when Prometheus scrapes: ages, numbers of rows, depths of queues."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from stackwire.core import metrics
from stackwire.core.errors import ServiceError
from stackwire.db import counts
from stackwire.db.pool import Database
from stackwire.messaging.transport import Transport
from stackwire.runtime.health import Health

log = logging.getLogger(__name__)

KEPT_SECONDS = 5.0
"""How long an answer is good: whoever scrapes more often does not ask the database more often."""


class Gauges:
    """The metrics of one service, brought up to date and rendered. ``connections``: of clients. ``queues``: those that
    it consumes."""

    def __init__(
        self,
        service: str,
        database: Database | None,
        transport: Transport,
        health: Health,
        connections: Callable[[], int],
        queues: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self._service = service
        self._database = database
        self._transport = transport
        self._health = health
        self._connections = connections
        self._queues = queues
        self._lock = asyncio.Lock()
        self._refreshed = float("-inf")

    async def rendered(self) -> bytes:
        """In Prometheus' text format."""
        async with self._lock:
            if time.monotonic() - self._refreshed > KEPT_SECONDS:
                await self._refresh()
                self._refreshed = time.monotonic()
        metrics.HTTP_CONNECTIONS.labels(self._service).set(self._connections())
        return metrics.rendered(self._service)

    async def _refresh(self) -> None:
        checks = {check.name: check.healthy for check in await self._health.checks()}
        metrics.BROKER_UP.labels(self._service).set(checks["broker"])
        try:
            if self._database is not None and checks["database"]:
                await self._refresh_database(self._database)
            if checks["broker"]:
                for queue in self._queues():
                    metrics.QUEUE_MESSAGES.labels(self._service, queue).set(await self._transport.depth(queue))
        except ServiceError as error:
            metrics.SCRAPE_FAILURES.labels(self._service).inc()
            log.warning("the metrics of %s are not complete: %s", self._service, error)

    async def _refresh_database(self, database: Database) -> None:
        use = database.pool_use
        metrics.POOL_SIZE.labels(self._service).set(use.size)
        metrics.POOL_IN_USE.labels(self._service).set(use.in_use)
        metrics.POOL_WAITING.labels(self._service).set(use.waiting)
        unsent, age = await counts.outbox(database)
        metrics.OUTBOX_UNSENT.labels(self._service).set(unsent)
        metrics.OUTBOX_AGE.labels(self._service).set(age)
        for state, number in (await counts.leases(database)).items():
            metrics.LEASES.labels(self._service, state).set(number)
        metrics.forget(metrics.RESOURCES, self._service)
        metrics.forget(metrics.TRANSIENT_AGE, self._service)
        for row in await counts.states(database):
            metrics.RESOURCES.labels(self._service, row.resource, row.state).set(row.number)
            if row.oldest_seconds is not None:
                metrics.TRANSIENT_AGE.labels(self._service, row.resource, row.state).set(row.oldest_seconds)
