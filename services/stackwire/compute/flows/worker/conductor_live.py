"""The conductor's part in a live migration: a host that both it and the server's own agree upon.

``nova/conductor/tasks/live_migrate.py: LiveMigrationTask``.
"""

from stackwire.compute.db import hosts, instance_actions, instances, moves, services
from stackwire.compute.domain import scheduler_filters
from stackwire.compute.domain.errors_moves import (
    ComputeServiceUnavailable,
    MigrationPreCheckError,
    UnableToMigrateToSelf,
)
from stackwire.compute.domain.migration_states import LIVE_MIGRATION
from stackwire.compute.domain.model import Host, Migration
from stackwire.compute.domain.scheduler_model import Needs, resources
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import MIGRATING, POWER, ServerStates
from stackwire.compute.domain.versioned_objects import (
    NovaObject,
    data_of,
    flavor_object,
    instance_object,
    limits_object,
    migration_object,
    uuid_of,
    within_cell,
)
from stackwire.compute.flows.worker import conductor_claim
from stackwire.compute.flows.worker.compute_host import public_error_text
from stackwire.compute.flows.worker.conductor import Conductor
from stackwire.contracts.compute_moves import (
    CheckCanLiveMigrateDestination,
    LiveMigrateInstance,
    LiveMigration,
    MigrateServer,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.core.keyed_locks import KeyedLocks
from stackwire.db.leases import Leases
from stackwire.db.pool import Database, UnitOfWork
from stackwire.messaging.rpc import RpcClient

Message = LiveMigrateInstance | MigrateServer
EVENT = "conductor_live_migrate_instance"


class ConductorLiveMigration:
    """Holds no state of its own; ``host``: what its steps are recorded under."""

    def __init__(self, database: Database, leases: Leases, conductor: Conductor, rpc: RpcClient, host: str) -> None:
        self._database = database
        self._leases = leases
        self._locks = KeyedLocks()
        self._conductor = conductor
        self._rpc = rpc
        self._host = host

    async def on_live_migrate_instance(self, ctx: RequestContext, message: Message) -> None:
        """Nothing, when the server does not wait for it; what goes wrong is raised, for a caller who waits.

        Delivered twice, the second waits for the first, which has sent the server to a host by then, or has died: two
        at once would claim two hosts, and the one without the claim might get the server.
        """
        uuid = uuid_of(message.instance)
        async with self._locks.exclusive(uuid), self._leases.hold(ctx, LIVE_MIGRATION, uuid) as held:
            if held:
                await self._send(ctx, message)

    async def _send(self, ctx: RequestContext, message: Message) -> None:
        begun = await self._begin(ctx, message)
        if begun is None:
            return
        server, migration = begun
        try:
            host, data = await self._destination(ctx, server, migration, message)
        except ServiceError as error:
            await self._give_up(ctx, server, migration, error)
            raise
        async with self._database.work(ctx) as uow:
            await self._dispatch(uow, server, migration, host, data, message)

    async def _begin(self, ctx: RequestContext, message: Message) -> tuple[Server, Migration] | None:
        async with self._database.work(ctx) as uow:
            server = await conductor_claim.waiting(uow, message.instance, MIGRATING)
            if server is None:
                return None
            await instance_actions.begin_event(uow, server.uuid, EVENT, self._host)
            migration = await moves.latest(uow, server.uuid)
            if migration is None or migration.migration_type != LIVE_MIGRATION:
                migration = await conductor_claim.hold(
                    uow,
                    server,
                    dest_compute=message.scheduler_hint.get("host"),
                    new_instance_type_id=server.flavor.id,
                    status="accepted",
                    migration_type=LIVE_MIGRATION,
                )
            sent = migration.status != "accepted" or migration.dest_node is not None
            return None if sent else (server, migration)

    # ---- where to

    async def _destination(
        self, ctx: RequestContext, server: Server, migration: Migration, message: Message
    ) -> tuple[Host, NovaObject]:
        """A host that the server can go to, claimed; and what both hosts know of the way."""
        if server.instance.power_state not in (POWER["running"], POWER["paused"]):
            raise MigrationPreCheckError(reason="the server does not run")
        known = await self._known()
        self._require_up(known, server.instance.host or "")
        wanted = message.scheduler_hint.get("host")
        if wanted is not None:
            host = await self.claim_forced(ctx, server, wanted)
            return host, await self._check(ctx, server, migration, host, message)
        tried = [server.instance.host]
        while True:
            spec = within_cell(message.request_spec, ignore_hosts=tried, flavor=flavor_object(server.flavor))
            (selection,) = await self._conductor.select(ctx, [server.uuid], spec, alternates=False)
            host = known[str(data_of(selection[0])["service_host"])]
            try:
                return host, await self._check(ctx, server, migration, host, message)
            except BadRequest:  # this host does not suit, another may
                tried.append(host.host)
                async with self._database.work(ctx) as uow:
                    await hosts.let_go(uow, server.uuid)

    async def _known(self) -> dict[str, Host]:
        async with self._database.read() as session:
            return {host.host: host for host in await hosts.list_all(session)}

    def _require_up(self, known: dict[str, Host], name: str) -> None:
        host = known.get(name)
        if host is None or not services.is_up(host, self._database.clock.now()):
            raise ComputeServiceUnavailable(host=name)

    async def claim_forced(self, ctx: RequestContext, server: Server, name: str) -> Host:
        """No filter is asked, but there must be room (``_check_destination_has_enough_memory``)."""
        if name == server.instance.host:
            raise UnableToMigrateToSelf(instance_id=server.uuid, host=name)
        self._require_up(await self._known(), name)
        disk_gb = 0 if server.is_volume_backed else server.flavor.root_gb
        needs = Needs(flavor=server.flavor, local_gb=disk_gb + server.flavor.ephemeral_gb)
        async with self._database.work(ctx) as uow:
            await hosts.lock_allocations(uow)
            host = await hosts.by_name(uow, name)
            if host is None:
                raise MigrationPreCheckError(reason=f"host {name} is gone")
            if missing := scheduler_filters.has_no_room(host, needs):
                raise MigrationPreCheckError(reason=f"host {name} has not enough room: {missing}")
            await hosts.allocate(uow, server.uuid, name, resources(needs))
        return host

    async def _check(
        self, ctx: RequestContext, server: Server, migration: Migration, host: Host, message: Message
    ) -> NovaObject:
        check = CheckCanLiveMigrateDestination(
            instance=instance_object(server),
            migration=migration_object(migration),
            block_migration=message.block_migration,
            disk_over_commit=message.disk_over_commit,
            limits=limits_object(),
        )
        return await self._rpc.call(ctx, check, server=host.host)

    # ---- and off

    async def _dispatch(
        self, uow: UnitOfWork, server: Server, migration: Migration, host: Host, data: NovaObject, message: Message
    ) -> None:
        place = {"source_node": server.instance.node, "dest_compute": host.host, "dest_node": host.hypervisor_hostname}
        found = await moves.TABLE.update(uow, migration.uuid, where={"status": "accepted"}, **place)
        if found is None:
            return
        await instances.TABLE.update(uow, server.uuid, availability_zone=host.zone)
        cast = LiveMigration(
            instance=instance_object(server),
            migration=migration_object(found),
            dest=host.host,
            block_migration=message.block_migration,
            migrate_data=data,
        )
        uow.cast(cast, server=server.instance.host)
        await instance_actions.end_event(uow, server.uuid, EVENT)

    async def _give_up(self, ctx: RequestContext, server: Server, migration: Migration, error: ServiceError) -> None:
        async def also(uow: UnitOfWork) -> None:
            await conductor_claim.give_back(uow, server, migration)
            await instance_actions.end_event(uow, server.uuid, EVENT, error=public_error_text(error))

        await self._conductor.fail(ctx, server, ServerStates.end_live_migration, error, "migrate_server", also)
