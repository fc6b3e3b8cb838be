"""The conductor: between the API's promise and the hosts. ``nova/conductor/manager.py: ComputeTaskManager``."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from stackwire.compute.db import hosts, instances, parts, recovery_queries
from stackwire.compute.domain import notifications, states
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import (
    NovaObject,
    data_of,
    device_object,
    devices_object,
    instance_object,
    uuid_of,
)
from stackwire.compute.flows.notifications import Events
from stackwire.compute.flows.worker.compute_host import record, said
from stackwire.compute.flows.worker.scheduler import CHECK
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
from stackwire.contracts.events_versioned import CellMappingPayload, ComputeTaskPayload, DestinationPayload
from stackwire.contracts.volume import CreateAttachment, DeleteAttachment
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database, UnitOfWork
from stackwire.messaging.rpc import RpcClient

log = logging.getLogger(__name__)
CELL = "6c1f4d0e-2b5a-4f0e-9d57-0f5c1a7e3b21"  # there is one cell, under one id
PATIENCE = 60.0  # seconds a homeless server may wait


class Conductor:
    def __init__(self, database: Database, rpc: RpcClient, events: Events, zone: str) -> None:
        self._database = database
        self._rpc = rpc
        self._events = events
        self._zone = zone

    # ---- build

    async def build(self, ctx: RequestContext, order: ScheduleAndBuildInstances) -> None:
        """Hosts for the servers, and the servers handed to them; told twice, the second finds them dispatched."""
        uuids = [uuid_of(request) for request in order.build_requests]
        async with self._database.read() as session:
            found = [await instances.by_uuid(session, uuid) for uuid in uuids]
        waiting = [server for server in found if server is not None and _waits(server)]
        if not waiting:
            return
        by_uuid = {uuid_of(spec): spec for spec in order.request_specs}
        spec = by_uuid[waiting[0].uuid]
        try:
            chosen = await self._select(ctx, [server.uuid for server in waiting], spec)
        except ServiceError as error:
            for server in waiting:
                await self._give_up(ctx, server, error, "build_instances")
            return
        for server, selection in zip(waiting, chosen, strict=False):
            await self._dispatch(ctx, server, by_uuid[server.uuid], selection, order)

    async def _select(self, ctx: RequestContext, uuids: list[str], spec: NovaObject) -> list[list[NovaObject]]:
        return await self._rpc.call(ctx, SelectDestinations(instance_uuids=uuids, spec_obj=spec))

    async def _dispatch(
        self,
        ctx: RequestContext,
        server: Server,
        spec: NovaObject,
        selection: list[NovaObject],
        order: ScheduleAndBuildInstances,
    ) -> None:
        chosen = data_of(selection[0])
        async with self._database.work(ctx) as uow:
            moved = await recovery_queries.dispatch(
                uow, server.uuid, str(chosen.get("availability_zone") or self._zone)
            )
            if moved is None:
                return
            after = replace(server, instance=moved)
            self._events.announce(uow, after, after, "conductor")
            cast = BuildAndRunInstance(
                instance=instance_object(after),
                image=order.image,
                request_spec=spec,
                filter_properties={"retry": None, "limits": {}},
                admin_password=order.admin_password,
                injected_files=order.injected_files,
                requested_networks=order.requested_networks,
                block_device_mapping=devices_object(server.devices),
                node=str(chosen["nodename"]),
                host_list=selection[1:],
            )
            uow.cast(cast, server=str(chosen["service_host"]))

    async def _give_up(
        self, ctx: RequestContext, server: Server, error: BaseException, method: TaskMethod, **changes: Any
    ) -> None:
        """The server to error, with a fault; what it had reserved is let go by its deletion."""
        async with self._database.work(ctx) as uow:
            now = await instances.by_uuid(uow, server.uuid)
            if now is None or now.instance.task_state == states.DELETING:
                return
            moved = await instances.change(uow, server.uuid, vm_state=states.ERROR, task_state=None, **changes)
            if moved is None:
                return
            after = replace(now, instance=moved)
            await record(uow, server.uuid, error, None)
            self._events.announce(uow, now, after, "conductor")
            self._tell_task(uow, after, error, method)
        if method != "build_instances":
            return
        for device in server.devices:
            if device.attachment_id:
                await self._release(ctx, device.attachment_id)
        async with self._database.work(ctx) as uow:
            await hosts.free(uow, server.uuid)
            for device in server.devices:
                await parts.change_device(uow, device.uuid, attachment_id=None)

    def _tell_task(self, uow: UnitOfWork, server: Server, error: BaseException, method: TaskMethod) -> None:
        flat = {
            "request_spec": {},
            "instance_properties": {"uuid": server.uuid},
            "instance_id": server.uuid,
            "state": states.ERROR,
            "method": method,
            "reason": said(error),
        }
        self._events.say(uow, "compute_task", f"compute_task.{method}", flat, server.uuid, "ERROR")
        data = {
            "instance_uuid": server.uuid,
            "request_spec": None,
            "state": states.ERROR,
            "reason": notifications.fault_payload(error, method),
        }
        rich = ComputeTaskPayload.around(data)
        self._events.say_versioned(uow, "conductor", f"compute_task.{method}.error", rich, server.uuid, "ERROR")

    async def give_up_homeless(self, ctx: RequestContext) -> None:
        """Servers that nobody took up in time: their message is lost, or their conductor died."""
        async with self._database.read() as session:
            waiting = await recovery_queries.homeless(session, self._database.clock.now() - timedelta(seconds=PATIENCE))
            found = [await instances.by_uuid(session, instance.uuid) for instance in waiting]
        for server in found:
            if server is not None:
                await self._give_up(ctx, server, ServiceError("No host took the server up in time."), "build_instances")

    # ---- rebuild

    async def rebuild(self, ctx: RequestContext, order: RebuildInstance) -> None:
        """To another image the host is asked once more whether it suits; to the same one it is not."""
        uuid = uuid_of(order.instance)
        async with self._database.read() as session:
            server = await instances.by_uuid(session, uuid)
        if server is None or server.instance.task_state != states.REBUILDING or server.instance.host is None:
            return
        changed = order.orig_image_ref != order.image_ref
        if changed and order.request_spec is not None:
            try:
                await self._select(ctx, [uuid], _rebuild_spec(order.request_spec, server))
            except ServiceError as error:
                back = {} if server.is_volume_backed else {"image_ref": order.orig_image_ref or ""}
                await self._give_up(ctx, server, error, "rebuild_server", **back)
                return
        async with self._database.work(ctx) as uow:
            self._events.rebuild_scheduled(uow, server)
            cast = RebuildInstanceOnHost(
                instance=instance_object(server),
                orig_image_ref=order.orig_image_ref,
                image_ref=order.image_ref,
                injected_files=order.injected_files,
                new_pass=order.new_pass,
                orig_sys_metadata=order.orig_sys_metadata,
                bdms=order.bdms,
                preserve_ephemeral=order.preserve_ephemeral,
                scheduled_node=server.instance.node,
                request_spec=order.request_spec,
                reimage_boot_volume=order.reimage_boot_volume,
                target_state=order.target_state,
            )
            uow.cast(cast, server=server.instance.host)

    # ---- attach

    async def attach(self, ctx: RequestContext, order: AttachVolume) -> NovaObject:
        """A name from the host, an attachment from the volume service; undone when either is refused."""
        uuid, volume_id = uuid_of(order.instance), str(order.volume["id"])
        host = str(data_of(order.instance).get("host") or "")
        ask = ReserveBlockDeviceName(
            instance=order.instance, device=order.device, volume_id=volume_id, disk_bus=order.disk_bus,
            device_type=order.device_type, tag=order.tag, multiattach=bool(order.volume.get("multiattach")),
        )  # fmt: skip
        device = await self._rpc.call(ctx, ask, server=host)
        device_uuid, attachment_id = (str(data_of(device)[key]) for key in ("uuid", "attachment_id"))
        try:
            reserve = CreateAttachment(volume_id=volume_id, instance_uuid=uuid, attachment_id=attachment_id)
            await self._rpc.call(ctx.as_service(), reserve)
            async with self._database.work(ctx) as uow:
                changed = await parts.change_device(uow, device_uuid, delete_on_termination=order.delete_on_termination)
                if changed is None:
                    raise ServiceError("The server went away while the volume was attached.")
                told = device_object(changed)
                uow.cast(AttachVolumeOnHost(instance=order.instance, bdm=told), server=host)
        except BaseException:
            await self._release(ctx, attachment_id)
            async with self._database.work(ctx) as uow:
                await parts.drop_device(uow, device_uuid)
            raise
        return told

    async def _release(self, ctx: RequestContext, attachment_id: str) -> None:
        try:
            await self._rpc.call(ctx.as_service(), DeleteAttachment(attachment_id=attachment_id))
        except ServiceError as error:
            log.warning("attachment %s stays: %s", attachment_id, error)


def _waits(server: Server) -> bool:
    instance = server.instance
    return instance.vm_state == states.BUILDING and instance.task_state == states.SCHEDULING and instance.host is None


def _rebuild_spec(spec: NovaObject, server: Server) -> NovaObject:
    """The same request, tied to the host the server is on."""
    cell = CellMappingPayload.around({"disabled": False, "name": "cell1", "uuid": CELL})
    destination = DestinationPayload.around({"aggregates": None, "cell": cell})
    data = {
        **data_of(spec),
        "scheduler_hints": {CHECK: ["rebuild"]},
        "force_hosts": [server.instance.host],
        "force_nodes": [server.instance.node],
        "requested_destination": destination,
    }
    return {**spec, "nova_object.data": data}
