"""The conductor's part in a move: a migration that holds what the server has, another host, and the server sent there.

``nova/conductor/manager.py: migrate_server``, ``nova/conductor/tasks/migrate.py``.
"""

from typing import Any

from stackwire.compute.db import instance_actions, instances, moves
from stackwire.compute.domain.migration_states import MIGRATION, RESIZE
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import RESIZE_PREP, ServerStates
from stackwire.compute.domain.versioned_objects import (
    NovaObject,
    data_of,
    flavor_of,
    instance_object,
    legacy_image,
    migration_object,
    uuid_of,
)
from stackwire.compute.flows.notifications import Notifications
from stackwire.compute.flows.worker import conductor_claim
from stackwire.compute.flows.worker.compute_host import public_error_text
from stackwire.compute.flows.worker.conductor import Conductor
from stackwire.compute.flows.worker.conductor_evacuate import ConductorEvacuation
from stackwire.compute.flows.worker.conductor_live import ConductorLiveMigration
from stackwire.contracts.compute_moves import MigrateServer, PrepResize
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.keyed_locks import KeyedLocks
from stackwire.db.leases import Leases
from stackwire.db.pool import Database, UnitOfWork
from stackwire.messaging.rpc import RpcClient

EVENTS = ("conductor_migrate_server", "cold_migrate")


class ConductorMoves:
    """Holds no state of its own."""

    def __init__(
        self, database: Database, leases: Leases, conductor: Conductor, rpc: RpcClient, notifications: Notifications
    ) -> None:
        host = notifications.host
        self.live = ConductorLiveMigration(database, leases, conductor, rpc, host)
        self.evacuation = ConductorEvacuation(database, leases, conductor, self.live, notifications)
        self._database = database
        self._leases = leases
        self._locks = KeyedLocks()
        self._conductor = conductor
        self._host = host

    async def on_migrate_server(self, ctx: RequestContext, message: MigrateServer) -> None:
        """Nothing, when the server does not wait for a move any more, or was sent to a host.

        Delivered twice, the second waits for the first: two at once might choose two hosts, and tell both.
        """
        if message.live:
            await self.live.on_live_migrate_instance(ctx, message)
            return
        uuid = uuid_of(message.instance)
        async with self._locks.exclusive(uuid), self._leases.hold(ctx, MIGRATION, uuid) as held:
            if held:
                await self._send(ctx, message)

    async def _send(self, ctx: RequestContext, message: MigrateServer) -> None:
        begun = await self._begin(ctx, message)
        if begun is None or message.flavor is None:
            return
        server, migration = begun
        data = {**data_of(message.request_spec), "flavor": message.flavor}
        spec: NovaObject = {**message.request_spec, "nova_object.data": data}
        try:
            (selection,) = await self._conductor.select(ctx, [server.uuid], spec)
        except ServiceError as error:
            await self._give_up(ctx, server, migration, error)
            return
        async with self._database.work(ctx) as uow:
            await self._dispatch(uow, server, migration, selection, spec, message)

    async def _begin(self, ctx: RequestContext, message: MigrateServer) -> tuple[Server, Migration] | None:
        """The server's claim on its host is the migration's from now on."""
        async with self._database.work(ctx) as uow:
            server = await conductor_claim.waiting(uow, message.instance, RESIZE_PREP)
            if server is None or message.flavor is None or await instance_actions.is_done(uow, server.uuid, EVENTS[-1]):
                return None
            for event in EVENTS:
                await instance_actions.begin_event(uow, server.uuid, event, self._host)
            migration = await moves.latest(uow, server.uuid, ("pre-migrating",))
            if migration is None:
                flavor = flavor_of(message.flavor)
                migration = await conductor_claim.hold(
                    uow,
                    server,
                    source_node=server.instance.node,
                    new_instance_type_id=flavor.id,
                    status="pre-migrating",
                    migration_type=MIGRATION if flavor.id == server.flavor.id else RESIZE,
                )
            return None if migration.dest_compute is not None else (server, migration)

    async def _dispatch(
        self,
        uow: UnitOfWork,
        server: Server,
        migration: Migration,
        selection: list[NovaObject],
        spec: NovaObject,
        message: MigrateServer,
    ) -> None:
        chosen = data_of(selection[0])
        zone = chosen.get("availability_zone")
        if zone and zone != server.instance.availability_zone:
            await instances.TABLE.update(uow, server.uuid, availability_zone=zone)
        properties: dict[str, Any] = {
            **message.scheduler_hint["filter_properties"],
            "limits": {},
            "requested_destination": data_of(spec)["requested_destination"],
            "retry": {"num_attempts": 1, "hosts": [[chosen["service_host"], chosen["nodename"]]]},
        }
        cast = PrepResize(
            instance=instance_object(server),
            migration=migration_object(migration),
            flavor=message.flavor or {},
            image=legacy_image(spec),
            request_spec=spec,
            filter_properties=properties,
            node=str(chosen["nodename"]),
            clean_shutdown=message.clean_shutdown,
            host_list=selection[1:],
        )
        uow.cast(cast, server=str(chosen["service_host"]))
        for event in reversed(EVENTS):
            await instance_actions.end_event(uow, server.uuid, event)

    async def _give_up(self, ctx: RequestContext, server: Server, migration: Migration, error: ServiceError) -> None:
        """The server is as it was, with a fault; the migration is in error."""

        async def also(uow: UnitOfWork) -> None:
            await conductor_claim.give_back(uow, server, migration)
            for event in reversed(EVENTS):
                await instance_actions.end_event(uow, server.uuid, event, error=public_error_text(error))

        await self._conductor.fail(ctx, server, ServerStates.abandon_resize, error, "migrate_server", also)
