"""The deletion of servers that are on no host: at once where it is requested, and later of what remained of it.

``nova/compute/api.py: _local_delete``. Safe at any time and in any number of processes: each step may be done twice.
"""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from stackwire.compute.backends.volumes import Volumes
from stackwire.compute.db import block_devices, fixed_ips, hosts, instances, moves, recovery_queries, reservations
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ServerStates
from stackwire.compute.flows.notifications import Notifications
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database
from stackwire.db.transitions import transition

log = logging.getLogger(__name__)
DELETE_TIMEOUT = timedelta(seconds=15)
"""How long whoever began a deletion may take for it."""
RESERVATION_TIMEOUT = timedelta(seconds=20)
"""How long a server with reserved volumes may take to be written."""


class LocalDelete:
    """``volumes``: the volume service as no host reaches it."""

    def __init__(self, database: Database, volumes: Volumes, notifications: Notifications) -> None:
        self._database = database
        self._volumes = volumes
        self._notifications = notifications

    async def delete(self, ctx: RequestContext, server: Server) -> None:
        """Releases its volumes and deletes its row. A volume that stays keeps its device for ``recover``."""
        async with self._database.work(ctx) as uow:
            self._notifications.emit_action(uow, server, "delete", "start", source="api")
        released = [device for device in server.devices if await self._release(ctx, device)]
        async with self._database.work(ctx) as uow:
            for device in released:
                await block_devices.delete_if_unchanged(uow, device)
            await fixed_ips.release(uow, server.uuid)
            await hosts.free(uow, server.uuid)
            await moves.delete_all_of(uow, server.uuid)
            times: dict[str, Any] = {"terminated_at": uow.now, "deleted": True, "deleted_at": uow.now}
            deleted = await transition(uow, instances.TABLE, ServerStates.finish_delete, server.uuid, **times)
            if deleted is not None:
                after = replace(server, instance=deleted, addresses=())
                self._notifications.emit_update(uow, server, after)
                self._notifications.emit_action(uow, after, "delete", "end", source="api")

    async def _release(self, ctx: RequestContext, device: BlockDevice) -> bool:
        """False when the server still holds the volume."""
        try:
            if device.attachment_id:
                await self._volumes.release(ctx, device.attachment_id)
        except ServiceError as error:
            log.warning("attachment %s stays: %s", device.attachment_id, error)
            return False
        try:
            if device.volume_id and device.delete_on_termination:
                await self._volumes.delete(ctx, device.volume_id)
        except ServiceError as error:
            log.warning("volume %s of deleted instance %s stays: %s", device.volume_id, device.instance_uuid, error)
        return True

    async def recover(self, ctx: RequestContext) -> None:
        """Deletions that a dead process left, and volumes that could not be released when their server was deleted."""
        async with self._database.read() as session:
            deleting = await recovery_queries.deleting_without_host(
                session, self._database.clock.earlier(DELETE_TIMEOUT)
            )
            found = await instances.by_uuids(session, deleting)
            devices = await recovery_queries.orphaned_volumes(session, None)
        for server in found:
            await self.delete(ctx, server)
        released = [device for device in devices if await self._release(ctx, device)]
        async with self._database.work(ctx) as uow:
            for device in released:
                await block_devices.delete(uow, device.uuid)
        await self._release_reservations(ctx)

    async def _release_reservations(self, ctx: RequestContext) -> None:
        """Volumes reserved for servers that were never written."""
        async with self._database.work(ctx) as uow:
            ids = await reservations.abandon(uow, uow.now - RESERVATION_TIMEOUT)
        released = []
        for attachment_id in ids:
            try:
                await self._volumes.release(ctx, attachment_id)
            except ServiceError as error:
                log.warning("attachment %s stays: %s", attachment_id, error)
            else:
                released.append(attachment_id)
        if released:
            async with self._database.work(ctx) as uow:
                await reservations.delete(uow, released)
