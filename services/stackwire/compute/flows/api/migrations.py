"""The moves of servers as administrators list them, and live migrations while they run."""

from stackwire.compute.db import instance_actions, moves
from stackwire.compute.domain import policy
from stackwire.compute.domain.errors_moves import InvalidMigrationState, MigrationNotFound
from stackwire.compute.domain.migration_states import LIVE_IN_PROGRESS, LIVE_MIGRATION
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.requests import ListMigrationsRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, require_host
from stackwire.contracts.compute_moves import AbortLiveMigration, ForceCompleteLiveMigration
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound


class Migrations(ApiFlow):
    """``nova/api/openstack/compute/migrations.py, server_migrations.py``. With each answer: whether hosts are shown."""

    async def list_page(self, ctx: RequestContext, request: ListMigrationsRequest) -> tuple[list[Migration], bool]:
        """BadRequest for a marker that is none; 403 for other projects' migrations, unless all may be seen."""
        own = {"project_id": ctx.project_id}
        self._deps.policy.require(ctx, policy.MIGRATIONS, own)
        if request.filters.get("project_id") != ctx.project_id:
            self._deps.policy.require(ctx, policy.MIGRATIONS_ALL, own)
        async with self._deps.database.read() as session:
            marker = None if request.marker is None else await moves.TABLE.get(session, request.marker)
            if request.marker is not None and marker is None:
                raise BadRequest(f"Marker {request.marker[:100]} could not be found.")
            found = await moves.list_page(session, request, marker)
        return found, self._deps.policy.allows(ctx, policy.MIGRATIONS_HOST)

    async def list_live(self, ctx: RequestContext, uuid: str) -> tuple[list[Migration], bool]:
        """The server's live migrations in progress."""
        server = await self._deps.find(ctx, uuid, policy.SERVER_MIGRATIONS)
        async with self._deps.database.read() as session:
            found = await moves.live_in_progress(session, uuid)
        target = {"project_id": server.instance.project_id}
        return found, self._deps.policy.allows(ctx, policy.SERVER_MIGRATIONS_HOST, target)

    async def get_live(self, ctx: RequestContext, uuid: str, number: str) -> Migration:
        """NotFound for a migration that is another server's, of another type, or not in progress."""
        await self._deps.find(ctx, uuid, policy.SERVER_MIGRATION)
        async with self._deps.database.read() as session:
            found = await moves.of_server(session, uuid, number)
        if found is None or found.migration_type != LIVE_MIGRATION or found.status not in LIVE_IN_PROGRESS:
            raise NotFound(f"Live migration {number[:100]} of server {uuid} is not in progress.")
        return found

    async def force_complete(self, ctx: RequestContext, uuid: str, number: str) -> None:
        """A running live migration comes to its end at once."""
        server = await self._deps.find(ctx, uuid, policy.SERVER_MIGRATION_FORCE)
        check_allowed(ctx, server, "force_complete")
        try:
            await self._require(server, number, ("running",))
        except MigrationNotFound as error:
            raise BadRequest(error.message) from None
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.start(uow, ctx, uuid, "live_migration_force_complete")
            uow.cast(ForceCompleteLiveMigration(instance=instance_object(server)), server=require_host(server))

    async def abort(self, ctx: RequestContext, uuid: str, number: str, *, queued: bool) -> None:
        """The server stays where it is; ``queued``: also before it runs, as since 2.65."""
        server = await self._deps.find(ctx, uuid, policy.SERVER_MIGRATION_ABORT)
        check_allowed(ctx, server, "abort live migration")
        migration = await self._require(server, number, ("running", *(("queued", "preparing") if queued else ())))
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.start(uow, ctx, uuid, "live_migration_cancel")
            message = AbortLiveMigration(instance=instance_object(server), migration_id=migration.id)
            uow.cast(message, server=require_host(server))

    async def _require(self, server: Server, number: str, statuses: tuple[str, ...]) -> Migration:
        async with self._deps.database.read() as session:
            found = await moves.of_server(session, server.uuid, number)
        if found is None:
            raise MigrationNotFound(migration_id=number[:100], instance_id=server.uuid)
        if found.status not in statuses:
            raise InvalidMigrationState(migration_id=found.id, instance_id=server.uuid, state=found.status)
        return found
