"""A server's disk becomes an image; a guest frozen and thawed for the snapshots of its volumes."""

import logging

from stackwire.compute.db import instance_actions
from stackwire.compute.domain import image_props, travel
from stackwire.compute.domain.errors import QuiesceFailed, QuiesceNotSupported
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ACTIVE, ServerStates
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, StateChanged
from stackwire.contracts.compute_workers import QuiesceInstance, SnapshotInstance, UnquiesceInstance
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError
from stackwire.core.rules import Resource

log = logging.getLogger(__name__)
EVENT = "compute_snapshot_instance"
FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vhdx", "vhd", "iso", "ploop")


class SnapshotServer:
    """Snapshots of servers on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    async def on_snapshot_instance(self, ctx: RequestContext, message: SnapshotInstance) -> None:
        """Uploads the disk to the image, which is deleted when that fails."""
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None:
                await self._host.images.discard(ctx, message.image_id)
                return
            if ServerStates.take_snapshot.allows(task_state=server.instance.task_state):
                await self._take(ctx, server, message.image_id)
            else:
                await self.discard_unfinished(ctx, message.image_id)

    async def discard_unfinished(self, ctx: RequestContext, image_id: str) -> None:
        """The message was delivered again: the image is finished, or a process died and left it without its bytes."""
        try:
            image = await self._host.images.get(ctx, image_id)
        except ServiceError:
            return
        if image.status in ("queued", "saving"):
            await self._host.images.discard(ctx, image_id)

    async def _take(self, ctx: RequestContext, server: Server, image_id: str) -> None:
        """After any error the image is deleted; the server is as it was before, with a fault."""
        fields = {"snapshot_image_id": image_id}
        try:
            server = await self._begin(ctx, server, fields)
            server = await self._upload(ctx, server, image_id)
            async with self._host.database.work(ctx) as uow:
                server = await self._host.advance(uow, server, ServerStates.finish_snapshot)
                self._host.notifications.emit_action(uow, server, "snapshot", "end", None, fields)
                await instance_actions.end_event(uow, server.uuid, EVENT)
        except StateChanged:
            await self._host.images.discard(ctx, image_id)
        except NotFound as error:  # the image was deleted meanwhile: nothing to clean up, nothing wrong with the server
            log.info("image %s of a snapshot was deleted: %s", image_id, error)
            await self._host.fail(ctx, server, ServerStates.abandon_snapshot, EVENT, error)
        except Exception as error:
            if not isinstance(error, ServiceError):
                log.exception("the snapshot of instance %s failed", server.uuid)
            await self._host.images.discard(ctx, image_id)
            await self._host.fail(ctx, server, ServerStates.abandon_snapshot, EVENT, error)

    async def _begin(self, ctx: RequestContext, server: Server, fields: dict[str, str]) -> Server:
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, EVENT, self._host.name)
            server = await self._host.advance(uow, server, ServerStates.take_snapshot)
            server = await self._host.save(uow, server)
            self._host.notifications.emit_action(uow, server, "snapshot", "start", None, fields)
            return await self._host.advance(uow, server, ServerStates.prepare_upload)

    async def _upload(self, ctx: RequestContext, server: Server, image_id: str) -> Server:
        async with self._host.database.work(ctx) as uow:
            server = await self._host.advance(uow, server, ServerStates.upload_snapshot)
        await self.upload_disk(ctx, server, image_id)
        return server

    async def upload_disk(self, ctx: RequestContext, server: Server, image_id: str) -> None:
        """The disk's bytes, and what the host adds to the image's properties."""
        recorded = server.system_metadata.get("image_disk_format", "raw")
        disk_format = recorded if recorded in FORMATS else "raw"
        added = travel.uploaded_snapshot(server.system_metadata, server.instance, disk_format)
        formats = {key: added[key] for key in ("disk_format", "container_format")}
        await self._host.images.describe(ctx, image_id, formats, added["properties"])
        await self._host.images.upload(ctx, image_id, self._host.disks.read(server.uuid))
        async with self._host.database.work(ctx) as uow:
            ends = Resource("server", server.uuid), Resource("image", image_id)
            uow.apply(travel.uploaded_snapshot, *ends, server.system_metadata, server.instance, disk_format)

    # ---- quiesce

    async def on_quiesce_instance(self, ctx: RequestContext, message: QuiesceInstance) -> None:
        """Freezes the guest's file systems. QuiesceNotSupported without an agent; QuiesceFailed when it is off."""
        uuid = uuid_of(message.instance)
        server = await self._host.find(uuid)
        if server is None or server.instance.vm_state != ACTIVE:
            raise QuiesceFailed(instance_id=uuid, reason="the guest does not run")
        if not image_props.flag(server.system_metadata.get("image_hw_qemu_guest_agent")):
            raise QuiesceNotSupported(instance_id=uuid, reason="the guest has no agent (hw_qemu_guest_agent)")
        await self._host.disks.log(uuid, "simulated guest: file systems frozen")

    async def on_unquiesce_instance(self, ctx: RequestContext, message: UnquiesceInstance) -> None:
        """Thaws the guest's file systems."""
        await self._host.disks.log(uuid_of(message.instance), "simulated guest: file systems thawed")
