"""The conductor's part in an evacuation: another host. ``nova/conductor/manager.py: rebuild_instance``."""

from stackwire.compute.db import hosts, moves
from stackwire.compute.domain.migration_states import EVACUATION
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import REBUILDING, ServerStates
from stackwire.compute.domain.versioned_objects import (
    NovaObject,
    data_of,
    flavor_object,
    instance_object,
    migration_object,
    uuid_of,
    within_cell,
)
from stackwire.compute.flows.notifications import Notifications
from stackwire.compute.flows.worker import conductor_claim
from stackwire.compute.flows.worker.conductor import Conductor
from stackwire.compute.flows.worker.conductor_live import ConductorLiveMigration
from stackwire.contracts.compute_workers import RebuildInstance, RebuildInstanceOnHost
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.keyed_locks import KeyedLocks
from stackwire.db.leases import Leases
from stackwire.db.pool import Database, UnitOfWork


class ConductorEvacuation:
    """Holds no state of its own."""

    def __init__(
        self,
        database: Database,
        leases: Leases,
        conductor: Conductor,
        live: ConductorLiveMigration,
        notifications: Notifications,
    ) -> None:
        self._database = database
        self._leases = leases
        self._locks = KeyedLocks()
        self._conductor = conductor
        self._live = live
        self._notifications = notifications

    async def on_rebuild_instance(self, ctx: RequestContext, message: RebuildInstance) -> None:
        """Nothing, when the server does not wait for it, or was sent to a host; in error when there is no host for it.

        Delivered twice, the second waits for the first: two at once might choose two hosts, and tell both.
        """
        if not message.recreate:
            await self._conductor.on_rebuild_instance(ctx, message)
            return
        uuid = uuid_of(message.instance)
        async with self._locks.exclusive(uuid), self._leases.hold(ctx, EVACUATION, uuid) as held:
            if held:
                await self._evacuate(ctx, message)

    async def _evacuate(self, ctx: RequestContext, message: RebuildInstance) -> None:
        async with self._database.work(ctx) as uow:
            server = await conductor_claim.waiting(uow, message.instance, REBUILDING)
            migration = None if server is None else await moves.latest(uow, server.uuid, ("accepted",))
            if server is None or migration is None or migration.migration_type != EVACUATION or migration.dest_node:
                return
            await hosts.hold_for(uow, server.uuid, migration.uuid)
        try:
            host, node = await self._place(ctx, server, message)
        except ServiceError as error:
            await self._give_up(ctx, server, migration, error)
            return
        async with self._database.work(ctx) as uow:
            if await moves.TABLE.update(uow, migration.uuid, where={"status": "accepted"}, dest_node=node) is None:
                return
            self._notifications.emit_rebuild_scheduled(uow, server)
            fields = dict(message) | {
                "instance": instance_object(server),
                "migration": migration_object(migration),
                "scheduled_node": node,
            }
            uow.cast(RebuildInstanceOnHost.model_validate(fields), server=host)

    async def _place(self, ctx: RequestContext, server: Server, message: RebuildInstance) -> tuple[str, str]:
        """Host and node, claimed; a forced one only has to be there and to have room."""
        if message.host is not None:
            found = await self._live.claim_forced(ctx, server, message.host)
            return found.host, found.hypervisor_hostname
        spec: NovaObject = message.request_spec or {}
        spec = within_cell(spec, ignore_hosts=[server.instance.host], flavor=flavor_object(server.flavor))
        (selection,) = await self._conductor.select(ctx, [server.uuid], spec, alternates=False)
        chosen = data_of(selection[0])
        return str(chosen["service_host"]), str(chosen["nodename"])

    async def _give_up(self, ctx: RequestContext, server: Server, migration: Migration, error: ServiceError) -> None:
        async def also(uow: UnitOfWork) -> None:
            await conductor_claim.give_back(uow, server, migration)

        await self._conductor.fail(ctx, server, ServerStates.fail_rebuild, error, "rebuild_server", also)
