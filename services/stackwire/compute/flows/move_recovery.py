"""Moves that a dead worker left half done on a host, and those that wait too long for their confirmation."""

from datetime import datetime, timedelta

from stackwire.compute.db import instances, moves
from stackwire.compute.db.hosts import give_back, let_go
from stackwire.compute.domain.migration_states import EVACUATION, MigrationStates
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import RESIZED
from stackwire.compute.flows.confirm_resize import resend_confirm, send_confirm
from stackwire.compute.flows.worker.abandon_move import BEFORE_LEAVING, AbandonMove
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.compute.flows.worker.confirm_instance import ConfirmServer
from stackwire.compute.flows.worker.live_migration import LiveMigrations
from stackwire.compute.flows.worker.resize_instance import ResizeServer
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition


class MoveRecovery:
    """Of one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._resize = ResizeServer(host)
        self._confirm = ConfirmServer(host)
        self._live = LiveMigrations(host)
        self.abandon = AbandonMove(host)

    async def finish(self, ctx: RequestContext, server: Server) -> None:
        """A server that has come to this host is started here."""
        await self._resize.finish(ctx, server.uuid)

    async def revert(self, ctx: RequestContext, server: Server) -> None:
        """A revert goes on, on whichever of the two hosts it was."""
        async with self._host.database.read() as session:
            migration = await moves.latest(session, server.uuid, ("reverting",))
        if migration is not None and server.instance.host == migration.dest_compute:
            await self._confirm.revert(ctx, server.uuid)
        else:
            await self._confirm.finish_revert(ctx, server.uuid)

    async def end_old(self, ctx: RequestContext, before: datetime) -> None:
        """``_poll_unconfirmed_resizes``; and what has not changed since ``before``: its message may be lost."""
        window = timedelta(seconds=self._host.resize_confirm_window)
        now = self._host.database.clock.now()
        await self._forget_evacuated(ctx)
        async with self._host.database.read() as session:
            found = await moves.unfinished_on(session, self._host.name)
        for migration in found:
            changed = migration.updated_at or migration.created_at
            here = migration.dest_compute == self._host.name
            if migration.status == "finished" and here and window and changed <= now - window:
                await self._send(ctx, migration)
            if migration.source_compute != self._host.name or changed >= before:
                continue
            if migration.status == "confirming":
                await self._send(ctx, migration)
            elif migration.status in BEFORE_LEAVING:
                await self._end(ctx, migration)

    async def fail_evacuation(self, uow: UnitOfWork, server: Server) -> None:
        """Of a server that was being evacuated, if it was: it claims the host that it is on now."""
        migration = await moves.latest(uow, server.uuid, ("accepted", "pre-migrating"))
        if migration is None or migration.migration_type != EVACUATION:
            return
        await moves.fail(uow, migration)
        if server.instance.host == migration.source_compute:
            await give_back(uow, server.uuid, migration.uuid)
        else:
            await let_go(uow, migration.uuid)

    async def _forget_evacuated(self, ctx: RequestContext) -> None:
        """``_destroy_evacuated_instances``: the host is there again, its servers are elsewhere."""
        async with self._host.database.read() as session:
            found = await moves.evacuated_from(session, self._host.name)
        for migration in found:
            server = await self._host.find(migration.instance_uuid)
            if server is None or server.instance.host != self._host.name:
                await self._host.disks.remove(migration.instance_uuid)
            async with self._host.database.work(ctx) as uow:
                await transition(uow, moves.TABLE, MigrationStates.end_evacuation, migration.uuid)
                await let_go(uow, migration.uuid)

    async def _end(self, ctx: RequestContext, migration: Migration) -> None:
        """The server rests: it has arrived, and its old host has not heard of it; or its state was reset meanwhile."""
        server = await self._host.find(migration.instance_uuid)
        if server is None or server.instance.task_state is not None or self._host.locks.busy(server.uuid):
            return
        if server.instance.host == self._host.name:
            await self.abandon.undo(ctx, server, migration)
        elif migration.status == "running":
            await self._live.complete(ctx, server, migration)
        else:  # an evacuation that was cut off on the other host
            async with self._host.database.work(ctx) as uow:
                await moves.fail(uow, migration)
                await let_go(uow, migration.uuid)

    async def _send(self, ctx: RequestContext, migration: Migration) -> None:
        async with self._host.database.work(ctx) as uow:
            server = await instances.by_uuid(uow, migration.instance_uuid)
            if server is None or server.instance.vm_state != RESIZED or server.instance.task_state is not None:
                return
            if migration.status == "finished":
                await send_confirm(uow, server, migration)
            else:
                touched = await moves.TABLE.update(uow, migration.uuid, where={"status": "confirming"})
                if touched is not None:
                    resend_confirm(uow, server, touched)
