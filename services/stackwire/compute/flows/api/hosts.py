"""The availability zone, hypervisors and services, mostly for administrators."""

import re
from typing import NoReturn

from stackwire.compute.db import hosts, services, tenant_usage
from stackwire.compute.domain import policy
from stackwire.compute.domain.hypervisors import Hypervisor, ServiceStatus, uptime
from stackwire.compute.domain.model import Host, ServiceRecord
from stackwire.compute.domain.requests import ListHypervisorsRequest
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound, NotSimulated
from stackwire.core.ids import canonical_uuid


class Hosts(ApiFlow):
    """``nova/compute/api.py: HostAPI``."""

    async def list_zones(self, ctx: RequestContext, *, detailed: bool = False) -> list[ServiceStatus]:
        """The services, each with its host's availability zone."""
        self._deps.policy.require(ctx, policy.ZONES_DETAIL if detailed else policy.ZONES)
        return await self._services()

    async def _services(self) -> list[ServiceStatus]:
        async with self._deps.database.read() as session:
            found = await services.list_all(session)
        return [ServiceStatus(service, self._is_up(service)) for service in found]

    def _is_up(self, row: Host | ServiceRecord) -> bool:
        return services.is_up(row, self._deps.database.clock.now())

    async def list_hosts(self, ctx: RequestContext, zone: str | None) -> list[ServiceRecord]:
        """The services that are not disabled, of that availability zone (None or empty: any)."""
        self._deps.policy.require(ctx, policy.COMPUTE_HOSTS)
        async with self._deps.database.read() as session:
            found = await services.list_all(session)
        return [service for service in found if zone in (None, "", service.zone) and not service.disabled]

    async def get_host(self, ctx: RequestContext, name: str) -> tuple[Host, list[tenant_usage.ProjectClaim]]:
        """The host, and what the servers of each project have of it; NotFound."""
        self._deps.policy.require(ctx, policy.COMPUTE_HOSTS)
        host = await self._host(name)
        async with self._deps.database.read() as session:
            return host, await tenant_usage.on_host(session, name)

    async def change_host(self, ctx: RequestContext, name: str) -> NoReturn:
        """NotFound; NotSimulated, as Nova's libvirt driver neither enables, maintains nor reboots a host."""
        self._deps.policy.require(ctx, policy.COMPUTE_HOSTS_CHANGE)
        await self._host(name)
        raise NotSimulated(what="changes of hosts")

    async def _host(self, name: str) -> Host:
        async with self._deps.database.read() as session:
            for host in await hosts.list_all(session):
                if host.host == name:
                    return host
        raise NotFound(f"Host '{name[:100]}' is not mapped to any cell")

    async def list_hypervisors(self, ctx: RequestContext, request: ListHypervisorsRequest) -> list[Hypervisor]:
        """The page. NotFound when no name has the pattern, BadRequest for no marker."""
        self._deps.policy.require(ctx, policy.HYPERVISORS)
        pattern = None if request.pattern is None else re.escape(request.pattern)
        async with self._deps.database.read() as session:
            found = await hosts.list_all(session, pattern=pattern)
        if request.pattern is not None and not found:
            raise NotFound(f"No hypervisor matching '{request.pattern[:100]}' could be found.")
        if request.marker is not None:
            ids = [host.uuid if request.by_uuid else str(host.id) for host in found]
            if request.marker not in ids:
                raise BadRequest(f"marker [{request.marker[:100]}] not found")
            found = found[ids.index(request.marker) + 1 :]
        page = found if request.limit is None else found[: request.limit]
        return await self._hypervisors(page, with_servers=request.with_servers)

    async def get_hypervisor(self, ctx: RequestContext, ident: str, *, by_uuid: bool, with_servers: bool) -> Hypervisor:
        """Of that uuid, or before 2.53 of that number; NotFound, BadRequest for what is no uuid."""
        self._deps.policy.require(ctx, policy.HYPERVISORS)
        if by_uuid and canonical_uuid(ident) is None:
            raise BadRequest(f"Invalid uuid {ident[:100]}")
        async with self._deps.database.read() as session:
            found = await hosts.list_all(session, ident=ident)
        if not found or by_uuid != (found[0].uuid == ident):
            raise NotFound(f"Hypervisor with ID '{ident[:100]}' could not be found.")
        (hypervisor,) = await self._hypervisors(found[:1], with_servers=with_servers)
        return hypervisor

    async def _hypervisors(self, found: list[Host], *, with_servers: bool) -> list[Hypervisor]:
        servers: dict[str, list[tuple[str, int]]] = {}
        if with_servers:
            async with self._deps.database.read() as session:
                servers = await hosts.servers_on(session, [host.host for host in found])
        return [self._hypervisor(host, servers.get(host.host)) for host in found]

    def _hypervisor(self, host: Host, servers: list[tuple[str, int]] | None) -> Hypervisor:
        is_up = self._is_up(host)
        since = uptime(host, self._deps.database.clock.now()) if is_up else None
        return Hypervisor(host, is_up, None if servers is None else tuple(servers), since)
