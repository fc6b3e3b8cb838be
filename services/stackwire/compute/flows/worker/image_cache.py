"""Images that hosts keep: fetched before a server needs them (``POST /os-aggregates/{id}/images``), and dropped.

Nova's hosts drop an image in their periodic pass alone (``nova/compute/manager.py: _run_image_cache_manager_pass``),
which asks nobody whether there still is such an image: only when no server has used it for a day. Ours have that pass,
and drop an image as soon as the image service tells that it is deleted or that its bytes are others.
"""

import logging

from stackwire.compute.db import hosts, services
from stackwire.compute.db.aggregates import TABLE
from stackwire.compute.domain.versioned_objects import data_of
from stackwire.compute.flows.aggregate_notifications import emit_cache_phase, emit_cache_progress
from stackwire.compute.flows.notifications import Notifications
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.compute.flows.worker.guest import Guests, digest_of
from stackwire.contracts.compute_workers import CacheImages, CacheImagesOnHost
from stackwire.contracts.events_image import IMAGE_EVENTS
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import NotFound, ServiceError, Unavailable
from stackwire.db.pool import Database
from stackwire.messaging.notification_listener import NotificationListener
from stackwire.messaging.notify import Notification
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import Transport

log = logging.getLogger(__name__)


class ImageCaching:
    """The conductor's part (``nova/conductor/manager.py: cache_images``): host after host."""

    def __init__(self, database: Database, rpc: RpcClient, notifications: Notifications) -> None:
        self._database = database
        self._rpc = rpc
        self._notifications = notifications

    async def on_cache_images(self, ctx: RequestContext, message: CacheImages) -> None:
        """A host that is down is skipped; an aggregate that is gone has no hosts."""
        async with self._database.read() as session:
            aggregate = await TABLE.get(session, int(data_of(message.aggregate)["id"]))
            up = {
                host.host for host in await hosts.list_all(session) if services.is_up(host, self._database.clock.now())
            }
        if aggregate is None:
            return
        async with self._database.work(ctx) as uow:
            emit_cache_phase(self._notifications, uow, aggregate, "start")
        for number, host in enumerate(aggregate.hosts, start=1):
            result = await self._request(ctx, host, message.image_ids, is_up=host in up)
            async with self._database.work(ctx) as uow:
                progress = (number, len(aggregate.hosts))
                emit_cache_progress(self._notifications, uow, aggregate, host, result, progress)
        async with self._database.work(ctx) as uow:
            emit_cache_phase(self._notifications, uow, aggregate, "end")

    async def _request(self, ctx: RequestContext, host: str, image_ids: list[str], *, is_up: bool) -> dict[str, str]:
        """Image id to ``cached``, ``existing``, ``error`` or ``skipped``."""
        if not is_up:
            return dict.fromkeys(image_ids, "skipped")
        try:
            return await self._rpc.call(ctx, CacheImagesOnHost(image_ids=image_ids), server=host)
        except ServiceError as error:
            log.warning("host %s caches no images: %s", host, error)
            return dict.fromkeys(image_ids, "error")


class HostImageCaching:
    """A host's part (``nova/compute/manager.py: cache_images``)."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)

    async def on_cache_images(self, ctx: RequestContext, message: CacheImagesOnHost) -> dict[str, str]:
        """Image id to status: ``cached`` when it was fetched now, ``existing``, ``error``."""
        return {image_id: await self._cache(ctx, image_id) for image_id in message.image_ids}

    async def _cache(self, ctx: RequestContext, image_id: str) -> str:
        known = await self._host.disks.images.has(image_id)
        try:
            await self._guests.fetch_image(ctx, image_id)
        except ServiceError as error:
            log.error("image %s is not cached on %s: %s", image_id, self._host.name, error)
            return "error"
        return "existing" if known else "cached"


class CachedImages:
    """The images that a host keeps, held true by the image service's notifications.

    Only an image's bytes matter to a copy of them: a new property or name drops nothing.
    """

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._ctx = system_context("nova")

    def listener(self, transport: Transport) -> NotificationListener:
        """On a queue of the host's own: each host has copies of its own."""
        handlers = {"image.delete": self._on_deleted, "image.update": self._on_updated}
        return NotificationListener(transport, f"image_cache.{self._host.name}", [IMAGE_EVENTS], handlers, self.compare)

    async def _on_deleted(self, notification: Notification) -> None:
        await self._drop(_image_id(notification))

    async def _on_updated(self, notification: Notification) -> None:
        """The payload has no ``os_hash_value``, and may be an old one: the image service is asked."""
        image_id = _image_id(notification)
        if await self._host.disks.images.has(image_id):
            await self._compare(image_id)

    async def compare(self) -> None:
        """Every image against the image service. Unavailable when that does not answer; then nothing is dropped."""
        for image_id in await self._host.disks.images.ids():
            await self._compare(image_id)

    async def _compare(self, image_id: str) -> None:
        try:
            image = await self._host.images.get(self._ctx, image_id)
        except NotFound:
            await self._drop(image_id)
        except Unavailable:
            raise
        except ServiceError as error:  # over HTTP a host has no token of its own
            log.info("host %s keeps image %s, which it cannot ask about: %s", self._host.name, image_id, error)
        else:
            await self._drop(image_id, but=digest_of(image)[1] or "unknown")

    async def _drop(self, image_id: str, but: str | None = None) -> None:
        if dropped := await self._host.disks.images.drop(image_id, but=but):
            log.info("host %s dropped %d files of image %s", self._host.name, dropped, image_id)


def _image_id(notification: Notification) -> str:
    """ValueError for a payload that names none: such a notification is a dead letter."""
    payload = notification.payload
    image_id = payload.get("id") if isinstance(payload, dict) else None
    if not isinstance(image_id, str) or not image_id:
        raise ValueError(f"{notification.event_type} names no image")
    return image_id
