"""A server's root disk written over. ``nova/compute/manager.py: rebuild_instance, _rebuild_volume_backed_instance``."""

import asyncio
import logging
import math
from dataclasses import replace
from typing import Any

from stackwire.compute.db import actions, parts
from stackwire.compute.domain import notifications, states
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.build_instance import connection
from stackwire.compute.flows.worker.compute_host import Hosting, Overtaken
from stackwire.compute.flows.worker.guest import Guests
from stackwire.compute.flows.worker.power import TURNS, Power
from stackwire.contracts.compute_workers import RebuildInstanceOnHost
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.ids import new_id

log = logging.getLogger(__name__)
EVENT = "compute_rebuild_instance"
REIMAGED = "volume-reimaged"
GIBIBYTE = 1024**3
NO_CERTIFICATES = {"trusted_image_certificates": None}


class ReimageFailed(ServiceError, wire="nova.exception.BuildAbortException"):
    """The root volume {volume_id} could not be written over: {reason}"""


class Rebuild:
    def __init__(self, hosting: Hosting) -> None:
        self._on = hosting
        self._guests = Guests(hosting)
        self._power = Power(hosting)

    async def run(self, ctx: RequestContext, order: RebuildInstanceOnHost) -> None:
        uuid = uuid_of(order.instance)
        stopped = False
        async with self._on.alone_with(uuid):
            server = await self._on.find(uuid)
            if (
                server is None
                or server.instance.task_state != states.REBUILDING
                or server.instance.host != self._on.host
            ):
                return
            stopped = server.instance.vm_state == states.STOPPED
            try:
                server = await self._begin(ctx, server, order)
                server = await self._write(ctx, server, order)
                server = await self._finish(ctx, server, _name(server), stopped=stopped)
            except Overtaken:
                return
            except Exception as error:
                await self._fail(ctx, server, error)
                return
        if stopped:
            await self._power.turn(ctx, uuid, TURNS["stop"])

    async def _begin(self, ctx: RequestContext, server: Server, order: RebuildInstanceOnHost) -> Server:
        async with self._on.database.work(ctx) as uow:
            await actions.begin_event(uow, server.uuid, EVENT, self._on.host)
            self._on.events.exists(uow, _as_it_was(server, order), server)
            self._on.events.action(uow, server, "rebuild", "start", {"image_name": _name(server)}, NO_CERTIFICATES)
            server = await self._on.step(uow, server, [states.REBUILDING])
            return await self._on.step(uow, server, [states.REBUILDING], task_state=states.REBUILD_BLOCK_DEVICE_MAPPING)

    async def _write(self, ctx: RequestContext, server: Server, order: RebuildInstanceOnHost) -> Server:
        root = server.root
        if root is not None and root.is_volume:
            if order.reimage_boot_volume and order.image_ref:
                server = await self._reimage(ctx, server, root, order.image_ref)
        else:
            await self._on.disks.remove(server.uuid)
        async with self._on.database.work(ctx) as uow:
            server = await self._on.step(
                uow, server, [states.REBUILD_BLOCK_DEVICE_MAPPING], task_state=states.REBUILD_SPAWNING
            )
        definition = self._guests.define(server)
        await self._guests.write_disk(ctx, server, order.image_ref or server.instance.image_ref)
        await self._on.disks.note(server.uuid, "simulated guest: rebuilt")
        async with self._on.database.work(ctx) as uow:
            await self._guests.keep(uow, server, definition)
        return server

    async def _finish(self, ctx: RequestContext, server: Server, name: str | None, *, stopped: bool) -> Server:
        async with self._on.database.work(ctx) as uow:
            server = await self._on.step(
                uow, server, [states.REBUILD_SPAWNING], vm_state=states.ACTIVE, task_state=None,
                power_state=states.POWER["running"], launched_at=uow.now,
            )  # fmt: skip
            said: dict[str, Any] = {"image_name": name, "fixed_ips": notifications.fixed_ips(server)}
            self._on.events.action(uow, server, "rebuild", "end", said, NO_CERTIFICATES)
            # Nova saves once more; a server that was off is switched off again
            server = await self._on.step(uow, server, [None], task_state="powering-off" if stopped else None)
            await actions.end_event(uow, server.uuid, EVENT)
        return server

    async def _fail(self, ctx: RequestContext, server: Server, error: Exception) -> None:
        if not isinstance(error, ServiceError):
            log.exception("instance %s could not be rebuilt", server.uuid)
        after = await self._on.fail(ctx, server, EVENT, error)
        if after is not None:
            async with self._on.database.work(ctx) as uow:
                self._on.events.error(uow, after, "rebuild", error, None, NO_CERTIFICATES)

    # ---- a root volume

    async def _reimage(self, ctx: RequestContext, server: Server, root: BlockDevice, image_id: str) -> Server:
        """A second attachment keeps the volume ours while the first goes and the image is written over it."""
        volumes, volume_id = self._on.volumes, root.volume_id or ""
        attachment_id = new_id()
        await volumes.reserve(ctx, volume_id, server.uuid, attachment_id)
        if root.attachment_id:
            await volumes.release(ctx, root.attachment_id)
        async with self._on.database.work(ctx) as uow:
            root = await parts.change_device(uow, root.uuid, attachment_id=attachment_id) or root
        image = await self._on.images.get(ctx, image_id)
        patience = self._on.reimage_seconds_per_gb * math.ceil((image.size or 0) / GIBIBYTE)
        await self._await_reimage(ctx, server, volume_id, image_id, patience)
        info = await volumes.connect(ctx, attachment_id, root.device_name)
        async with self._on.database.work(ctx) as uow:
            root = (
                await parts.change_device(uow, root.uuid, connection_info=connection(info, server.uuid, root)) or root
            )
        await volumes.complete(ctx, attachment_id)
        return replace(server, devices=tuple(root if d.uuid == root.uuid else d for d in server.devices))

    async def _await_reimage(
        self, ctx: RequestContext, server: Server, volume_id: str, image_id: str, patience: float
    ) -> None:
        """Listens before it asks. An image without bytes gives no time at all, so it always fails: as in Nova."""
        key = (server.uuid, REIMAGED, volume_id)
        heard = self._on.heard[key] = asyncio.get_running_loop().create_future()
        try:
            await self._on.volumes.reimage(ctx, volume_id, image_id)
            async with asyncio.timeout(patience):
                status = await heard
        except TimeoutError:
            raise ReimageFailed(volume_id=volume_id, reason="it took too long") from None
        finally:
            self._on.heard.pop(key, None)
        if status != "completed":
            raise ReimageFailed(volume_id=volume_id, reason=f"the volume service says {status}")


def _as_it_was(server: Server, order: RebuildInstanceOnHost) -> Server:
    """The server before: its old image and what it knew of it."""
    rows = {key: value for key, value in order.orig_sys_metadata.items() if value is not None}
    before = server.instance.image_ref if server.is_volume_backed else order.orig_image_ref or ""
    return replace(server, instance=replace(server.instance, image_ref=before), system_metadata=rows)


def _name(server: Server) -> str | None:
    return (server.request_spec.get("image") or {}).get("name")
