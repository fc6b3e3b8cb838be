"""A server that changes its host or its flavor, on both hosts: claimed here, sent from there, started here.

``nova/compute/manager.py: prep_resize, resize_instance, finish_resize``. Each step may be told twice.
"""

import logging
from dataclasses import replace
from typing import Any

from stackwire.compute.db import instance_actions, instances, moves, server_metadata
from stackwire.compute.db.hosts import let_go
from stackwire.compute.domain import notifications
from stackwire.compute.domain.errors_moves import CannotShrinkDisk
from stackwire.compute.domain.migration_states import MigrationStates
from stackwire.compute.domain.model import Flavor, Migration
from stackwire.compute.domain.notification_payloads import flavor_payload
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import RESIZE_FINISH, RESIZE_MIGRATED, RESIZE_PREP, ServerStates
from stackwire.compute.domain.versioned_objects import (
    flavor_of,
    instance_object,
    instances_object,
    migration_object,
    uuid_of,
)
from stackwire.compute.flows.worker import volume_moves
from stackwire.compute.flows.worker.abandon_move import AbandonMove
from stackwire.compute.flows.worker.compute_host import ADDRESS, ComputeHost, StateChanged
from stackwire.compute.flows.worker.guest import Guests
from stackwire.contracts.compute_moves import FinishResize, PrepResize, ResizeInstance
from stackwire.contracts.compute_workers import UpdateInstanceInfo
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.states import Verb
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition

log = logging.getLogger(__name__)
PREP, RESIZE, FINISH = "compute_prep_resize", "compute_resize_instance", "compute_finish_resize"
OLD_VM_STATE = "old_vm_state"
"""A row of the system metadata, from here to the confirmation: what a revert goes back to."""


class ResizeServer:
    """Moves of servers to and from one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)
        self._abandon = AbandonMove(host)

    async def _found(self, message: PrepResize | ResizeInstance | FinishResize) -> tuple[Server, Migration] | None:
        """The server and its migration as they are now; None for those that are gone."""
        async with self._host.database.read() as session:
            server = await instances.by_uuid(session, uuid_of(message.instance))
            migration = await moves.TABLE.get(session, uuid_of(message.migration))
        return None if server is None or migration is None else (server, migration)

    # ---- where the server goes

    async def on_prep_resize(self, ctx: RequestContext, message: PrepResize) -> None:
        """The server is to come here: its migration says so, and the host it is on is told to send it."""
        async with self._host.exclusive(uuid_of(message.instance)):
            found = await self._found(message)
            if found is None or found[0].instance.task_state != RESIZE_PREP or found[1].dest_compute is not None:
                return
            try:
                async with self._host.database.work(ctx) as uow:
                    await self._prepare(uow, *found, message)
            except StateChanged:
                return

    async def _prepare(self, uow: UnitOfWork, server: Server, migration: Migration, message: PrepResize) -> None:
        uuid, notify, flavor = server.uuid, self._host.notifications, flavor_of(message.flavor)
        new_flavor = {"new_flavor": flavor_payload(flavor)}
        await instance_actions.begin_event(uow, uuid, PREP, self._host.name)
        notify.emit_exists(uow, server, server)
        notify.emit_action(uow, server, "resize_prep", "start", None, new_flavor)
        stashed = {OLD_VM_STATE: server.instance.vm_state}
        await server_metadata.upsert(uow, "instance_system_metadata", uuid, stashed)
        prepared = replace(server, new_flavor=flavor, system_metadata={**server.system_metadata, **stashed})
        await instances.set_flavors(uow, prepared)
        prepared = await self._host.save(uow, prepared)
        place = {"dest_compute": self._host.name, "dest_node": self._host.node, "dest_host": ADDRESS}
        claimed = await moves.TABLE.update(uow, migration.uuid, where={"status": "pre-migrating"}, **place)
        if claimed is None:
            raise StateChanged(uuid)
        cast = ResizeInstance(
            instance=instance_object(prepared),
            migration=migration_object(claimed),
            image=message.image,
            flavor=message.flavor,
            request_spec=message.request_spec,
        )
        uow.cast(cast, server=migration.source_compute)
        legacy = {"new_instance_type": flavor.name, "new_instance_type_id": flavor.id}
        notify.emit_action(uow, prepared, "resize_prep", "end", legacy, new_flavor)
        await instance_actions.end_event(uow, uuid, PREP)

    # ---- where it is

    async def on_resize_instance(self, ctx: RequestContext, message: ResizeInstance) -> None:
        """Switched off, its disk sent, its volumes let go. After an error it is here as it was, with a fault."""
        async with self._host.exclusive(uuid_of(message.instance)):
            found = await self._found(message)
            if found is None or not self._is_to_leave(*found):
                return
            server, migration = found
            try:
                async with self._host.database.work(ctx) as uow:
                    server, migration = await self._begin_to_leave(uow, server, migration)
                await self._send(ctx, server, migration)
                async with self._host.database.work(ctx) as uow:
                    await self._leave(uow, server, migration, message)
            except StateChanged:
                await self._abandon.undo(ctx, server, migration)
            except Exception as error:
                if not isinstance(error, ServiceError):
                    log.exception("instance %s could not be sent", server.uuid)
                await self._abandon.fail(ctx, server, migration, RESIZE, error)

    def _is_to_leave(self, server: Server, migration: Migration) -> bool:
        waits = server.instance.task_state == RESIZE_PREP and server.instance.host == self._host.name
        return waits and migration.status == "pre-migrating" and migration.dest_compute is not None

    async def _begin_to_leave(self, uow: UnitOfWork, server: Server, migration: Migration) -> tuple[Server, Migration]:
        await instance_actions.begin_event(uow, server.uuid, RESIZE, self._host.name)
        migration = await moved(uow, migration, MigrationStates.migrate_disk)
        server = await self._host.advance(uow, server, ServerStates.migrate_disk)
        self._host.notifications.emit_action(uow, server, "resize", "start", addresses(server))
        return server, migration

    async def _send(self, ctx: RequestContext, server: Server, migration: Migration) -> None:
        """A disk is never made smaller (``nova/virt/libvirt/driver.py: migrate_disk_and_power_off``)."""
        old, new = server.flavor, server.new_flavor or server.flavor
        if (new.root_gb < old.root_gb and not server.is_volume_backed) or new.ephemeral_gb < old.ephemeral_gb:
            raise CannotShrinkDisk
        await self._host.disks.log(server.uuid, "simulated guest: moved to another host")
        await self._host.disks.send(server.uuid, migration.dest_compute or "")
        await volume_moves.leave(ctx, self._host, server)

    async def _leave(self, uow: UnitOfWork, server: Server, migration: Migration, message: ResizeInstance) -> None:
        migration = await moved(uow, migration, MigrationStates.leave_host)
        place: dict[str, Any] = {"host": migration.dest_compute, "node": migration.dest_node}
        server = replace(await self._host.reload(uow, server), old_flavor=server.flavor)
        await instances.set_flavors(uow, server)
        server = await self._host.advance(uow, server, ServerStates.leave_host, **place)
        cast = FinishResize(
            instance=instance_object(server),
            migration=migration_object(migration),
            image=message.image,
            request_spec=message.request_spec,
        )
        uow.cast(cast, server=migration.dest_compute)
        self._host.notifications.emit_action(uow, server, "resize", "end", addresses(server))
        await instance_actions.end_event(uow, server.uuid, RESIZE)

    # ---- where it has come

    async def on_finish_resize(self, ctx: RequestContext, message: FinishResize) -> None:
        """See ``finish``."""
        await self.finish(ctx, uuid_of(message.instance))

    async def finish(self, ctx: RequestContext, uuid: str) -> None:
        """New flavor, volumes, guest; nothing, when it does not wait for that here. It goes on after a crash.

        After an error the server is in error on this host, and holds nothing on the other.
        """
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            async with self._host.database.read() as session:
                migration = await moves.latest(session, uuid, ("post-migrating",))
            if server is None or migration is None or server.instance.host != self._host.name:
                return
            if server.instance.task_state not in (RESIZE_MIGRATED, RESIZE_FINISH):
                return
            try:
                if server.instance.task_state == RESIZE_MIGRATED:
                    async with self._host.database.work(ctx) as uow:
                        server = await self._take(uow, server)
                await volume_moves.arrive(ctx, self._host, server)
                definition = self._guests.define(server)
                await self._host.disks.log(uuid, "simulated guest: started on its new host")
                async with self._host.database.work(ctx) as uow:
                    await self._guests.save(uow, server, definition)
                    await self._end(uow, server, migration)
            except StateChanged:
                return
            except Exception as error:
                if not isinstance(error, ServiceError):
                    log.exception("the resize of instance %s could not be finished", uuid)
                await self._fail(ctx, server, migration, error)

    async def _take(self, uow: UnitOfWork, server: Server) -> Server:
        await instance_actions.begin_event(uow, server.uuid, FINISH, self._host.name)
        server = replace(server, flavor=server.new_flavor or server.flavor)
        await instances.set_flavors(uow, server)
        columns = flavor_columns(server.flavor)
        server = await self._host.advance(uow, server, ServerStates.begin_finish_resize, **columns)
        self._host.notifications.emit_action(uow, server, "resize_finish", "start", addresses(server))
        return server

    async def _end(self, uow: UnitOfWork, server: Server, migration: Migration) -> None:
        await moved(uow, migration, MigrationStates.finish)
        server = await self._host.advance(uow, server, ServerStates.finish_resize, launched_at=uow.now)
        uow.fanout(UpdateInstanceInfo(host_name=self._host.name, instance_info=instances_object([server])))
        self._host.notifications.emit_action(uow, server, "resize_finish", "end", addresses(server))
        await instance_actions.end_event(uow, server.uuid, FINISH)

    async def _fail(self, ctx: RequestContext, server: Server, migration: Migration, error: Exception) -> None:
        async def also(uow: UnitOfWork) -> None:
            await moves.fail(uow, migration)
            await let_go(uow, migration.uuid)

        await self._host.fail(ctx, server, ServerStates.fail_resize, FINISH, error, also)


def flavor_columns(flavor: Flavor) -> dict[str, Any]:
    """The columns of ``instances`` that a flavor decides on (``_set_instance_info``)."""
    figures = {name: getattr(flavor, name) for name in ("memory_mb", "vcpus", "root_gb", "ephemeral_gb")}
    return {"instance_type_id": flavor.id, **figures}


def addresses(server: Server) -> dict[str, Any]:
    """What the unversioned format has of the network."""
    return {"fixed_ips": notifications.fixed_ips(server)}


async def moved(uow: UnitOfWork, migration: Migration, verb: Verb) -> Migration:
    """The migration after the verb; StateChanged when it was given up meanwhile."""
    after = await transition(uow, moves.TABLE, verb, migration.uuid)
    if after is None:
        raise StateChanged(migration.instance_uuid)
    return after
