"""The end of a resize: confirmed where the server was, or reverted where it is and then where it was.

``nova/compute/manager.py: confirm_resize, revert_resize, finish_revert_resize``.
"""

import logging
from dataclasses import replace

from stackwire.compute.db import instance_actions, instances, moves, server_metadata
from stackwire.compute.db.hosts import give_back, let_go
from stackwire.compute.domain.migration_states import MigrationStates
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ACTIVE, POWER, RESIZE_REVERTING, RESIZED, STOPPED, ServerStates
from stackwire.compute.domain.versioned_objects import instance_object, migration_object, request_spec_object, uuid_of
from stackwire.compute.flows.worker import volume_moves
from stackwire.compute.flows.worker.compute_host import ComputeHost, StateChanged
from stackwire.compute.flows.worker.guest import Guests
from stackwire.compute.flows.worker.power import Power
from stackwire.compute.flows.worker.resize_instance import OLD_VM_STATE, addresses, flavor_columns, moved
from stackwire.contracts.compute_moves import ConfirmResize, FinishRevertResize, RevertResize
from stackwire.contracts.compute_workers import DeleteInstanceInfo
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import UnitOfWork

log = logging.getLogger(__name__)
CONFIRM, REVERT, FINISH_REVERT = "compute_confirm_resize", "compute_revert_resize", "compute_finish_revert_resize"


class ConfirmServer:
    """Confirmations and reverts on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)
        self._power = Power(host)

    # ---- confirmation, where the server was

    async def on_confirm_resize(self, ctx: RequestContext, message: ConfirmResize) -> None:
        """What was kept is deleted, also when the server is deleted by now; the server is at rest where it has gone."""
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            async with self._host.database.read() as session:
                migration = await moves.TABLE.get(session, uuid_of(message.migration))
            if server is None or migration is None:
                await self._host.disks.forget(uuid)
                return
            if not MigrationStates.confirm.allows(status=migration.status):
                return
            async with self._host.database.work(ctx) as uow:
                await instance_actions.begin_event(uow, uuid, CONFIRM, self._host.name)
                self._host.notifications.emit_action(uow, server, "resize_confirm", "start")
            await self._host.disks.forget(uuid)
            try:
                async with self._host.database.work(ctx) as uow:
                    await self._confirm(uow, await self._host.reload(uow, server), migration)
            except StateChanged:
                return

    async def _confirm(self, uow: UnitOfWork, server: Server, migration: Migration) -> None:
        await moved(uow, migration, MigrationStates.confirm)
        await let_go(uow, migration.uuid)
        rests = server.instance.vm_state == RESIZED and server.instance.task_state is None
        if rests:
            vm_state = STOPPED if server.instance.power_state == POWER["shutdown"] else ACTIVE
            server = await self._host.advance(uow, server, ServerStates.finish_confirm, vm_state=vm_state)
        self._host.notifications.emit_action(uow, server, "resize_confirm", "end", addresses(server))
        uow.fanout(DeleteInstanceInfo(host_name=self._host.name, instance_uuid=server.uuid))
        if rests:
            await self._forget_stashed(uow, server)
        await instance_actions.end_event(uow, server.uuid, CONFIRM)

    async def _forget_stashed(self, uow: UnitOfWork, server: Server) -> None:
        """``_delete_stashed_flavor_info``: what a revert would have needed."""
        await server_metadata.delete(uow, "instance_system_metadata", server.uuid, OLD_VM_STATE)
        rows = {key: value for key, value in server.system_metadata.items() if key != OLD_VM_STATE}
        server = replace(server, old_flavor=None, new_flavor=None, system_metadata=rows)
        await instances.set_flavors(uow, server)
        await self._host.save(uow, server)

    # ---- revert, where the server is

    async def on_revert_resize(self, ctx: RequestContext, message: RevertResize) -> None:
        """See ``revert``."""
        await self.revert(ctx, uuid_of(message.instance))

    async def revert(self, ctx: RequestContext, uuid: str) -> None:
        """The copy here is deleted, and the host that kept the disk told to start it. It goes on after a crash."""
        async with self._host.exclusive(uuid):
            server, migration = await self._reverting(uuid)
            if server is None or migration is None or server.instance.host != migration.dest_compute:
                return
            try:
                async with self._host.database.work(ctx) as uow:
                    await instance_actions.begin_event(uow, uuid, REVERT, self._host.name)
                    self._host.notifications.emit_exists(uow, server, server)
                if not migration.same_host or await self._host.disks.is_kept(uuid):
                    await self._host.disks.remove_from(self._host.name, uuid)
                    await volume_moves.leave(ctx, self._host, server)
                async with self._host.database.work(ctx) as uow:
                    await self._hand_back(uow, await self._host.reload(uow, server), migration)
            except Exception as error:
                await self._fail(ctx, server, migration, REVERT, error)

    async def _reverting(self, uuid: str) -> tuple[Server | None, Migration | None]:
        """The server and its migration, where they are being reverted."""
        server = await self._host.find(uuid)
        if server is None or server.instance.task_state != RESIZE_REVERTING:
            return None, None
        async with self._host.database.read() as session:
            return server, await moves.latest(session, uuid, ("reverting",))

    async def _hand_back(self, uow: UnitOfWork, server: Server, migration: Migration) -> None:
        """The row is touched: recovery sees that the other host was told just now."""
        touched = await instances.TABLE.update(uow, server.uuid, where={"task_state": RESIZE_REVERTING})
        if touched is None:
            raise StateChanged(server.uuid)
        cast = FinishRevertResize(
            instance=instance_object(server),
            migration=migration_object(migration),
            request_spec=request_spec_object(server, server.request_spec.get("image") or {}),
        )
        uow.cast(cast, server=migration.source_compute)
        await instance_actions.end_event(uow, server.uuid, REVERT)

    # ---- revert, where it was

    async def on_finish_revert_resize(self, ctx: RequestContext, message: FinishRevertResize) -> None:
        """See ``finish_revert``."""
        await self.finish_revert(ctx, uuid_of(message.instance))

    async def finish_revert(self, ctx: RequestContext, uuid: str) -> None:
        """The kept disk, the old flavor, the volumes, the guest; a server that was off is switched off again."""
        async with self._host.exclusive(uuid):
            server, migration = await self._reverting(uuid)
            if server is None or migration is None or migration.source_compute != self._host.name:
                return
            stopped = server.system_metadata.get(OLD_VM_STATE) == STOPPED
            try:
                async with self._host.database.work(ctx) as uow:
                    server = await self._come_back(uow, server, migration)
                await self._host.disks.take_back(uuid)
                await volume_moves.arrive(ctx, self._host, server)
                definition = self._guests.define(server)
                async with self._host.database.work(ctx) as uow:
                    await self._guests.save(uow, server, definition)
                    await self._end_revert(uow, server, migration, stopped=stopped)
            except Exception as error:
                await self._fail(ctx, server, migration, FINISH_REVERT, error)
                return
        if stopped:
            await self._power.apply(ctx, uuid, ServerStates.finish_stop)

    async def _come_back(self, uow: UnitOfWork, server: Server, migration: Migration) -> Server:
        await instance_actions.begin_event(uow, server.uuid, FINISH_REVERT, self._host.name)
        self._host.notifications.emit_action(uow, server, "resize_revert", "start")
        server = replace(server, flavor=server.old_flavor or server.flavor)
        await instances.set_flavors(uow, server)
        place = {"host": migration.source_compute, "node": migration.source_node}
        server = await self._host.save(uow, server, **place, **flavor_columns(server.flavor))
        await give_back(uow, server.uuid, migration.uuid)
        return server

    async def _end_revert(self, uow: UnitOfWork, server: Server, migration: Migration, *, stopped: bool) -> None:
        await moved(uow, migration, MigrationStates.revert)
        server = await self._host.save(uow, server, launched_at=uow.now)
        verb = ServerStates.stop_reverted if stopped else ServerStates.finish_revert
        server = await self._host.advance(uow, server, verb)
        self._host.notifications.emit_action(uow, server, "resize_revert", "end")
        await self._forget_stashed(uow, server)
        await instance_actions.end_event(uow, server.uuid, FINISH_REVERT)

    async def _fail(
        self, ctx: RequestContext, server: Server, migration: Migration, event: str, error: Exception
    ) -> None:
        """Nothing for a state that has changed; else the server is in error, and holds what the last step left it."""
        if isinstance(error, StateChanged):
            return
        if not isinstance(error, ServiceError):
            log.exception("the resize of instance %s could not be reverted", server.uuid)

        async def also(uow: UnitOfWork) -> None:
            await moves.fail(uow, migration)
            await let_go(uow, migration.uuid)

        await self._host.fail(ctx, server, ServerStates.fail_resize, event, error, also)
