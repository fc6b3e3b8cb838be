"""What a process does about the hosts it runs: registration, leases, heartbeats, recovery, the image cache."""

import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from stackwire.compute.db import hosts, instances, moves, services
from stackwire.compute.domain.states import SOFT_DELETED
from stackwire.compute.flows.recovery import Recovery
from stackwire.compute.flows.worker.compute_host import ADDRESS, ComputeHost
from stackwire.compute.flows.worker.image_cache import CachedImages
from stackwire.compute.flows.worker.rebuild_recovery import NotRestoredYet
from stackwire.compute.flows.worker.shelve_instance import ShelveServer
from stackwire.compute.flows.worker.terminate_instance import TerminateServer
from stackwire.compute.settings import ComputeSettings
from stackwire.contracts.base import Endpoint
from stackwire.contracts.compute_workers import SyncInstanceInfo
from stackwire.core.context import RequestContext, system_context
from stackwire.db.errors import DatabaseUnavailable
from stackwire.db.leases import Leases
from stackwire.db.pool import Database

STUCK_AFTER = timedelta(seconds=60)
"""How long a server may stay in a transient state without a change while its host works."""
DELIVERED_AGAIN_WITHIN = timedelta(seconds=10)
"""After a handler was cut off, its message is delivered again; what that has not taken up by then is recovered."""
TRAITS: Mapping[str, tuple[str, ...]] = {
    "x86_64": (
        "HW_ARCH_X86_64",
        "COMPUTE_IMAGE_TYPE_RAW",
        "COMPUTE_IMAGE_TYPE_QCOW2",
        "COMPUTE_STORAGE_BUS_VIRTIO",
        "COMPUTE_STORAGE_BUS_SCSI",
        "COMPUTE_STORAGE_BUS_SATA",
        "COMPUTE_NET_VIF_MODEL_VIRTIO",
        "COMPUTE_RESCUE_BFV",
    )
}
LEASE = "host"
Handler = Callable[[RequestContext, Any], Awaitable[Any]]


class HostService:
    """The hosts of one process. A host whose lease another living process holds is left alone."""

    def __init__(
        self, database: Database, compute_hosts: Sequence[ComputeHost], settings: ComputeSettings, leases: Leases
    ) -> None:
        self.hosts = compute_hosts
        self._database = database
        self._settings = settings
        self._definitions = settings.read_hosts()
        self._leases = leases
        self._kept = AsyncExitStack()
        self._unrecovered: dict[str, datetime] = {}
        self._cut_off: dict[str, datetime] = {}
        self._ctx = system_context("nova")
        self._recoveries = {host.name: Recovery(host) for host in compute_hosts}
        self._end_following = database.clock.follow(self._report)

    async def register(self) -> None:
        """Writes the hosts' rows, and claims their leases.

        What is claimed is summed anew: during an upgrade a process may have claimed that knows of no sums.
        """
        async with self._database.work(self._ctx) as uow:
            await hosts.lock_allocations(uow)
            await hosts.sum_anew(uow)
        for host in self.hosts:
            async with self._database.work(self._ctx) as uow:
                await hosts.register(uow, self._capacity(host))
                await services.register(uow, _stable_uuid(f"service:{host.name}"), host.name)
            await self._claim(host)

    async def restored(self) -> None:
        """After other rows were put back: these hosts are there, this process's, and report that they are up."""
        for host in self.hosts:
            host.expected_events.clear()
            host.live_migrations.clear()
            async with self._database.work(self._ctx) as uow:
                await hosts.register(uow, self._capacity(host))
                await services.register(uow, _stable_uuid(f"service:{host.name}"), host.name)
        async with self._database.read() as session:
            await self._leases.restore(session)
            await services.report(session, [host.name for host in self._held()], self._database.clock.now())

    async def _claim(self, host: ComputeHost) -> None:
        """The host's lease, unless another living process has it; what its last process left is recovered then."""
        held = self._leases.holds(LEASE, host.name)
        async with self._database.work(self._ctx) as uow:
            claimed = held or await self._leases.claim(uow, LEASE, host.name)
            if claimed:
                await services.report(uow, [host.name], uow.now)
                self._unrecovered[host.name] = uow.now
        if claimed and not held:
            await self._kept.enter_async_context(self._leases.keep(LEASE, host.name))
        await self._remove_orphaned_disks(host)

    async def _remove_orphaned_disks(self, host: ComputeHost) -> None:
        """Disks of servers that are not on the host any more."""
        async with self._database.read() as session:
            known = {instance.uuid for instance in await instances.on_host(session, host.name)}
            known |= {migration.instance_uuid for migration in await moves.unfinished_on(session, host.name)}
        for server_uuid in await host.disks.servers() - known:
            if not host.locks.busy(server_uuid):
                await host.disks.remove(server_uuid)

    def _held(self) -> Iterator[ComputeHost]:
        return (host for host in self.hosts if self._leases.holds(LEASE, host.name))

    async def run(self) -> None:
        """A heartbeat; then recovery of what an earlier process left, and of what has been stuck for too long."""
        await self._report(self._database.clock.now())
        for host in self.hosts:
            if not self._leases.holds(LEASE, host.name):
                await self._claim(host)
        for host in self._held():
            await self._recover(host)

    async def _report(self, now: datetime) -> None:
        async with self._database.read() as session:
            await services.report(session, [host.name for host in self._held()], now)

    def guarded(self, host: ComputeHost, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
        """The endpoints of the host; what an outage of the database, or of the volume service, cuts off in them is
        recovered soon after it."""

        def guard(handler: Handler) -> Handler:
            async def handle(ctx: RequestContext, message: Any) -> Any:
                try:
                    return await handler(ctx, message)
                except (DatabaseUnavailable, NotRestoredYet):
                    self._cut_off[host.name] = self._database.clock.now()
                    raise

            return handle

        return [replace(endpoint, handler=guard(endpoint.handler)) for endpoint in endpoints]

    async def _recover(self, host: ComputeHost) -> None:
        since = self._unrecovered.pop(host.name, None) or self._pop_cut_off(host)
        before = since or self._database.clock.earlier(STUCK_AFTER)
        recovered = await self._recoveries[host.name].run(self._ctx, before)
        if since is not None and not recovered:
            self._unrecovered[host.name] = since
        now = self._database.clock.now()
        await ShelveServer(host).offload_old(self._ctx, now)
        if self._settings.reclaim_instance_interval > 0:
            await self._reclaim(host, now - timedelta(seconds=self._settings.reclaim_instance_interval))

    def _pop_cut_off(self, host: ComputeHost) -> datetime | None:
        """When a handler of the host was last cut off, if its message has had time to be delivered again."""
        cut_off = self._cut_off.get(host.name)
        if cut_off is None or cut_off > self._database.clock.earlier(DELIVERED_AGAIN_WITHIN):
            return None
        return self._cut_off.pop(host.name)

    async def _reclaim(self, host: ComputeHost, before: datetime) -> None:
        """Servers that were deleted before that time are deleted for good. ``_reclaim_queued_deletes``."""
        async with self._database.read() as session:
            found = await instances.TABLE.find(session, host=host.name, vm_state=SOFT_DELETED, task_state=None)
        for instance in found:
            if instance.deleted_at is None or instance.deleted_at < before:
                await TerminateServer(host).terminate(self._ctx, instance.uuid)

    async def run_image_cache_manager_pass(self) -> None:
        """Deletes images that no server of a host uses, some time after their last use, and those that are no more."""
        age = timedelta(seconds=self._settings.remove_unused_original_minimum_age_seconds)
        for host in self._held():
            async with self._database.read() as session:
                used = {instance.image_ref for instance in await instances.on_host(session, host.name)}
            await host.disks.images.expire(used, self._database.clock.now() - age)
            await CachedImages(host).compare()

    async def sync(self) -> None:
        """Every scheduler receives which servers a host has."""
        for host in self._held():
            async with self._database.work(self._ctx) as uow:
                uuids = [instance.uuid for instance in await instances.on_host(uow, host.name)]
                uow.fanout(SyncInstanceInfo(host_name=host.name, instance_uuids=uuids))

    async def close(self) -> None:
        """The hosts are free for the next process at once."""
        self._end_following()
        await self._kept.aclose()

    def _capacity(self, host: ComputeHost) -> dict[str, Any]:
        settings, own = self._settings, self._definitions[host.name]
        arch = own.arch or settings.host_arch
        return {
            "uuid": _stable_uuid(f"node:{host.name}"),
            "host": host.name,
            "hypervisor_hostname": host.node,
            "hypervisor_type": own.hypervisor_type,
            "hypervisor_version": own.hypervisor_version,
            "host_ip": str(own.host_ip or ADDRESS),
            "vcpus": own.vcpus or settings.host_vcpus,
            "memory_mb": own.memory_mb or settings.host_memory_mb,
            "local_gb": own.disk_gb or settings.host_disk_gb,
            "cpu_info": {"arch": arch, "model": "simulated", "vendor": "stackwire", **own.cpu_info},
            "traits": sorted({*TRAITS.get(arch, ()), *settings.host_traits, *own.traits}),
            "zone": settings.default_zone,
            "inventory": own.resources,
            "capabilities": own.capabilities,
            "numa": [cell.model_dump() for cell in own.numa],
            "started_at": self._database.clock.now(),
        }


def _stable_uuid(name: str) -> str:
    """The same id in every process that runs the host."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"stackwire:{name}"))
