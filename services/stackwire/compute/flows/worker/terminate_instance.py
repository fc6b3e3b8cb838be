"""The end of a server on its host: guest, volumes, disk, row. Told twice, or after a crash, it goes on where it was."""

import logging
from collections.abc import Collection
from dataclasses import replace

from stackwire.compute.db import actions, fixed_ips, hosts, instances, parts
from stackwire.compute.domain import states
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import Hosting
from stackwire.contracts.compute_workers import DeleteInstanceInfo, TerminateInstance
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError

log = logging.getLogger(__name__)
EVENT = "compute_terminate_instance"


class Delete:
    def __init__(self, hosting: Hosting) -> None:
        self._on = hosting

    async def run(self, ctx: RequestContext, order: TerminateInstance) -> None:
        await self.delete(ctx, uuid_of(order.instance))

    async def delete(self, ctx: RequestContext, uuid: str) -> None:
        """Waits for what is being done to the server here; nothing, when it is gone."""
        async with self._on.alone_with(uuid):
            async with self._on.database.work(ctx) as uow:
                server = await instances.by_uuid(uow, uuid)
                if server is None:
                    return
                await actions.begin_event(uow, uuid, EVENT, self._on.host)
                self._on.events.action(uow, server, "delete", "start")
                self._on.events.action(uow, server, "shutdown", "start")
            await self._on.disks.remove(uuid)
            left = await self._on.let_go(ctx, [device for device in server.devices if device.is_volume])
            async with self._on.database.work(ctx) as uow:
                await fixed_ips.release(uow, uuid)
                server = replace(server, addresses=())
                self._on.events.action(uow, server, "shutdown", "end")
            await self._delete_volumes(ctx, server, left)
            await self._close(ctx, server, left)

    async def _delete_volumes(self, ctx: RequestContext, server: Server, left: Collection[str]) -> None:
        """Those that were to go with the server; one that will not go does not keep it."""
        for device in server.devices:
            if not (device.volume_id and device.delete_on_termination) or device.uuid in left:
                continue
            try:
                await self._on.volumes.delete(ctx, device.volume_id)
            except ServiceError as error:
                log.warning("volume %s of deleted instance %s stays: %s", device.volume_id, server.uuid, error)

    async def _close(self, ctx: RequestContext, server: Server, left: Collection[str]) -> None:
        """Devices that could not be let go keep their rows: the sweep tries again until the volume service answers."""
        async with self._on.database.work(ctx) as uow:
            moved = await instances.change(
                uow, server.uuid, vm_state=states.DELETED, task_state=None, power_state=states.POWER["pending"],
                terminated_at=uow.now, deleted=True, deleted_at=uow.now,
            )  # fmt: skip
            if moved is None:
                return
            after = replace(server, instance=moved)
            for device in server.devices:
                if device.uuid not in left:
                    await parts.drop_known(uow, device)
            await hosts.free(uow, server.uuid)
            self._on.events.announce(uow, server, after)
            self._on.events.action(uow, after, "delete", "end")
            await actions.end_event(uow, server.uuid, EVENT)
            uow.fanout(DeleteInstanceInfo(host_name=self._on.host, instance_uuid=server.uuid))
