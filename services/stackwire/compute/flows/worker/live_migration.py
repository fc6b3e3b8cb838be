"""A running server that goes to another host: prepared there, sent from here, running there.

``nova/compute/manager.py: live_migration, pre_live_migration, post_live_migration_at_destination``. Until the other
host has taken it, the server is on this one: whatever goes wrong before leaves it here.
"""

import asyncio
import logging

from stackwire.compute.db import instance_actions, moves
from stackwire.compute.db.hosts import let_go
from stackwire.compute.domain.errors import InstanceNotReady
from stackwire.compute.domain.errors_moves import InvalidSharedStorage
from stackwire.compute.domain.migration_states import MigrationStates
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import MIGRATING, ServerStates
from stackwire.compute.domain.versioned_objects import (
    NovaObject,
    data_of,
    instance_object,
    instances_object,
    nova_object,
    uuid_of,
)
from stackwire.compute.flows.worker import volume_moves
from stackwire.compute.flows.worker.abandon_move import AbandonMove
from stackwire.compute.flows.worker.compute_host import ADDRESS, ComputeHost, StateChanged
from stackwire.compute.flows.worker.guest import Guests
from stackwire.compute.flows.worker.resize_instance import addresses, moved
from stackwire.contracts import compute_moves as messages
from stackwire.contracts.compute_workers import UpdateInstanceInfo
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.states import Verb
from stackwire.db.transitions import transition

log = logging.getLogger(__name__)
EVENT, PRE, POST = (
    "compute_live_migration",
    "compute_pre_live_migration",
    "compute_post_live_migration_at_destination",
)
COMPLETE, ABORT = "complete", "abort"


class LiveMigrations:
    """Of one host, as the one that servers leave and the one they go to."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)
        self._abandon = AbandonMove(host)

    # ---- whether it can be done

    async def on_check_destination(
        self, ctx: RequestContext, message: messages.CheckCanLiveMigrateDestination
    ) -> NovaObject:
        """Here is room, as the claim says; the host the server is on knows the rest."""
        data = {
            "filename": "",
            "image_type": "default",
            **({} if message.block_migration is None else {"block_migration": message.block_migration}),
            "is_shared_instance_path": False,
            "is_shared_block_storage": False,
            "graphics_listen_addr_vnc": ADDRESS,
            "graphics_listen_addr_spice": ADDRESS,
            "serial_listen_addr": None,
        }
        found = nova_object("LibvirtLiveMigrateData", "1.14", data)
        check = messages.CheckCanLiveMigrateSource(instance=message.instance, dest_check_data=found)
        return await self._host.rpc.call(ctx, check, server=str(data_of(message.instance).get("host")))

    async def on_check_source(self, ctx: RequestContext, message: messages.CheckCanLiveMigrateSource) -> NovaObject:
        """InvalidSharedStorage for a local disk that is not to be copied: no host sees another's disks.

        Unless somebody said so, disks are copied where there are local ones.
        """
        server = await self._host.find(uuid_of(message.instance))
        data = dict(data_of(message.dest_check_data))
        on_volumes = server is not None and server.is_volume_backed
        if not data.setdefault("block_migration", not on_volumes) and not on_volumes:
            raise InvalidSharedStorage
        return {**message.dest_check_data, "nova_object.data": {**data, "is_volume_backed": on_volumes}}

    # ---- where the server is

    async def on_live_migration(self, ctx: RequestContext, message: messages.LiveMigration) -> None:
        """Prepared on the other host, on its way for a while, and there; or here, with a fault or as it was."""
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            async with self._host.database.read() as session:
                migration = await moves.TABLE.get(session, uuid_of(message.migration))
            if server is None or migration is None or server.instance.task_state != MIGRATING:
                return
            if migration.status != "accepted" or server.instance.host != self._host.name:
                return
            fate = self._host.live_migrations[uuid] = asyncio.get_running_loop().create_future()
            try:
                await self._migrate(ctx, server, migration, message, fate)
            except StateChanged:
                await self._abandon.undo(ctx, server, migration)
            except Exception as error:
                if not isinstance(error, ServiceError):
                    log.exception("instance %s could not be migrated", uuid)
                await self._roll_back(ctx, server, migration, MigrationStates.fail_live, error)
            finally:
                self._host.live_migrations.pop(uuid, None)

    async def _migrate(
        self,
        ctx: RequestContext,
        server: Server,
        migration: Migration,
        message: messages.LiveMigration,
        fate: "asyncio.Future[str]",
    ) -> None:
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, EVENT, self._host.name)
            await moved(uow, migration, MigrationStates.queue)
            await moved(uow, migration, MigrationStates.prepare)
        prepare = messages.PreLiveMigration(instance=message.instance, migrate_data=message.migrate_data)
        await self._host.rpc.call(ctx, prepare, server=message.dest)
        async with self._host.database.work(ctx) as uow:
            await moved(uow, migration, MigrationStates.run)
        _, on_its_way = await asyncio.wait({fate}, timeout=self._host.live_migration_seconds)
        if not on_its_way and fate.result() == ABORT:
            await self._roll_back(ctx, server, migration, MigrationStates.cancel, None)
            return
        await self._send(ctx, server, migration, message)

    async def _send(
        self, ctx: RequestContext, server: Server, migration: Migration, message: messages.LiveMigration
    ) -> None:
        """From the answer of the other host on the server is there: what fails after that cannot bring it back."""
        notify = self._host.notifications
        async with self._host.database.work(ctx) as uow:
            notify.emit_action(uow, server, "live_migration_post", "start", addresses(server))
        await self._host.disks.log(server.uuid, "simulated guest: migrated to another host")
        await self._host.disks.send(server.uuid, message.dest)
        await volume_moves.leave(ctx, self._host, server)
        arrive = messages.PostLiveMigrationAtDestination(
            instance=instance_object(server), block_migration=message.block_migration
        )
        await self._host.rpc.call(ctx, arrive, server=message.dest)
        await self.complete(ctx, server, migration)

    async def complete(self, ctx: RequestContext, server: Server, migration: Migration) -> None:
        """What the server has left here is deleted. ``server``: as it was when it left."""
        await self._host.disks.forget(server.uuid)
        async with self._host.database.work(ctx) as uow:
            await moved(uow, migration, MigrationStates.complete)
            await let_go(uow, migration.uuid)
            now = await self._host.reload(uow, server)
            uow.fanout(UpdateInstanceInfo(host_name=self._host.name, instance_info=instances_object([now])))
            self._host.notifications.emit_action(uow, server, "live_migration_post", "end", addresses(server))
            await instance_actions.end_event(uow, server.uuid, EVENT)

    async def _roll_back(
        self, ctx: RequestContext, server: Server, migration: Migration, verb: Verb, error: Exception | None
    ) -> None:
        """``_rollback_live_migration``; without an error: it was aborted."""
        now = await self._host.find(server.uuid)
        if now is not None and now.instance.host != self._host.name:  # it has arrived, but the answer was lost
            await self.complete(ctx, server, migration)
            return
        notify = self._host.notifications
        async with self._host.database.work(ctx) as uow:
            await transition(uow, moves.TABLE, verb, migration.uuid)
            notify.emit_action(uow, server, "live_migration_rollback", "start")
        await self._abandon.undo(ctx, server, migration)
        if error is not None:
            await self._host.fail(ctx, server, ServerStates.end_live_migration, EVENT, error)
        async with self._host.database.work(ctx) as uow:
            if error is None:
                server = await self._host.advance(uow, server, ServerStates.end_live_migration)
                await instance_actions.end_event(uow, server.uuid, EVENT)
            notify.emit_action(uow, server, "live_migration_rollback", "end")

    async def on_force_complete(self, ctx: RequestContext, message: messages.ForceCompleteLiveMigration) -> None:
        """The guest's memory does not have to keep up any longer."""
        await self._decide(ctx, uuid_of(message.instance), COMPLETE)

    async def on_abort(self, ctx: RequestContext, message: messages.AbortLiveMigration) -> None:
        """As if it had never begun."""
        await self._decide(ctx, uuid_of(message.instance), ABORT)

    async def _decide(self, ctx: RequestContext, uuid: str, what: str) -> None:
        action = "live_migration_force_complete" if what == COMPLETE else "live_migration_abort"
        event = f"compute_{action}"
        fate, server = self._host.live_migrations.get(uuid), await self._host.find(uuid)
        if fate is None or server is None:
            return
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, uuid, event, self._host.name)
            self._host.notifications.emit_action(uow, server, action, "start")  # type: ignore[arg-type]  # one of two
            self._host.notifications.emit_action(uow, server, action, "end")  # type: ignore[arg-type]  # likewise
            await instance_actions.end_event(uow, uuid, event)
        if not fate.done():
            fate.set_result(what)

    # ---- where it goes

    async def on_pre_live_migration(self, ctx: RequestContext, message: messages.PreLiveMigration) -> NovaObject:
        """Nothing has to be there before the server is: its disk and its volumes come with it. Handled twice, the call
        is answered twice, and what it does is said once."""
        server = await self._host.find(uuid_of(message.instance))
        if server is not None:
            async with self._host.database.work(ctx) as uow:
                if not await instance_actions.begin_event(uow, server.uuid, PRE, self._host.name):
                    return message.migrate_data
                for phase in ("start", "end"):
                    self._host.notifications.emit_action(uow, server, "live_migration_pre", phase, addresses(server))
                await instance_actions.end_event(uow, server.uuid, PRE)
        return message.migrate_data

    async def on_post_live_migration(
        self, ctx: RequestContext, message: messages.PostLiveMigrationAtDestination
    ) -> None:
        """The volumes are connected here, the guest is defined here, and the server is here.

        Nothing, when it is here already: the call was delivered before. InstanceNotReady, when it does not come here: a
        call that was delivered late must not take it from where it has gone since.
        """
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None or not await self._is_arriving(server):
                if server is not None and server.instance.host == self._host.name:
                    return
                raise InstanceNotReady(instance_id=uuid)
            async with self._host.database.work(ctx) as uow:
                await instance_actions.begin_event(uow, uuid, POST, self._host.name)
                self._host.notifications.emit_action(
                    uow, server, "live_migration_post_dest", "start", addresses(server)
                )
            await volume_moves.arrive(ctx, self._host, server)
            definition = self._guests.define(server)
            place = {"host": self._host.name, "node": self._host.node}
            async with self._host.database.work(ctx) as uow:
                await self._guests.save(uow, server, definition)
                server = await self._host.advance(uow, server, ServerStates.end_live_migration, progress=0, **place)
                self._host.notifications.emit_action(uow, server, "live_migration_post_dest", "end", addresses(server))
                await instance_actions.end_event(uow, uuid, POST)

    async def _is_arriving(self, server: Server) -> bool:
        if server.instance.task_state != MIGRATING:
            return False
        async with self._host.database.read() as session:
            under_way = await moves.live_in_progress(session, server.uuid)
        return any(each.dest_compute == self._host.name and each.status == "running" for each in under_way)
