"""The conductor: between the accepted request and the hosts. ``nova/conductor/manager.py: ComputeTaskManager``."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from stackwire.compute.backends.images import Images
from stackwire.compute.db import block_devices, hosts, instances, recovery_queries
from stackwire.compute.domain.errors import InstanceNotFound, NoValidHost
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ServerStates, ServerVerb
from stackwire.compute.domain.versioned_objects import (
    NovaObject,
    data_of,
    destination_object,
    device_object,
    devices_object,
    instance_object,
    uuid_of,
)
from stackwire.compute.flows.notifications import Notifications
from stackwire.compute.flows.worker.compute_host import record_fault
from stackwire.compute.flows.worker.conductor_unshelve import ConductorUnshelve
from stackwire.compute.flows.worker.scheduler_needs import CHECK
from stackwire.contracts.compute_workers import (
    AttachVolume,
    AttachVolumeOnHost,
    BuildAndRunInstance,
    RebuildInstance,
    RebuildInstanceOnHost,
    ReserveBlockDeviceName,
    ScheduleAndBuildInstances,
    SelectDestinations,
)
from stackwire.contracts.events_compute import TaskMethod
from stackwire.contracts.volume import CreateAttachment, DeleteAttachment
from stackwire.core.backlog import Backlog
from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database, UnitOfWork
from stackwire.db.transitions import transition
from stackwire.messaging.rpc import RpcClient

log = logging.getLogger(__name__)
SCHEDULE_TIMEOUT = timedelta(seconds=60)
"""How long a server may wait for a host."""


class Conductor:
    """Holds no state of its own; any number may run."""

    def __init__(
        self,
        database: Database,
        rpc: RpcClient,
        notifications: Notifications,
        images: Images,
        zone: str,
        behaviours: Behaviours,
    ) -> None:
        self.unshelve = ConductorUnshelve(database, rpc, notifications, images)
        self._database = database
        self._rpc = rpc
        self._notifications = notifications
        self._zone = zone
        self._behaviours = behaviours
        self._backlog = Backlog(database.clock)

    # ---- build

    async def on_schedule_and_build_instances(self, ctx: RequestContext, message: ScheduleAndBuildInstances) -> None:
        """Hosts for the servers, and the servers handed to them; delivered twice, the second finds them dispatched."""
        uuids = [uuid_of(request) for request in message.build_requests]
        async with self._database.read() as session:
            found = await instances.by_uuids(session, uuids)
        waiting = [server for server in found if _waits(server)]
        if not waiting:
            return
        by_uuid = {uuid_of(spec): spec for spec in message.request_specs}
        spec = by_uuid[waiting[0].uuid]
        try:
            selections = await self.select(ctx, [server.uuid for server in waiting], spec)
        except ServiceError as error:
            for server in waiting:
                await self._fail_build(ctx, server, error)
            return
        for server, selection in zip(waiting, selections, strict=False):
            await self._dispatch(ctx, server, by_uuid[server.uuid], selection, message)

    async def select(
        self, ctx: RequestContext, uuids: list[str], spec: NovaObject, *, alternates: bool = True
    ) -> list[list[NovaObject]]:
        message = SelectDestinations(instance_uuids=uuids, spec_obj=spec, return_alternates=alternates)
        return await self._rpc.call(ctx, message)

    async def _dispatch(
        self,
        ctx: RequestContext,
        server: Server,
        spec: NovaObject,
        selection: list[NovaObject],
        message: ScheduleAndBuildInstances,
    ) -> None:
        chosen = data_of(selection[0])
        retry = {"num_attempts": 1, "hosts": [[chosen["service_host"], chosen["nodename"]]]}
        async with self._database.work(ctx) as uow:
            moved = await transition(
                uow,
                instances.TABLE,
                ServerStates.schedule,
                server.uuid,
                where={"host": None, "availability_zone": None},
                availability_zone=str(chosen.get("availability_zone") or self._zone),
                updated_at=server.instance.updated_at,  # Nova writes the zone without touching the row's time
            )
            if moved is None:
                return
            after = replace(server, instance=moved)
            self._notifications.emit_update(uow, after, after, "conductor")
            cast = BuildAndRunInstance(
                instance=instance_object(after),
                image=message.image,
                request_spec=spec,
                filter_properties={"retry": retry, "limits": {}},
                admin_password=message.admin_password,
                injected_files=message.injected_files,
                requested_networks=message.requested_networks,
                security_groups=["default"],
                block_device_mapping=devices_object(server.devices),
                node=str(chosen["nodename"]),
                host_list=selection[1:],
            )
            uow.cast(cast, server=str(chosen["service_host"]))

    async def _fail_build(self, ctx: RequestContext, server: Server, error: BaseException) -> None:
        """The server to error; its reserved volumes and its allocation are released."""
        if not await self.fail(ctx, server, ServerStates.fail_schedule, error, "build_instances"):
            return
        for device in server.devices:
            if device.attachment_id:
                await self._release(ctx, device.attachment_id)
        async with self._database.work(ctx) as uow:
            await hosts.free(uow, server.uuid)
            for device in server.devices:
                await block_devices.update(uow, device.uuid, attachment_id=None)

    async def fail(
        self,
        ctx: RequestContext,
        server: Server,
        verb: ServerVerb,
        error: BaseException,
        method: TaskMethod,
        also: Callable[[UnitOfWork], Awaitable[None]] | None = None,
        **changes: Any,
    ) -> bool:
        """The server after ``verb``, with a fault; False when its state has changed: it is being deleted.

        ``also``: what else is written, whatever has become of the server.
        """
        async with self._database.work(ctx) as uow:
            if also is not None:
                await also(uow)
            before = await instances.by_uuid(uow, server.uuid)
            moved = await transition(uow, instances.TABLE, verb, server.uuid, **changes)
            if before is None or moved is None:
                return False
            after = replace(before, instance=moved)
            await record_fault(uow, server.uuid, error, None)
            self._notifications.emit_update(uow, before, after)
            self._notifications.emit_task_error(uow, after, error, method)
        return True

    async def fail_unscheduled(self, ctx: RequestContext) -> None:
        """Servers that no host took up in time: their message is lost, or their conductor died."""
        if not self._backlog.is_received:
            return
        await self.unshelve.fail_waiting(ctx)
        async with self._database.read() as session:
            waiting = await recovery_queries.unscheduled(session, self._database.clock.earlier(SCHEDULE_TIMEOUT))
            found = [await instances.by_uuid(session, instance.uuid) for instance in waiting]
        for server in found:
            if server is not None:
                await self._fail_build(ctx, server, ServiceError("No host took the server up in time."))

    # ---- rebuild

    async def on_rebuild_instance(self, ctx: RequestContext, message: RebuildInstance) -> None:
        """For another image the scheduler checks once more whether the host suits; for the same one it does not."""
        uuid = uuid_of(message.instance)
        async with self._database.read() as session:
            server = await instances.by_uuid(session, uuid)
        if server is None or not ServerStates.rebuild_block_devices.allows(task_state=server.instance.task_state):
            return
        if server.instance.host is None:
            unplaced = NoValidHost(reason="the server is on no host")
            await self.fail(ctx, server, ServerStates.fail_rebuild, unplaced, "rebuild_server")
            return
        changed = message.orig_image_ref != message.image_ref
        if changed and self._behaviours.has("rebuild-asks-the-scheduler") and message.request_spec is not None:
            try:
                spec = _rebuild_spec(message.request_spec, server)
                await self.select(ctx, [uuid], spec, alternates=False)
            except ServiceError as error:
                back: dict[str, Any] = {} if server.is_volume_backed else {"image_ref": message.orig_image_ref or ""}
                await self.fail(ctx, server, ServerStates.fail_rebuild, error, "rebuild_server", **back)
                return
        async with self._database.work(ctx) as uow:
            self._notifications.emit_rebuild_scheduled(uow, server)
            fields = dict(message) | {"instance": instance_object(server), "scheduled_node": server.instance.node}
            cast = RebuildInstanceOnHost.model_validate(fields)
            uow.cast(cast, server=server.instance.host)

    # ---- attach

    async def on_attach_volume(self, ctx: RequestContext, message: AttachVolume) -> NovaObject:
        """A name from the host, an attachment from the volume service; undone when either is refused.

        Delivered twice, it leaves alone what the other has sent to the host.
        """
        uuid, volume_id = uuid_of(message.instance), str(message.volume["id"])
        host = str(data_of(message.instance).get("host") or "")
        reserve_name = ReserveBlockDeviceName(
            instance=message.instance,
            device=message.device,
            volume_id=volume_id,
            disk_bus=message.disk_bus,
            device_type=message.device_type,
            tag=message.tag,
            multiattach=bool(message.volume.get("multiattach")),
        )
        device = await self._rpc.call(ctx, reserve_name, server=host)
        device_uuid, attachment_id = (str(data_of(device)[key]) for key in ("uuid", "attachment_id"))
        if (sent := await self._sent(device_uuid)) is not None:
            return device_object(sent)
        try:
            reserve = CreateAttachment(volume_id=volume_id, instance_uuid=uuid, attachment_id=attachment_id)
            await self._rpc.call(ctx.as_service(), reserve)
            async with self._database.work(ctx) as uow:
                changed = await block_devices.update(
                    uow, device_uuid, delete_on_termination=message.delete_on_termination
                )
                if changed is None:  # the server was deleted meanwhile
                    raise InstanceNotFound(instance_id=uuid)
                attached = device_object(changed)
                uow.cast(AttachVolumeOnHost(instance=message.instance, bdm=attached), server=host)
        except BaseException:
            if await self._sent(device_uuid) is None:
                await self._release(ctx, attachment_id)
                async with self._database.work(ctx) as uow:
                    await block_devices.delete(uow, device_uuid, updated_at=None)
            raise
        return attached

    async def _sent(self, device_uuid: str) -> BlockDevice | None:
        """The device, when the message to attach it was sent: in a transaction that updates it."""
        async with self._database.read() as session:
            device = await block_devices.TABLE.get(session, device_uuid)
        return None if device is None or device.updated_at is None else device

    async def _release(self, ctx: RequestContext, attachment_id: str) -> None:
        try:
            await self._rpc.call(ctx.as_service(), DeleteAttachment(attachment_id=attachment_id))
        except ServiceError as error:
            log.warning("attachment %s stays: %s", attachment_id, error)


def _waits(server: Server) -> bool:
    instance = server.instance
    waiting = ServerStates.schedule.allows(vm_state=instance.vm_state, task_state=instance.task_state)
    return waiting and instance.host is None


def _rebuild_spec(spec: NovaObject, server: Server) -> NovaObject:
    """The same request, tied to the host the server is on."""
    data = {
        **data_of(spec),
        "scheduler_hints": {CHECK: ["rebuild"]},
        "force_hosts": [server.instance.host],
        "force_nodes": [server.instance.node],
        "requested_destination": destination_object(),
    }
    return {**spec, "nova_object.data": data}
