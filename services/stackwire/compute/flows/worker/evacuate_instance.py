"""A server of a host that is down, built again on this one. ``nova/compute/manager.py: rebuild_instance``."""

import logging
from dataclasses import replace
from typing import Any

from stackwire.compute.db import instance_actions, moves
from stackwire.compute.db.hosts import let_go
from stackwire.compute.domain import travel
from stackwire.compute.domain.migration_states import EVACUATION, MigrationStates
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.notifications import certificates
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, REBUILDING, STOPPED, ServerStates
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker import volume_moves
from stackwire.compute.flows.worker.compute_host import ADDRESS, StateChanged
from stackwire.compute.flows.worker.rebuild_instance import EVENT, RebuildServer
from stackwire.compute.flows.worker.rebuild_recovery import restore_after
from stackwire.compute.flows.worker.resize_instance import moved
from stackwire.contracts.compute_workers import RebuildInstanceOnHost
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork

log = logging.getLogger(__name__)


class EvacuateServer(RebuildServer):
    """Rebuilds on one host, of its own servers and of others'."""

    async def on_rebuild_instance(self, ctx: RequestContext, message: RebuildInstanceOnHost) -> None:
        """An evacuated server is here from the beginning; its disk is its image again, its volumes come along."""
        if not message.recreate:
            await super().on_rebuild_instance(ctx, message)
            return
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            async with self._host.database.read() as session:
                migration = await moves.latest(session, uuid, ("accepted",))
            if server is None or migration is None or migration.migration_type != EVACUATION:
                return
            if server.instance.task_state != REBUILDING:
                return
            stopped = STOPPED in (server.instance.vm_state, message.target_state)
            try:
                server = await self._take(ctx, server, migration)
                server = await self._begin(ctx, server, message)
                await self._leave(ctx, server)
                server = await self._write(ctx, server, message)
                server = await self._finish(ctx, server, "", stopped=stopped)
                async with self._host.database.work(ctx) as uow:
                    await moved(uow, migration, MigrationStates.finish_evacuation)
            except StateChanged:
                return
            except Exception as error:
                if not isinstance(error, ServiceError):
                    log.exception("instance %s could not be evacuated", uuid)
                await restore_after(ctx, self._host, uuid, error, evacuated=True)
                await self._give_up(ctx, server, migration, error)
                return
        if stopped:
            await self._power.apply(ctx, uuid, ServerStates.finish_stop)

    async def _take(self, ctx: RequestContext, server: Server, migration: Migration) -> Server:
        place: dict[str, Any] = {"dest_compute": self._host.name, "dest_node": self._host.node, "dest_host": ADDRESS}
        async with self._host.database.work(ctx) as uow:
            await moved(uow, migration, MigrationStates.begin_evacuation)
            await moves.TABLE.update(uow, migration.uuid, **place)
            itself = Resource("server", server.uuid)
            uow.apply(travel.evacuated, itself, itself, server.system_metadata)
            return await self._host.save(uow, server, host=self._host.name, node=self._host.node)

    async def _begin(self, ctx: RequestContext, server: Server, message: RebuildInstanceOnHost) -> Server:
        """No image is named, for none is asked for; the guest of this host is not there yet."""
        if not message.recreate:
            return await super()._begin(ctx, server, message)
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, EVENT, self._host.name)
            self._host.notifications.emit_exists(uow, server, server)
            versioned = certificates(server) | {"block_devices": None}
            self._host.notifications.emit_action(uow, server, "rebuild", "start", {"image_name": ""}, versioned)
            return await self._host.save(uow, server, power_state=POWER["pending"])

    async def _leave(self, ctx: RequestContext, server: Server) -> None:
        """The volumes are detached from the host that is down, one after the other."""
        for device in volume_moves.attached(server):
            volume_id = device.volume_id or ""
            async with self._host.database.work(ctx) as uow:
                self._host.notifications.emit_volume(uow, server, "detach", "start", volume_id)
            await volume_moves.leave(ctx, self._host, replace(server, devices=(device,)))
            async with self._host.database.work(ctx) as uow:
                self._host.notifications.emit_volume(uow, server, "detach", "end", volume_id)

    async def _write(self, ctx: RequestContext, server: Server, message: RebuildInstanceOnHost) -> Server:
        """The volumes first: nothing is written over them."""
        if message.recreate:
            await volume_moves.arrive(ctx, self._host, await self._host.find(server.uuid) or server)
        return await super()._write(ctx, server, message)

    async def _give_up(self, ctx: RequestContext, server: Server, migration: Migration, error: Exception) -> None:
        async def also(uow: UnitOfWork) -> None:
            await moves.fail(uow, migration)
            await let_go(uow, migration.uuid)

        await self._host.fail(ctx, server, ServerStates.fail_rebuild, EVENT, error, also)
