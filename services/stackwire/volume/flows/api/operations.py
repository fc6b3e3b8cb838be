"""What administrators ask of the service itself: its processes, its back end, and what lies on it."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.contracts.volume_workers import BACKEND, HOST, POOL
from stackwire.core.capabilities import satisfies
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.volume.db import volume_types, volumes
from stackwire.volume.domain.capabilities import CAPABILITIES
from stackwire.volume.domain.errors import ServiceNotFound
from stackwire.volume.domain.notifications import naive
from stackwire.volume.flows.deps import Flow

SERVICES = {"cinder-scheduler": HOST, "cinder-volume": BACKEND}


class Operations(Flow):
    """``cinder/api/contrib/services.py, hosts.py, scheduler_stats.py, capabilities.py``."""

    def list_services(self, ctx: RequestContext, rule: str) -> tuple[str, Mapping[str, str], str | None]:
        """The zone, the host of each service by its binary, and when they last reported: now."""
        self._deps.require(ctx, rule)
        return self._deps.zone, SERVICES, naive(self._deps.database.clock.now())

    async def get_host(self, ctx: RequestContext, host: str) -> Sequence[Mapping[str, Any]]:
        """What each project has on a host: counts and GiB. ServiceNotFound."""
        self._deps.require(ctx, "volume_extension:hosts")
        if host not in (HOST, BACKEND):
            raise ServiceNotFound(host=host)
        async with self._deps.database.read() as session:
            return await volumes.by_project(session)

    async def get_pools(
        self, ctx: RequestContext, *, name: str | None, volume_type: str | None
    ) -> list[tuple[str, dict[str, Any]]]:
        """Each pool of this name, and fit for this type, with its capabilities. VolumeTypeNotFound."""
        self._deps.require(ctx, "scheduler_extension:scheduler_stats:get_pools")
        async with self._deps.database.read() as session:
            specs = (await volume_types.find(session, ctx, volume_type)).extra_specs if volume_type else {}
            allocated = sum(row["total_volume_gb"] for row in await volumes.by_project(session))
        if name not in (None, POOL) or not satisfies(CAPABILITIES, specs):
            return []
        used = {"allocated_capacity_gb": allocated, "provisioned_capacity_gb": allocated}
        return [(POOL, {**CAPABILITIES, **used, "timestamp": naive(self._deps.database.clock.now())})]

    def get_capabilities(self, ctx: RequestContext, host: str) -> Mapping[str, Any]:
        """Of the back end; NotFound for another host."""
        self._deps.require(ctx, "volume_extension:capabilities")
        if host not in (BACKEND, POOL):
            raise NotFound(f"Can't find service: {host}")
        return CAPABILITIES
