"""Cinder's image-volume cache: volumes of an image are clones of one that the internal project has on their host.

``cinder/image/cache.py``, and what ``cinder/volume/flows/manager/create_volume.py`` makes of it: it looks twice before
it clones or downloads, and once more before it keeps a copy; each look is an event. Beyond Cinder, which compares an
entry with its image only when the next volume is created, the image service's notifications drop what is out of date.
"""

import logging
from datetime import datetime
from typing import Any

from stackwire.contracts.events_image import IMAGE_EVENTS
from stackwire.contracts.image import ImageView
from stackwire.contracts.volume import VolumeNotFound
from stackwire.contracts.volume_workers import HOST, RemoveVolume
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError, Unavailable
from stackwire.core.ids import new_id
from stackwire.messaging.notification_listener import NotificationListener
from stackwire.messaging.notify import Notification
from stackwire.messaging.transport import Transport
from stackwire.volume.db import encryption, image_volume_cache, volume_types, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.backends import CacheLimits
from stackwire.volume.domain.errors import InvalidImage, NotDeletable
from stackwire.volume.domain.model import CacheEntry, Volume
from stackwire.volume.domain.notifications import cache_event, volume_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import VolumeStates
from stackwire.volume.flows.api.delete_volume import DeleteVolume
from stackwire.volume.flows.deps import Flow, to_backend, volume_file
from stackwire.volume.flows.type_quotas import check_type_limits
from stackwire.volume.flows.worker.download import ImageDownloads, ImageSource

log = logging.getLogger(__name__)


class ImageVolumeCache(Flow):
    """Of every back end that has one."""

    @property
    def is_used(self) -> bool:
        """Whether any back end has one, and there is a project for its volumes."""
        return any(self._limits(backend.host) for backend in self._deps.backends)

    def _limits(self, host: str | None) -> CacheLimits | None:
        cached = self._deps.backends.of(host).image_volume_cache
        return cached if self._deps.internal_tenant is not None else None

    def _internal(self) -> RequestContext:
        """``cinder/context.py: get_internal_tenant_context``: a request of its own each time."""
        assert self._deps.internal_tenant is not None
        project_id, user_id = self._deps.internal_tenant
        return RequestContext(user_id=user_id, project_id=project_id, roles=("admin",), is_admin=True)

    # -- a new volume

    async def fill(self, ctx: RequestContext, image_id: str, volume: Volume, size: int) -> ImageSource:
        """The volume's file of ``size`` bytes holds the image: cloned, or downloaded and kept. As ImageDownloads."""
        limits, downloads = self._limits(volume.host), ImageDownloads(self._deps)
        if limits is None or volume.is_copy or await self._is_encrypted(volume):
            return await downloads.fill(ctx, image_id, volume, size)
        image = await self._deps.images.get(ctx, image_id)
        async with self._deps.locks.exclusive(("image", image_id)):
            if await self._entry(self._internal(), volume, image) is None:
                internal = self._internal()
                await self._entry(internal, volume, image)
                source = await downloads.fill(ctx, image_id, volume, size)
                await self._keep(internal, volume, source, limits)
                return source
        entry = await self._entry(self._internal(), volume, image)
        if entry is not None and await self._is_cloned(entry, volume, size):
            return ImageSource(image, None)
        return await downloads.fill(ctx, image_id, volume, size)

    async def _is_encrypted(self, volume: Volume) -> bool:
        """Whose data no other volume could read (``_create_from_image``: encrypted volume images are not cached)."""
        async with self._deps.database.read() as session:
            return await encryption.encrypts(session, volume.volume_type_id)

    async def _entry(self, ctx: RequestContext, volume: Volume, image: ImageView) -> CacheEntry | None:
        """The entry that is true of the image now; one that is not is evicted."""
        host = volume.host or ""
        async with self._deps.database.work(ctx) as uow:
            entry = await image_volume_cache.use(uow, image.id, host)
            if entry is not None and entry.image_updated_at == _time(image.updated_at):
                uow.notify(cache_event("hit", image.id, host))
                return entry
        if entry is not None:
            await self._drop(ctx, entry)
        async with self._deps.database.work(ctx) as uow:
            uow.notify(cache_event("miss", image.id, host))
        return None

    async def _is_cloned(self, entry: CacheEntry, volume: Volume, size: int) -> bool:
        """False where the cached volume cannot be cloned: it is gone, or larger than the volume may be."""
        if entry.size * GIBIBYTE > size:
            return False
        async with self._deps.database.read() as session:
            cached = await volumes.TABLE.get(session, entry.volume_id)
        try:
            if cached is None:
                raise VolumeNotFound(volume_id=entry.volume_id)
            await self._deps.store(volume.host).copy(volume_file(cached), volume_file(volume), size)
        except ServiceError as error:
            log.warning("volume %s is no clone of a cached one: %s", volume.id, error)
            return False
        return True

    # -- what is kept

    async def _keep(self, ctx: RequestContext, volume: Volume, source: ImageSource, limits: CacheLimits) -> None:
        """A copy of the volume, no larger than the image is; without one the volume is as good."""
        size = max(1, -(-source.virtual_size // GIBIBYTE))
        try:
            if await self._entry(ctx, volume, source.image) is not None:
                return
            if not await self._ensure_space(ctx, volume.host or "", size, limits):
                log.warning("the cache has no room for image %s on %s", source.image.id, volume.host)
                return
            cached = await self._begin(ctx, volume, source.image, size)
            if cached is not None:
                await self._copy(ctx, volume, cached)
        except ServiceError as error:
            log.warning("image %s is not kept on %s: %s", source.image.id, volume.host, error)

    async def _ensure_space(self, ctx: RequestContext, host: str, size: int, limits: CacheLimits) -> bool:
        """Room for a volume of that size, of which the entries are evicted that were used least lately."""
        if 0 < limits.max_size_gb < size:
            return False
        async with self._deps.database.read() as session:
            entries = await image_volume_cache.on_host(session, host)
        count, total = len(entries) + 1, sum(entry.size for entry in entries) + size
        while entries and (0 < limits.max_count < count or 0 < limits.max_size_gb < total):
            entry = entries.pop()
            await self._drop(ctx, entry)
            count, total = count - 1, total - entry.size
        return not 0 < limits.max_size_gb < total

    async def _begin(self, ctx: RequestContext, volume: Volume, image: ImageView, size: int) -> Volume | None:
        """The row, its share of the quota and the entry; None where another process is making them.

        ``cinder/volume/manager.py: _clone_image_volume``.
        """
        async with self._deps.database.work(ctx) as uow:
            volume_type = await volume_types.by_id(uow, volume.volume_type_id)
            project_id = ctx.project_id or ""
            await image_volume_cache.forget_deleted(uow, image.id, volume.host or "")
            if await image_volume_cache.TABLE.find(uow, image_id=image.id, host=volume.host):
                return None
            await self._deps.reserve_quota(uow, project_id, volumes=1, gigabytes=size)
            await check_type_limits(uow, project_id, volume_type, volumes=1, gigabytes=size)
            columns: dict[str, Any] = {
                **attributes(volume, "host availability_zone volume_type_id multiattach description metadata"),
                "id": new_id("volume"),
                "user_id": ctx.user_id,
                "project_id": project_id,
                "name": f"image-{image.id}",
                "size": size,
                "status": "creating",
                "source_volid": volume.id,
                "scheduled_at": volume.scheduled_at,
                "created_at": uow.now,
            }
            cached = await volumes.TABLE.insert(uow, columns)
            entry = {"host": cached.host, "image_id": image.id, "image_updated_at": _time(image.updated_at)}
            await image_volume_cache.TABLE.insert(
                uow, {**entry, "volume_id": cached.id, "size": size, "last_used": uow.now}
            )
            uow.notify(volume_event("create.start", cached, uow.now))
        return cached

    async def _copy(self, ctx: RequestContext, volume: Volume, cached: Volume) -> None:
        """The copy's bytes; it is read-only then. Without them it goes."""
        async with self._deps.hold(ctx, volumes.TABLE, cached.id, VolumeStates.finish_create) as held:
            if held is None:
                return
            try:
                store = self._deps.store(volume.host)
                await store.copy(volume_file(volume), volume_file(cached), cached.size * GIBIBYTE)
                async with self._deps.database.work(ctx) as uow:
                    created = await self._deps.transition(
                        uow,
                        volumes.TABLE,
                        VolumeStates.finish_create,
                        cached.id,
                        launched_at=uow.now,
                        readonly=True,
                        service_uuid=self._deps.service_uuid(cached.host),
                        shared_targets=False,
                    )
                    if created is not None:
                        uow.notify(volume_event("create.end", created, uow.now))
            except (ServiceError, OSError) as error:
                log.warning("volume %s is not copied into the cache: %s", volume.id, error)
                await self._delete_unfinished(ctx, cached)

    async def is_discarded(self, ctx: RequestContext, volume: Volume) -> bool:
        """For recovery: whether it was to be a volume of the cache; it is deleted, and the cache has no such entry."""
        async with self._deps.database.read() as session:
            entry = await image_volume_cache.TABLE.get(session, volume.id)
        if entry is not None:
            await self._delete_unfinished(ctx, volume)
        return entry is not None

    async def _delete_unfinished(self, ctx: RequestContext, cached: Volume) -> None:
        async with self._deps.database.work(ctx) as uow:
            await image_volume_cache.TABLE.delete(uow, cached.id)
            if await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_create, cached.id) is None:
                return
            verb = VolumeStates.begin_delete
            deleting = await self._deps.transition(uow, volumes.TABLE, verb, cached.id, terminated_at=uow.now)
            if deleting is not None:
                to_backend(uow, RemoveVolume(volume=objects.volume_object(deleting)), deleting.host)

    async def _drop(self, ctx: RequestContext, entry: CacheEntry) -> None:
        """Deletes the volume, and with it the entry."""
        try:
            await DeleteVolume(self._deps).request_delete(ctx, entry.volume_id)
        except (NotDeletable, VolumeNotFound) as error:
            log.warning("volume %s stays in the cache: %s", entry.volume_id, error)

    # -- notifications

    def listener(self, transport: Transport) -> NotificationListener:
        """On one queue for all back ends: their entries are in one table."""
        handlers = {"image.delete": self._on_deleted, "image.update": self._on_updated}
        return NotificationListener(transport, f"image_volume_cache.{HOST}", [IMAGE_EVENTS], handlers, self.compare)

    async def _on_deleted(self, notification: Notification) -> None:
        image_id, _ = _image(notification)
        await self._drop_all(image_id, None)

    async def _on_updated(self, notification: Notification) -> None:
        """An entry that is of a later image stays: the notification is an old one."""
        image_id, updated_at = _image(notification)
        await self._drop_all(image_id, updated_at)

    async def compare(self) -> None:
        """Every entry with its image. Unavailable when the image service does not answer."""
        async with self._deps.database.read() as session:
            image_ids = {entry.image_id for entry in await image_volume_cache.TABLE.find(session)}
        for image_id in image_ids:
            try:
                image = await self._deps.images.get(system_context("cinder"), image_id)
            except InvalidImage:
                await self._drop_all(image_id, None)
            except Unavailable:
                raise
            except ServiceError as error:  # over HTTP the service has no token of its own
                log.info("the cached volumes of image %s stay: %s", image_id, error)
            else:
                await self._drop_all(image_id, _time(image.updated_at))

    async def _drop_all(self, image_id: str, before: datetime | None) -> None:
        """Those of the image as it was before that time, also one that is being made now."""
        async with self._deps.locks.exclusive(("image", image_id)):
            async with self._deps.database.read() as session:
                entries = await image_volume_cache.of_image(session, image_id, before=before)
            for entry in entries:
                await self._drop(self._internal(), entry)


def _image(notification: Notification) -> tuple[str, datetime]:
    """Its id, and when it was changed. ValueError for a payload without: such a notification is a dead letter."""
    payload = notification.payload if isinstance(notification.payload, dict) else {}
    image_id, updated_at = payload.get("id"), payload.get("updated_at")
    if not isinstance(image_id, str) or not isinstance(updated_at, str):
        raise ValueError(f"{notification.event_type} names no image")
    return image_id, _time(updated_at)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text}")
    return moment
