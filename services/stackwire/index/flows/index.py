"""The index: a notification says which resource has changed, its service says how it is now."""

import asyncio
from typing import Any

from stackwire.contracts.lineage import LINEAGE_TOPIC, STACKWIRE_EXCHANGE
from stackwire.contracts.properties import ResourceProperties
from stackwire.core.context import system_context
from stackwire.core.keyed_locks import KeyedLocks
from stackwire.db.pool import Database
from stackwire.index.backends.services import Services
from stackwire.index.db import properties
from stackwire.index.domain.resources import ID_KEYS, KINDS, TRANSFERS, Resource, UnknownKind, about, names_of
from stackwire.messaging.notification_listener import NotificationListener
from stackwire.messaging.notify import Notification
from stackwire.messaging.transport import Transport, notification_queue

QUEUE = "index"
EXCHANGES = ("glance", "cinder", "nova")


class PropertyIndex:
    """Idempotent: what is read later is never older than what is there, since one resource is read once at a time."""

    def __init__(self, database: Database, services: Services) -> None:
        self._database = database
        self._services = services
        self._locks = KeyedLocks()
        self._rebuilding = asyncio.Lock()
        self._refreshed: set[Resource] = set()
        self._ctx = system_context("index")

    def listener(self, transport: Transport, max_length: int) -> NotificationListener:
        """On a queue of its own; after an outage of the bus all is read again."""
        transfers = notification_queue(STACKWIRE_EXCHANGE, LINEAGE_TOPIC, "info", QUEUE, max_length)
        handlers = dict.fromkeys((*ID_KEYS, TRANSFERS), self._on_notification)
        return NotificationListener(
            transport, QUEUE, EXCHANGES, handlers, self.catch_up, max_length=max_length, also=(transfers,)
        )

    async def _on_notification(self, notification: Notification) -> None:
        resource = about(notification.event_type, notification.payload)
        if resource is not None:
            await self.refresh(resource)

    async def refresh(self, resource: Resource) -> None:
        """As its service says."""
        async with self._locks.exclusive(resource):
            self._refreshed.add(resource)
            await self._write(resource, await self._services.get(*resource))

    async def _write(self, resource: Resource, found: ResourceProperties | None) -> None:
        async with self._database.work(self._ctx) as uow:
            await properties.replace(uow, resource, found)

    def forget(self) -> None:
        """What was read, after a reset."""
        self._refreshed.clear()

    async def catch_up(self) -> None:
        """What may have been missed."""
        await self.rebuild()

    async def rebuild(self) -> dict[str, int]:
        """Reads everything from the services again; how many resources of each kind there are. Unavailable."""
        async with self._rebuilding:
            began_at = self._database.clock.now()
            async with self._database.read() as session:
                await properties.begin_rebuild(session, began_at)
            counts: dict[str, int] = {kind: len(await self._rebuild_kind(kind)) for kind in KINDS}
            async with self._database.read() as session:
                now = self._database.clock.now()
                await properties.end_rebuild(session, began_at, now, sum(counts.values()))
            return counts

    async def _rebuild_kind(self, kind: Any) -> set[str]:
        found: set[str] = set()
        more, marker = True, ""
        while more:
            self._refreshed.clear()
            page = await self._services.page(kind, marker)
            for each in page.resources:
                await self._take(Resource(kind, each.id), each)
                found.add(each.id)
                marker = each.id
            more = page.more
        async with self._database.read() as session:
            lost = await properties.known_ids(session, kind) - found
        for resource_id in lost:
            await self.refresh(Resource(kind, resource_id))
        return found

    async def _take(self, resource: Resource, found: ResourceProperties) -> None:
        """A page may be older than what a notification made us read meanwhile: then it is read again, alone."""
        async with self._locks.exclusive(resource):
            if resource not in self._refreshed:
                await self._write(resource, found)
                return
        await self.refresh(resource)

    async def where(self, key: str, kind: str | None = None, value: str | None = None) -> list[dict[str, Any]]:
        """Every resource that has the property now, the latest last. UnknownKind."""
        if kind is not None and kind not in KINDS:
            raise UnknownKind(kind=kind)
        async with self._database.read() as session:
            found = await properties.where(session, names_of(key), kind, value)
        return [
            {
                "resource": {"kind": each.kind, "id": each.id},
                "key": each.key,
                "value": each.value,
                "since": each.since.isoformat(),
            }
            for each in found
        ]

    async def status(self) -> dict[str, Any]:
        """How many resources have properties, and when everything was read last."""
        async with self._database.read() as session:
            counts, last = await properties.counts(session), await properties.last_rebuild(session)
        times = (
            {} if last is None else {name: last[name] and last[name].isoformat() for name in ("began_at", "ended_at")}
        )
        return {"resources": {kind: counts.get(kind, 0) for kind in KINDS}, "last_rebuild": times or None}
