"""A server's disk becomes an image; a guest frozen and thawed for the snapshots of its volumes."""

import logging

from stackwire.compute.db import actions
from stackwire.compute.domain import image_props, states, travel
from stackwire.compute.domain.errors import QuiesceFailed, QuiesceNotSupported
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import Hosting, Overtaken
from stackwire.contracts.compute_workers import QuiesceInstance, SnapshotInstance, UnquiesceInstance
from stackwire.contracts.lineage import property_transfer
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError

log = logging.getLogger(__name__)
EVENT = "compute_snapshot_instance"
FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vhdx", "vhd", "iso", "ploop")


class Snapshot:
    def __init__(self, hosting: Hosting) -> None:
        self._on = hosting

    async def run(self, ctx: RequestContext, order: SnapshotInstance) -> None:
        uuid = uuid_of(order.instance)
        async with self._on.alone_with(uuid):
            server = await self._on.find(uuid)
            if server is None:
                await self._on.images.discard(ctx, order.image_id)
                return
            if server.instance.task_state == states.SNAPSHOT_PENDING:
                await self._take(ctx, server, order.image_id)
            else:
                await self._abandon(ctx, order.image_id)

    async def _abandon(self, ctx: RequestContext, image_id: str) -> None:
        """An order told again: its first hearer finished the image, or died and left it without its bytes."""
        try:
            image = await self._on.images.get(ctx, image_id)
        except ServiceError:
            return
        if image.status in ("queued", "saving"):
            await self._on.images.discard(ctx, image_id)

    async def _take(self, ctx: RequestContext, server: Server, image_id: str) -> None:
        """Any error takes the image with it; the server is as it was before, with a fault."""
        told = {"snapshot_image_id": image_id}
        try:
            server = await self._begin(ctx, server, told)
            server = await self._send(ctx, server, image_id)
            async with self._on.database.work(ctx) as uow:
                server = await self._on.step(uow, server, [states.SNAPSHOT_UPLOADING], task_state=None)
                self._on.events.action(uow, server, "snapshot", "end", None, told)
                await actions.end_event(uow, server.uuid, EVENT)
        except Overtaken:
            await self._on.images.discard(ctx, image_id)
        except NotFound as error:  # the image went away meanwhile: nothing to clean up, nothing wrong with the server
            log.info("image %s of a snapshot is gone: %s", image_id, error)
            await self._on.fail(ctx, server, EVENT, error, vm_state=None)
        except Exception as error:
            if not isinstance(error, ServiceError):
                log.exception("the snapshot of instance %s failed", server.uuid)
            await self._on.images.discard(ctx, image_id)
            await self._on.fail(ctx, server, EVENT, error, vm_state=None)

    async def _begin(self, ctx: RequestContext, server: Server, told: dict[str, str]) -> Server:
        async with self._on.database.work(ctx) as uow:
            await actions.begin_event(uow, server.uuid, EVENT, self._on.host)
            server = await self._on.step(uow, server, [states.SNAPSHOT_PENDING], task_state=states.SNAPSHOTTING)
            server = await self._on.step(uow, server, [states.SNAPSHOTTING])
            self._on.events.action(uow, server, "snapshot", "start", None, told)
            return await self._on.step(uow, server, [states.SNAPSHOTTING], task_state=states.SNAPSHOT_UPLOAD_PENDING)

    async def _send(self, ctx: RequestContext, server: Server, image_id: str) -> Server:
        async with self._on.database.work(ctx) as uow:
            server = await self._on.step(
                uow, server, [states.SNAPSHOT_UPLOAD_PENDING], task_state=states.SNAPSHOT_UPLOADING
            )
        recorded = server.system_metadata.get("image_disk_format", "raw")
        added = travel.uploaded_snapshot(
            server.instance, server.system_metadata, recorded if recorded in FORMATS else "raw"
        )
        formats = {key: added[key] for key in ("disk_format", "container_format")}
        await self._on.images.describe(ctx, image_id, formats, added["properties"])
        await self._on.images.upload(ctx, image_id, self._on.disks.read(server.uuid))
        async with self._on.database.work(ctx) as uow:
            uow.notify(
                property_transfer(
                    "compute", "compute.uploaded_snapshot", "server", server.uuid, "image", image_id,
                    server.system_metadata, {**formats, **added["properties"]},
                    source="nova/virt/libvirt/driver.py: _create_snapshot_metadata", prefix=f"-{travel.PREFIX}",
                    partial=True,
                )
            )  # fmt: skip
        return server

    # ---- frozen and thawed

    async def quiesce(self, ctx: RequestContext, order: QuiesceInstance) -> None:
        """The guest's file systems stand still. QuiesceNotSupported without an agent; QuiesceFailed when it is off."""
        uuid = uuid_of(order.instance)
        server = await self._on.find(uuid)
        if server is None or server.instance.vm_state != states.ACTIVE:
            raise QuiesceFailed(instance_id=uuid, reason="the guest does not run")
        if not image_props.flag(server.system_metadata.get("image_hw_qemu_guest_agent")):
            raise QuiesceNotSupported(instance_id=uuid, reason="the guest has no agent (hw_qemu_guest_agent)")
        await self._on.disks.note(uuid, "simulated guest: file systems frozen")

    async def unquiesce(self, ctx: RequestContext, order: UnquiesceInstance) -> None:
        await self._on.disks.note(uuid_of(order.instance), "simulated guest: file systems thawed")
