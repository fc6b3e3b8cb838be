"""The deletion of a server on its host: guest, volumes, disk, row.

Delivered twice, or after a crash, it goes on where it was. ``nova/compute/manager.py: terminate_instance``.
"""

import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from stackwire.compute.db import block_devices, console_tokens, fixed_ips, hosts, instance_actions, instances, moves
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, ServerStates
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.contracts.compute_workers import DeleteInstanceInfo, TerminateInstance
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.transitions import transition

log = logging.getLogger(__name__)
EVENT = "compute_terminate_instance"


class TerminateServer:
    """Deletions on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    async def on_terminate_instance(self, ctx: RequestContext, message: TerminateInstance) -> None:
        """See ``terminate``."""
        await self.terminate(ctx, uuid_of(message.instance))

    async def terminate(self, ctx: RequestContext, uuid: str) -> None:
        """Waits for other work on the server; nothing, when it is deleted already."""
        async with self._host.exclusive(uuid):
            async with self._host.database.work(ctx) as uow:
                server = await instances.by_uuid(uow, uuid)
                if server is None:
                    return
                await instance_actions.begin_event(uow, uuid, EVENT, self._host.name)
                self._host.notifications.emit_action(uow, server, "delete", "start")
                self._host.notifications.emit_action(uow, server, "shutdown", "start")
            await self._host.disks.remove(uuid)
            unreleased = await self._host.release_volumes(ctx, [d for d in server.devices if d.is_volume])
            async with self._host.database.work(ctx) as uow:
                await fixed_ips.release(uow, uuid)
                server = replace(server, addresses=())
                self._host.notifications.emit_action(uow, server, "shutdown", "end")
            await self._delete_volumes(ctx, server, unreleased)
            await self._complete_deletion(ctx, server, unreleased)

    async def _delete_volumes(self, ctx: RequestContext, server: Server, unreleased: Collection[str]) -> None:
        """Those that are deleted on termination; one that cannot be deleted does not keep the server."""
        for device in server.devices:
            if not (device.volume_id and device.delete_on_termination) or device.uuid in unreleased:
                continue
            try:
                await self._host.volumes.delete(ctx, device.volume_id)
            except ServiceError as error:
                log.warning("volume %s of deleted instance %s stays: %s", device.volume_id, server.uuid, error)

    async def _complete_deletion(self, ctx: RequestContext, server: Server, unreleased: Collection[str]) -> None:
        """Devices that could not be released keep their rows: recovery tries again until the volume service answers."""
        async with self._host.database.work(ctx) as uow:
            times: dict[str, Any] = {"terminated_at": uow.now, "deleted": True, "deleted_at": uow.now}
            moved = await transition(
                uow, instances.TABLE, ServerStates.finish_delete, server.uuid, power_state=POWER["pending"], **times
            )
            if moved is None:
                return
            after = replace(server, instance=moved)
            for device in server.devices:
                if device.uuid not in unreleased:
                    await block_devices.delete_if_unchanged(uow, device)
            await console_tokens.delete_of(uow, server.uuid)
            await hosts.free(uow, server.uuid)
            await moves.delete_all_of(uow, server.uuid)
            self._host.notifications.emit_update(uow, server, after)
            uow.fanout(DeleteInstanceInfo(host_name=self._host.name, instance_uuid=server.uuid))
            self._host.notifications.emit_action(uow, after, "delete", "end")
            await instance_actions.end_event(uow, server.uuid, EVENT)
