"""What every flow of a compute host works with, and the steps they share."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from stackwire.compute.backends.disks import Disks
from stackwire.compute.backends.images import Images
from stackwire.compute.backends.volumes import Volumes
from stackwire.compute.db import actions, fixed_ips, hosts, instances, parts
from stackwire.compute.domain import states
from stackwire.compute.domain.addresses import Network
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.notifications import Events
from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database, UnitOfWork

log = logging.getLogger(__name__)
NETWORK_ALLOCATED = "network_allocated"  # a row of the system metadata, while a server with an address is built


class Overtaken(Exception):
    """The server is no longer where this work left it: somebody deleted it, or reset its state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """One compute host. ``locks``: one piece of work at a time on each server; ``heard``: who waits for which event."""

    host: str
    node: str
    database: Database
    events: Events
    disks: Disks
    images: Images
    volumes: Volumes
    behaviours: Behaviours
    zone: str
    network: Network
    make_mac: Callable[[], str]
    access_network: str
    reimage_seconds_per_gb: float
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    heard: dict[tuple[str, str, str | None], "asyncio.Future[str]"] = field(default_factory=dict)

    @asynccontextmanager
    async def alone_with(self, uuid: str) -> AsyncIterator[None]:
        """Nothing else happens to the server here meanwhile."""
        lock = self.locks.setdefault(uuid, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and not getattr(lock, "_waiters", None):
                self.locks.pop(uuid, None)

    def busy_with(self, uuid: str) -> bool:
        return uuid in self.locks

    async def find(self, uuid: str) -> Server | None:
        async with self.database.read() as session:
            return await instances.by_uuid(session, uuid)

    # ---- steps

    async def step(
        self,
        uow: UnitOfWork,
        server: Server,
        tasks: Collection[str | None],
        *,
        vm_states: Collection[str] | None = None,
        tell: bool = True,
        **changes: Any,
    ) -> Server:
        """Moves the server on and says so; Overtaken when it is not where it was left."""
        moved = await instances.move(uow, server.uuid, vm_states=vm_states, task_states=tasks, **changes)
        if moved is None:
            raise Overtaken(server.uuid)
        after = replace(server, instance=moved)
        if tell:
            self.events.announce(uow, server, after)
        return after

    async def again(self, uow: UnitOfWork, server: Server) -> Server:
        """With its parts as they are now."""
        return await instances.by_uuid(uow, server.uuid) or server

    # ---- when it goes wrong

    async def fail(
        self,
        ctx: RequestContext,
        server: Server,
        event: str,
        error: BaseException,
        *,
        vm_state: str | None = states.ERROR,
        homeless: bool = False,
        **changes: Any,
    ) -> Server | None:
        """The server to ``error`` (``vm_state`` None: as it was), at rest, with a fault. None: it is gone, or going."""
        values: dict[str, Any] = {"task_state": None, **changes}
        if vm_state is not None:
            values["vm_state"] = vm_state
        if homeless:
            values |= {"host": None, "node": None}
        async with self.database.work(ctx) as uow:
            now = await self.again(uow, server)
            if now.instance.task_state == states.DELETING:
                await actions.end_event(uow, server.uuid, event, error=said(error))
                return None
            moved = await instances.change(uow, server.uuid, **values)
            if moved is None:
                return None
            after = replace(now, instance=moved)
            if homeless:
                after = await forsake(uow, after)
            await record(uow, server.uuid, error, self.host)
            await actions.end_event(uow, server.uuid, event, error=said(error), trace=trace_of(error))
            self.events.announce(uow, now, after)
        return after

    async def let_go(
        self, ctx: RequestContext, devices: Collection[BlockDevice], made: Collection[str] = ()
    ) -> set[str]:
        """Volumes off the server; those in ``made`` go altogether. Answers the ids of devices that could not be
        let go now."""
        left: set[str] = set()
        for device in devices:
            try:
                if device.attachment_id:
                    await self.volumes.release(ctx, device.attachment_id)
                if device.volume_id and device.volume_id in made:
                    await self.volumes.delete(ctx, device.volume_id)
            except ServiceError as error:
                log.warning("volume %s stays: %s", device.volume_id, error)
                left.add(device.uuid)
        return left


async def forsake(uow: UnitOfWork, server: Server) -> Server:
    """Without the place on its host and the address it had, both free for others.

    That the network was allocated once is remembered (``nova/compute/manager.py: _cleanup_allocated_networks``).
    """
    await hosts.free(uow, server.uuid)
    if await fixed_ips.release(uow, server.uuid):
        await parts.put(uow, "instance_system_metadata", server.uuid, {NETWORK_ALLOCATED: "False"})
    return replace(server, addresses=())


async def record(uow: UnitOfWork, uuid: str, error: BaseException, host: str | None) -> None:
    status = getattr(error, "status", 500)
    await parts.add_fault(uow, uuid, status, said(error), trace_of(error), host)


def said(error: BaseException) -> str:
    """What a user may read: our own errors' words, for others only their kind."""
    return error.message if isinstance(error, ServiceError) else type(error).__name__


def trace_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-4000:]
