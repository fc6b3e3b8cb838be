"""Images that hosts fetch before a server needs them: ``POST /os-aggregates/{id}/images``."""

import logging

from stackwire.compute.db import hosts, services
from stackwire.compute.db.aggregates import TABLE
from stackwire.compute.domain.versioned_objects import data_of
from stackwire.compute.flows.aggregate_notifications import emit_cache_phase, emit_cache_progress
from stackwire.compute.flows.notifications import Notifications
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.compute.flows.worker.guest import Guests
from stackwire.contracts.compute_workers import CacheImages, CacheImagesOnHost
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database
from stackwire.messaging.rpc import RpcClient

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
        known = await self._host.disks.has_image(image_id)
        try:
            await self._guests.fetch_image(ctx, image_id)
        except ServiceError as error:
            log.error("image %s is not cached on %s: %s", image_id, self._host.name, error)
            return "error"
        return "existing" if known else "cached"
