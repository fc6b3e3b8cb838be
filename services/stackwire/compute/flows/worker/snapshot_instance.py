"""A server's disk becomes an image; a guest frozen and thawed for the snapshots of its volumes."""

import logging

from stackwire.compute.db import instance_actions
from stackwire.compute.domain import image_props, travel
from stackwire.compute.domain.errors import QuiesceFailed, QuiesceNotSupported
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ACTIVE, ServerStates
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, StateChanged
from stackwire.contracts.compute_set_aside import BackupInstance
from stackwire.contracts.compute_workers import QuiesceInstance, SnapshotInstance, UnquiesceInstance
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError, Unavailable
from stackwire.core.rules import Resource

log = logging.getLogger(__name__)
EVENT, BACKUP_EVENT = "compute_snapshot_instance", "compute_backup_instance"
FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vhdx", "vhd", "iso", "ploop")


class SnapshotServer:
    """Snapshots of servers on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    async def on_snapshot_instance(self, ctx: RequestContext, message: SnapshotInstance) -> None:
        """Uploads the disk to the image, which is deleted when that fails."""
        await self._upload_or_discard(ctx, uuid_of(message.instance), message.image_id, EVENT)

    async def on_backup_instance(self, ctx: RequestContext, message: BackupInstance) -> None:
        """The same; then the oldest backups of this type that are too many are deleted."""
        uuid = uuid_of(message.instance)
        if await self._upload_or_discard(ctx, uuid, message.image_id, BACKUP_EVENT):
            await self._rotate(ctx, uuid, message)

    async def _rotate(self, ctx: RequestContext, uuid: str, message: BackupInstance) -> None:
        """One that cannot be deleted stays. ``_rotate_backups``."""
        wanted = {"image_type": "backup", "backup_type": message.backup_type, "instance_uuid": uuid}
        try:
            backups = await self._host.images.list_page(ctx, {f"property-{key}": wanted[key] for key in wanted})
        except ServiceError as error:
            log.warning("the backups of instance %s stay: %s", uuid, error)
            return
        for image in backups[message.rotation :]:
            await self._host.images.discard(ctx, image.id)

    async def _upload_or_discard(self, ctx: RequestContext, uuid: str, image_id: str, event: str) -> bool:
        """False when there is no image of the server then."""
        begin = ServerStates.prepare_upload if event == BACKUP_EVENT else ServerStates.take_snapshot
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None:
                await self._discard(ctx, image_id)
                return False
            if begin.allows(task_state=server.instance.task_state):
                return await self._take(ctx, server, image_id, event)
            return await self.discard_unfinished(ctx, image_id)

    async def discard_unfinished(self, ctx: RequestContext, image_id: str) -> bool:
        """The message was delivered again: the image is finished, or a process died and left it without its bytes.

        False when there is none then.
        """
        try:
            image = await self._host.images.get(ctx, image_id)
        except Unavailable:  # the message is tried again
            raise
        except ServiceError:
            return False
        if image.status not in ("queued", "saving"):
            return True
        await self._discard(ctx, image_id)
        return False

    async def _discard(self, ctx: RequestContext, image_id: str) -> None:
        """Unavailable: the message is tried again, since nobody else knows that the image has no use."""
        try:
            await self._host.images.delete(ctx, image_id)
        except Unavailable:
            raise
        except ServiceError as error:
            log.info("image %s is not deleted: %s", image_id, error)

    async def _take(self, ctx: RequestContext, server: Server, image_id: str, event: str) -> bool:
        """After any error the image is deleted; the server is as it was before, with a fault."""
        fields = {"snapshot_image_id": image_id}
        try:
            server = await self._begin(ctx, server, fields, event)
            await self.upload_disk(ctx, server, image_id)
            async with self._host.database.work(ctx) as uow:
                server = await self._host.advance(uow, server, ServerStates.finish_snapshot)
                self._host.notifications.emit_action(uow, server, "snapshot", "end", None, fields)
                await instance_actions.end_event(uow, server.uuid, event)
            return True
        except StateChanged:
            await self._discard(ctx, image_id)
        except NotFound as error:  # the image was deleted meanwhile: nothing to clean up, nothing wrong with the server
            log.info("image %s of a snapshot was deleted: %s", image_id, error)
            await self._host.fail(ctx, server, ServerStates.abandon_snapshot, event, error)
        except Exception as error:
            if not isinstance(error, ServiceError):
                log.exception("the snapshot of instance %s failed", server.uuid)
            await self._host.fail(ctx, server, ServerStates.abandon_snapshot, event, error)
            await self._discard(ctx, image_id)
        return False

    async def _begin(self, ctx: RequestContext, server: Server, fields: dict[str, str], event: str) -> Server:
        """Every state up to the upload, which all say what becomes of a crash: the disk is read while it is sent."""
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, event, self._host.name)
            if event == EVENT:
                server = await self._host.advance(uow, server, ServerStates.take_snapshot)
            server = await self._host.save(uow, server)
            self._host.notifications.emit_action(uow, server, "snapshot", "start", None, fields)
            server = await self._host.advance(uow, server, ServerStates.prepare_upload)
            return await self._host.advance(uow, server, ServerStates.upload_snapshot)

    async def upload_disk(self, ctx: RequestContext, server: Server, image_id: str) -> None:
        """The disk's bytes, and what the host adds to the image's properties."""
        recorded = server.system_metadata.get("image_disk_format", "raw")
        disk_format = recorded if recorded in FORMATS else "raw"
        added = travel.uploaded_snapshot(server.system_metadata, server.instance, disk_format)
        formats = {key: added[key] for key in ("disk_format", "container_format")}
        await self._host.images.describe(ctx, image_id, formats, added["properties"])
        disks = self._host.disks
        await self._host.images.upload(ctx, image_id, disks.read(server.uuid), await disks.size(server.uuid))
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
