"""What every flow of a compute host works with, and the steps they share."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from stackwire.compute.backends.disks import Disks
from stackwire.compute.backends.image_verification import ImageVerification
from stackwire.compute.backends.images import Images
from stackwire.compute.backends.volumes import Volumes
from stackwire.compute.db import faults, fixed_ips, hosts, instance_actions, instances, server_metadata
from stackwire.compute.domain.addresses import Network
from stackwire.compute.domain.model import BlockDevice, Instance
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import SHELVED_OFFLOADED, ServerVerb
from stackwire.compute.flows.notifications import Notifications
from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.keyed_locks import KeyedLocks
from stackwire.db.pool import Database, UnitOfWork
from stackwire.db.transitions import transition
from stackwire.messaging.rpc import RpcClient

log = logging.getLogger(__name__)
ADDRESS = "127.0.0.1"
"""Of every simulated host."""
NETWORK_ALLOCATED = "network_allocated"
"""A row of the system metadata, while a server with an address is built."""

EventKey = tuple[str, str, str | None]
"""Server uuid, name and tag of an external event."""


class StateChanged(Exception):
    """The server is no longer in the state this work left it in: it was deleted, or its state was reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeHost:
    """One simulated compute host.

    ``locks``: one piece of work at a time on each server; ``expected_events``: who waits for which external event;
    ``live_migrations``: for each server that is being migrated, what is to become of that.
    """

    name: str
    node: str
    database: Database
    notifications: Notifications
    disks: Disks
    images: Images
    verification: ImageVerification
    volumes: Volumes
    behaviours: Behaviours
    zone: str
    network: Network
    make_mac: Callable[[], str]
    access_network: str
    reimage_seconds_per_gb: float
    shelved_offload_time: int
    resize_confirm_window: int
    live_migration_seconds: float
    rpc: RpcClient
    console_protocols: tuple[str, ...]
    token_ttl: int
    locks: KeyedLocks = field(default_factory=KeyedLocks)
    expected_events: "dict[EventKey, asyncio.Future[str]]" = field(default_factory=dict)
    live_migrations: "dict[str, asyncio.Future[str]]" = field(default_factory=dict)

    def exclusive(self, uuid: str) -> AbstractAsyncContextManager[None]:
        """Nothing else happens to the server on this host while the block runs."""
        return self.locks.exclusive(uuid)

    async def find(self, uuid: str) -> Server | None:
        """The server with all its parts; None when it is deleted."""
        async with self.database.read() as session:
            return await instances.by_uuid(session, uuid)

    # ---- steps

    async def advance(self, uow: UnitOfWork, server: Server, verb: ServerVerb, **changes: Any) -> Server:
        """The server after the transition, which is emitted; StateChanged when the verb cannot start from its state."""
        return self._emit(uow, server, await transition(uow, instances.TABLE, verb, server.uuid, **changes))

    async def save(self, uow: UnitOfWork, server: Server, **changes: Any) -> Server:
        """The server in the same state with these columns, as ``Instance.save``; StateChanged as for ``advance``."""
        where = {"vm_state": server.instance.vm_state, "task_state": server.instance.task_state}
        return self._emit(uow, server, await instances.TABLE.update(uow, server.uuid, where=where, **changes))

    def _emit(self, uow: UnitOfWork, server: Server, moved: Instance | None) -> Server:
        if moved is None:
            raise StateChanged(server.uuid)
        after = replace(server, instance=moved)
        self.notifications.emit_update(uow, server, after)
        return after

    async def reload(self, uow: UnitOfWork, server: Server) -> Server:
        """The server with its parts as they are now."""
        return await instances.by_uuid(uow, server.uuid) or server

    # ---- failures

    async def fail(
        self,
        ctx: RequestContext,
        server: Server,
        verb: ServerVerb,
        event: str,
        error: BaseException,
        also: Callable[[UnitOfWork], Awaitable[None]] | None = None,
        **changes: Any,
    ) -> Server | None:
        """The server after ``verb``, with a fault; without a host it holds no resources either. The action event ends.

        ``also``: what else is written, whatever has become of the server.
        None when its state has changed meanwhile: it is deleted, or being deleted.
        """
        text = public_error_text(error)
        async with self.database.work(ctx) as uow:
            if also is not None:
                await also(uow)
            before = await self.reload(uow, server)
            moved = await transition(uow, instances.TABLE, verb, server.uuid, **changes)
            if moved is None:
                await instance_actions.end_event(uow, server.uuid, event, error=text)
                return None
            after = replace(before, instance=moved)
            if moved.host is None:
                after = await release_placement(uow, after)
            await record_fault(uow, server.uuid, error, self.name)
            await instance_actions.end_event(uow, server.uuid, event, error=text, trace=stack_of(error))
            self.notifications.emit_update(uow, before, after)
        return after

    async def release_volumes(
        self, ctx: RequestContext, devices: Collection[BlockDevice], to_delete: Collection[str] = ()
    ) -> set[str]:
        """Detaches the volumes from the server, and deletes those in ``to_delete``.

        Answers the uuids of the devices whose volumes could not be released now.
        """
        unreleased: set[str] = set()
        for device in devices:
            try:
                if device.attachment_id:
                    await self.volumes.release(ctx, device.attachment_id)
                if device.volume_id and device.volume_id in to_delete:
                    await self.volumes.delete(ctx, device.volume_id)
            except ServiceError as error:
                log.warning("volume %s is not released: %s", device.volume_id, error)
                unreleased.add(device.uuid)
        return unreleased


async def release_placement(uow: UnitOfWork, server: Server) -> Server:
    """The server without its allocation on the host and without its address, both free for others.

    One that is offloaded keeps its address.
    That the network was allocated once is recorded (``nova/compute/manager.py: _cleanup_allocated_networks``).
    """
    await hosts.free(uow, server.uuid)
    if server.instance.vm_state == SHELVED_OFFLOADED:
        return server
    if await fixed_ips.release(uow, server.uuid):
        await server_metadata.upsert(uow, "instance_system_metadata", server.uuid, {NETWORK_ALLOCATED: "False"})
    return replace(server, addresses=())


async def record_fault(uow: UnitOfWork, uuid: str, error: BaseException, host: str | None) -> None:
    """The error as the server's fault; its stack is for administrators."""
    status = getattr(error, "status", 500)
    await faults.insert(uow, uuid, status, public_error_text(error), stack_of(error), host)


def public_error_text(error: BaseException) -> str:
    """What a user may read: the message of an error of our own, the class of any other."""
    return error.message if isinstance(error, ServiceError) else type(error).__name__


def stack_of(error: BaseException) -> str:
    """The end of the error's traceback."""
    return "".join(traceback.format_exception(error))[-4000:]
