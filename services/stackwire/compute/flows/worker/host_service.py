"""What a host does about itself: signs of life, and the servers an earlier life of it left half-way.

``nova/compute/manager.py: _init_instance``: what was being built or rebuilt is in error, a snapshot that was being
taken is forgotten, a deletion goes on, power follows what was asked.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from stackwire.compute.db import hosts, instances, parts, recovery_queries
from stackwire.compute.domain import states
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.worker.attach_volume import Attach
from stackwire.compute.flows.worker.compute_host import Hosting, forsake, record
from stackwire.compute.flows.worker.power import REBOOTS, TURNS, Power
from stackwire.compute.flows.worker.rebuild_recovery import mend
from stackwire.compute.flows.worker.terminate_instance import Delete
from stackwire.compute.settings import ComputeSettings
from stackwire.contracts.compute_workers import SyncInstanceInfo
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database

log = logging.getLogger(__name__)
PATIENCE = timedelta(seconds=60)  # how long a server may stand still while a host works on it
ONE_SERVER = 15.0  # seconds
HYPERVISOR, VERSION = "QEMU", 8_002_000
TRAITS: Mapping[str, tuple[str, ...]] = {
    "x86_64": ("HW_ARCH_X86_64", "COMPUTE_IMAGE_TYPE_RAW", "COMPUTE_IMAGE_TYPE_QCOW2", "COMPUTE_STORAGE_BUS_VIRTIO",
               "COMPUTE_STORAGE_BUS_SCSI", "COMPUTE_STORAGE_BUS_SATA", "COMPUTE_NET_VIF_MODEL_VIRTIO"),
}  # fmt: skip
BUILDING = frozenset({states.SCHEDULING, states.NETWORKING, states.BLOCK_DEVICE_MAPPING, states.SPAWNING})
REBUILDING = frozenset({states.REBUILDING, states.REBUILD_BLOCK_DEVICE_MAPPING, states.REBUILD_SPAWNING})
SNAPSHOT = frozenset(
    {states.SNAPSHOT_PENDING, states.SNAPSHOTTING, states.SNAPSHOT_UPLOAD_PENDING, states.SNAPSHOT_UPLOADING}
)
REBOOT = frozenset(task for tasks in REBOOTS.values() for task in tasks)


class Interrupted(ServiceError, wire="nova.exception.HostInterrupted"):
    """The host stopped while the server was in {task}."""


class Life:
    """One process's hosts. ``process`` names it: another one that speaks for the same hosts leaves them alone."""

    def __init__(
        self, database: Database, hostings: Sequence[Hosting], settings: ComputeSettings, process: str
    ) -> None:
        self._database = database
        self._hostings = hostings
        self._settings = settings
        self._process = process
        self._mine: set[str] = set()
        self._new: dict[str, datetime] = {}

    async def register(self) -> None:
        """The hosts' rows, and this process as who speaks for them."""
        ctx = system_context("nova")
        for hosting in self._hostings:
            async with self._database.work(ctx) as uow:
                await hosts.register(uow, self._capacity(hosting), _named(f"service:{hosting.host}"))
            await self._claim(ctx, hosting)

    async def _claim(self, ctx: RequestContext, hosting: Hosting) -> None:
        async with self._database.work(ctx) as uow:
            lease = timedelta(seconds=self._settings.lease_seconds)
            alone = self._settings.amqp_url == "memory"
            if await hosts.claim(uow, hosting.host, self._process, lease=lease, alone=alone):
                self._mine.add(hosting.host)
                self._new[hosting.host] = uow.now
        await self._tidy(hosting)

    async def _tidy(self, hosting: Hosting) -> None:
        """Disks of servers that are not on the host any more."""
        async with self._database.read() as session:
            known = {instance.uuid for instance in await recovery_queries.on_host(session, hosting.host)}
        for uuid_ in await hosting.disks.servers() - known:
            if not hosting.busy_with(uuid_):
                await hosting.disks.remove(uuid_)

    async def run(self) -> None:
        """A sign of life; then what an earlier process left half-way, and what has stood still too long."""
        ctx = system_context("nova")
        await hosts.beat(self._database, self._process)
        for hosting in self._hostings:
            if hosting.host not in self._mine:
                await self._claim(ctx, hosting)
            if hosting.host in self._mine:
                new = self._new.pop(hosting.host, None)
                before = new or self._database.clock.now() - PATIENCE
                done = await self._settle(ctx, hosting, before) and await self._forget(ctx, hosting, before)
                if new is not None and not done:
                    self._new[hosting.host] = new
                await self._let_go(ctx, hosting)

    async def _forget(self, ctx: RequestContext, hosting: Hosting, before: datetime) -> bool:
        """Devices reserved by somebody who died; False when one is left for the next round."""
        async with self._database.read() as session:
            devices = await recovery_queries.unasked(session, hosting.host, before)
        try:
            for device in devices:
                async with asyncio.timeout(ONE_SERVER):
                    await Attach(hosting).forget_unasked(ctx, device)
        except (ServiceError, TimeoutError) as error:
            log.warning("a device of instance %s stays: %s", device.instance_uuid, error)
            return False
        return True

    async def _let_go(self, ctx: RequestContext, hosting: Hosting) -> None:
        """Volumes of servers that are gone, once the volume service answers again."""
        async with self._database.read() as session:
            devices = await recovery_queries.left_behind(session, hosting.host)
        made = {device.volume_id for device in devices if device.volume_id and device.delete_on_termination}
        for device in devices:
            try:
                async with asyncio.timeout(ONE_SERVER):
                    left = await hosting.let_go(ctx, [device], made)
            except TimeoutError:
                return
            if not left:
                async with self._database.work(ctx) as uow:
                    await parts.drop_device(uow, device.uuid)

    async def forget_images(self) -> None:
        """Images kept for no server of a host, once nobody asked for them in a while: a cache has an end."""
        for hosting in self._hostings:
            if hosting.host in self._mine:
                async with self._database.read() as session:
                    used = {instance.image_ref for instance in await recovery_queries.on_host(session, hosting.host)}
                await hosting.disks.forget(used, self._settings.image_cache_minimum_age)

    async def close(self) -> None:
        """The hosts are free for the next process at once."""
        await hosts.release(self._database, self._process)

    async def _settle(self, ctx: RequestContext, hosting: Hosting, before: datetime) -> bool:
        """False when some server is left for the next round."""
        done = True
        async with self._database.read() as session:
            stuck = await recovery_queries.under_way(session, [hosting.host], before)
            found = [await instances.by_uuid(session, one.uuid) for one in stuck]
        for server in found:
            if server is None:
                continue
            if hosting.busy_with(server.uuid):  # an order told again, which may leave the server as it found it
                done = False
                continue
            now = await hosting.find(server.uuid)
            if now is None or now.instance != server.instance:  # it moved while others were settled
                continue
            try:
                async with asyncio.timeout(ONE_SERVER):
                    await settle(ctx, hosting, now)
            except (ServiceError, TimeoutError) as error:  # the next round tries again
                log.warning("instance %s stays in %s: %s", server.uuid, server.instance.task_state, error)
                done = False
        return done

    async def sync(self) -> None:
        """Every scheduler is told which servers a host has."""
        ctx = system_context("nova")
        for hosting in self._hostings:
            if hosting.host in self._mine:
                async with self._database.work(ctx) as uow:
                    uuids = [one.uuid for one in await recovery_queries.on_host(uow, hosting.host)]
                    uow.fanout(SyncInstanceInfo(host_name=hosting.host, instance_uuids=uuids))

    def _capacity(self, hosting: Hosting) -> dict[str, Any]:
        settings = self._settings
        return {
            "uuid": _named(f"node:{hosting.host}"),
            "host": hosting.host,
            "hypervisor_hostname": hosting.node,
            "hypervisor_type": HYPERVISOR,
            "hypervisor_version": VERSION,
            "host_ip": "127.0.0.1",
            "vcpus": settings.host_vcpus,
            "memory_mb": settings.host_memory_mb,
            "local_gb": settings.host_disk_gb,
            "cpu_info": {"arch": settings.host_arch, "model": "simulated", "vendor": "stackwire"},
            "traits": sorted({*TRAITS.get(settings.host_arch, ()), *settings.host_traits}),
            "zone": settings.default_zone,
        }


async def settle(ctx: RequestContext, hosting: Hosting, server: Server) -> None:
    """One server that somebody left half-way, by what it was doing."""
    task, vm_state = server.instance.task_state, server.instance.vm_state
    if task == states.DELETING:
        await Delete(hosting).delete(ctx, server.uuid)
    elif vm_state == states.BUILDING or task in BUILDING:
        async with hosting.alone_with(server.uuid):
            await _unbuild(ctx, hosting, server)
    elif task in REBUILDING:
        async with hosting.alone_with(server.uuid):
            await mend(ctx, hosting, server)
            await _put(ctx, hosting, server, states.ERROR)
    elif task in REBOOT:
        await _put(ctx, hosting, server, states.ACTIVE, power_state=states.POWER["running"])
    else:
        turn = next((turn for turn in TURNS.values() if turn.task == task), None)
        if turn is not None:
            await Power(hosting).turn(ctx, server.uuid, turn)
        else:
            await _put(ctx, hosting, server, None)


async def _unbuild(ctx: RequestContext, hosting: Hosting, server: Server) -> None:
    """In error and on no host. What could not be let go keeps its attachment: the server's end lets go of it."""
    await hosting.disks.remove(server.uuid)
    held = [device for device in server.devices if device.is_volume and device.attachment_id]
    left = await hosting.let_go(ctx, held)
    async with hosting.database.work(ctx) as uow:
        for device in held:
            if device.uuid not in left:
                await parts.change_device(uow, device.uuid, attachment_id=None, connection_info=None)
    await _put(ctx, hosting, server, states.ERROR, host=None, node=None)


async def _put(ctx: RequestContext, hosting: Hosting, server: Server, vm_state: str | None, **changes: Any) -> None:
    """At rest, in ``vm_state`` (None: as it was); an error has its fault."""
    values: dict[str, Any] = {"task_state": None, **changes} | ({"vm_state": vm_state} if vm_state else {})
    async with hosting.database.work(ctx) as uow:
        moved = await instances.move(
            uow, server.uuid, vm_states=[server.instance.vm_state], task_states=[server.instance.task_state], **values
        )
        if moved is None:
            return
        after = replace(server, instance=moved)
        if moved.host is None:
            after = await forsake(uow, after)
        if vm_state == states.ERROR:
            await record(uow, server.uuid, Interrupted(task=server.instance.task_state or "building"), hosting.host)
        hosting.events.announce(uow, server, after)


def _named(name: str) -> str:
    """The same id in every process that speaks for the host."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"stackwire:{name}"))
