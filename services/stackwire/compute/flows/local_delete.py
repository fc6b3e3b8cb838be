"""The end of servers that are on no host: at once where it is asked for, and later for what was left of it.

``nova/compute/api.py: _local_delete``. Safe at any time and in any number of processes: each step may be done twice.
"""

import logging
from collections.abc import Collection
from datetime import timedelta

from stackwire.compute.backends.volumes import Volumes
from stackwire.compute.db import fixed_ips, hosts, instances, parts, recovery_queries, reservations
from stackwire.compute.domain import states
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database

log = logging.getLogger(__name__)
PATIENCE = timedelta(seconds=15)  # how long whoever began the end may take for it
UNWRITTEN = timedelta(seconds=60)  # how long a server with reserved volumes may take to be written


class Homeless:
    def __init__(self, database: Database, volumes: Volumes) -> None:
        self._database = database
        self._volumes = volumes

    async def end(self, ctx: RequestContext, server: Server) -> None:
        """Its volumes are let go, its row is closed. A volume that stays keeps its device for the sweep."""
        left = {device.uuid for device in server.devices if not await self._let_go(ctx, device)}
        async with self._database.work(ctx) as uow:
            for device in server.devices:
                if device.uuid not in left:
                    await parts.drop_known(uow, device)
            await fixed_ips.release(uow, server.uuid)
            await hosts.free(uow, server.uuid)
            await instances.change(
                uow, server.uuid, vm_state=states.DELETED, task_state=None, terminated_at=uow.now, deleted=True,
                deleted_at=uow.now,
            )  # fmt: skip

    async def _let_go(self, ctx: RequestContext, device: BlockDevice) -> bool:
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

    async def sweep(self, ctx: RequestContext) -> None:
        """Ends that somebody died over, and volumes that could not be let go when their server ended."""
        async with self._database.read() as session:
            ending = await recovery_queries.ending(session, self._database.clock.now() - PATIENCE)
            found = [await instances.by_uuid(session, uuid) for uuid in ending]
            devices = await recovery_queries.left_behind(session, None)
        for server in found:
            if server is not None:
                await self.end(ctx, server)
        await self._drop(ctx, [device for device in devices if await self._let_go(ctx, device)])
        await self._forget_reservations(ctx)

    async def _forget_reservations(self, ctx: RequestContext) -> None:
        """Volumes reserved for servers that were never written."""
        async with self._database.work(ctx) as uow:
            ids = await reservations.abandon(uow, uow.now - UNWRITTEN)
        gone = []
        for attachment_id in ids:
            try:
                await self._volumes.release(ctx, attachment_id)
            except ServiceError as error:
                log.warning("attachment %s stays: %s", attachment_id, error)
            else:
                gone.append(attachment_id)
        if gone:
            async with self._database.work(ctx) as uow:
                await reservations.drop(uow, gone)

    async def _drop(self, ctx: RequestContext, devices: Collection[BlockDevice]) -> None:
        async with self._database.work(ctx) as uow:
            for device in devices:
                await parts.drop_device(uow, device.uuid)
