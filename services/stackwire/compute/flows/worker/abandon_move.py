"""A move that is given up before the server has left its host: everything is there as it was.

``nova/compute/manager.py: _init_instance, _revert_allocation``. Safe at any time: each step may be done twice.
"""

from stackwire.compute.db import hosts, moves
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import DELETING, ServerStates
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.compute.flows.worker.rebuild_recovery import restore_attachment
from stackwire.compute.flows.worker.volume_moves import attached
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork

BEFORE_LEAVING = ("pre-migrating", "migrating", "accepted", "queued", "preparing", "running")
"""States of migrations whose servers are on the hosts they are to leave."""


class AbandonMove:
    """Moves from one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    async def undo(self, ctx: RequestContext, server: Server, migration: Migration | None) -> None:
        """Disk, volumes and claims; the migration is in error. The server itself is somebody else's by now."""
        await self._restore(ctx, server.uuid, migration)
        async with self._host.database.work(ctx) as uow:
            await self.release(uow, server.uuid, migration)

    async def fail(
        self, ctx: RequestContext, server: Server, migration: Migration, event: str, error: BaseException
    ) -> None:
        """The same, and the server at rest in the state it was in, with a fault (``InstanceFaultRollback``)."""
        await self._restore(ctx, server.uuid, migration)

        async def also(uow: UnitOfWork) -> None:
            await self.release(uow, server.uuid, migration)

        after = await self._host.fail(ctx, server, ServerStates.abandon_resize, event, error, also)
        if after is not None:
            async with self._host.database.work(ctx) as uow:
                self._host.notifications.emit_error(uow, after, "resize", error)

    async def restore(self, ctx: RequestContext, uuid: str) -> Migration | None:
        """Disk and volumes after a crash; the migration, if there is one already."""
        async with self._host.database.read() as session:
            migration = await moves.latest(session, uuid, BEFORE_LEAVING)
        await self._restore(ctx, uuid, migration)
        return migration

    async def _restore(self, ctx: RequestContext, uuid: str, migration: Migration | None) -> None:
        await self._host.disks.take_back(uuid)
        if migration is not None and migration.dest_compute and not migration.same_host:
            await self._host.disks.remove_from(migration.dest_compute, uuid)
        server = await self._host.find(uuid)
        if server is not None and server.instance.task_state != DELETING:
            for device in attached(server):
                await restore_attachment(ctx, self._host, server, device)

    async def release(self, uow: UnitOfWork, uuid: str, migration: Migration | None) -> None:
        """The migration is in error; what it held is the server's again."""
        if migration is not None:
            await moves.fail(uow, migration)
            await hosts.give_back(uow, uuid, migration.uuid)
