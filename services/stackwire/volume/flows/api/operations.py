"""What administrators ask of the service itself: its processes, its back ends, and what lies on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stackwire.contracts.volume import InvalidInput
from stackwire.contracts.volume_workers import HOST
from stackwire.core.capabilities import satisfies
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.volume.db import services, volume_types, volumes
from stackwire.volume.domain.errors import HostNotFound, ServiceNotFound
from stackwire.volume.domain.model import ServiceState
from stackwire.volume.domain.notifications import naive
from stackwire.volume.flows.backup_service import BACKUP_BINARY
from stackwire.volume.flows.deps import Flow
from stackwire.volume.flows.pools import BINARY, pool_states

SCHEDULER = "cinder-scheduler"
_SERVICES = "volume_extension:services:"


@dataclass(frozen=True, slots=True)
class Service:
    """A service with its zone and what was changed of it."""

    zone: str
    state: ServiceState


class Operations(Flow):
    """``cinder/api/v3/services.py``, ``cinder/api/contrib/hosts.py, scheduler_stats.py, capabilities.py``."""

    async def list_services(self, ctx: RequestContext, rule: str) -> tuple[list[Service], str | None]:
        """The services, and when they last reported: now."""
        self._deps.require(ctx, rule)
        async with self._deps.database.read() as session:
            states = await services.states(session)
        zones = {(SCHEDULER, HOST): self._deps.zone, **{(BINARY, each.host): each.zone for each in self._deps.backends}}
        zones[BACKUP_BINARY, HOST] = self._deps.zone
        found = [
            Service(zone, states.get((binary, host)) or ServiceState(binary=binary, host=host))
            for (binary, host), zone in zones.items()
        ]
        return found, naive(self._deps.database.clock.now())

    async def set_enabled(
        self, ctx: RequestContext, binary: str, host: str, *, enabled: bool, reason: str | None = None
    ) -> None:
        """A disabled back end gets no new volumes. ServiceNotFound."""
        self._deps.require(ctx, _SERVICES + "update")
        state = await self._state(ctx, binary, host)
        if state is None:
            raise ServiceNotFound(binary=binary, host=host)
        async with self._deps.database.work(ctx) as uow:
            await services.set_state(uow, replace(state, disabled=not enabled, disabled_reason=reason))

    async def set_frozen(self, ctx: RequestContext, host: str, *, frozen: bool) -> None:
        """A frozen back end is disabled, and what is on it stays as it is. InvalidInput."""
        self._deps.require(ctx, _SERVICES + "update")
        self._deps.require(ctx, f"volume:{'freeze' if frozen else 'thaw'}_host")
        state = await self._volume_service(ctx, host)
        if state.frozen is frozen:
            raise InvalidInput(
                reason=f"No service could be changed: frozen in ['{host}'] must be {not frozen} to failover."
            )
        reason = "frozen" if frozen else ""
        async with self._deps.database.work(ctx) as uow:
            await services.set_state(uow, replace(state, frozen=frozen, disabled=frozen, disabled_reason=reason))

    async def fail_over(self, ctx: RequestContext, host: str) -> None:
        """InvalidInput: no back end is replicated."""
        self._deps.require(ctx, _SERVICES + "update")
        self._deps.require(ctx, "volume:failover_host")
        await self._volume_service(ctx, host)
        raise InvalidInput(
            reason=f"No service could be changed: replication_status in ['{host}'] must be enabled or failed-over"
            " and must be up to failover."
        )

    async def _volume_service(self, ctx: RequestContext, host: str) -> ServiceState:
        state = await self._state(ctx, BINARY, host)
        if state is None:
            raise InvalidInput(reason=f"No service found with host={host}")
        return state

    async def _state(self, ctx: RequestContext, binary: str, host: str) -> ServiceState | None:
        found, _ = await self.list_services(ctx, _SERVICES + "index")
        return next((each.state for each in found if (each.state.binary, each.state.host) == (binary, host)), None)

    async def get_host(self, ctx: RequestContext, host: str) -> Sequence[Mapping[str, Any]]:
        """What each project has on a back end: counts and GiB. HostNotFound, ServiceNotFound."""
        self._deps.require(ctx, "volume_extension:hosts")
        if self._deps.backends.at(host) is None or "#" in host:
            raise ServiceNotFound(binary=BINARY, host=host) if host == HOST else HostNotFound(host=host)
        async with self._deps.database.read() as session:
            return await volumes.by_project(session, host)

    async def get_pools(
        self, ctx: RequestContext, *, name: str | None, volume_type: str | None
    ) -> list[tuple[str, dict[str, Any]]]:
        """Each pool of this name, and fit for this type, with its capabilities. VolumeTypeNotFound."""
        self._deps.require(ctx, "scheduler_extension:scheduler_stats:get_pools")
        async with self._deps.database.read() as session:
            specs = (await volume_types.find(session, ctx, volume_type)).extra_specs if volume_type else {}
            pools = await pool_states(self._deps, session)
        now = naive(self._deps.database.clock.now())
        return [
            (pool.host, {**pool.reported(), "timestamp": now})
            for pool in pools
            if name in (None, pool.host) and satisfies(pool.reported(), specs)
        ]

    def get_capabilities(self, ctx: RequestContext, host: str) -> Mapping[str, Any]:
        """Of a back end, or of one of its pools; NotFound for another host."""
        self._deps.require(ctx, "volume_extension:capabilities")
        backend = self._deps.backends.at(host)
        pools = backend.pool_hosts() if backend is not None else {}
        if not pools or ("#" in host and host not in pools):
            raise NotFound(f"Can't find service: {host}")
        return pools.get(host) or next(iter(pools.values()))
