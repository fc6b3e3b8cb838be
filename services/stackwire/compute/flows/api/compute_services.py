"""The daemons of compute hosts: enabled, disabled with a reason, forced down, deleted. Mostly for administrators."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from stackwire.compute.db import aggregates, hosts, moves, services
from stackwire.compute.db.services import COMPUTE_BINARY
from stackwire.compute.domain import policy
from stackwire.compute.domain.errors_groups import ServiceNotFound
from stackwire.compute.domain.hypervisors import ServiceStatus
from stackwire.compute.domain.migration_states import EVACUATION
from stackwire.compute.domain.model import ServiceRecord
from stackwire.compute.flows.deps import ApiFlow
from stackwire.contracts.events_hosts import ServiceStatusPayload
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict
from stackwire.db.pool import UnitOfWork

SERVICE_VERSION = 74
"""``nova/objects/service.py: SERVICE_VERSION`` of the recorded release."""


class ComputeServices(ApiFlow):
    """``nova/api/openstack/compute/services.py``, ``nova/compute/api.py: HostAPI.service_update``."""

    async def list_all(self, ctx: RequestContext, *, host: str | None, binary: str | None) -> list[ServiceStatus]:
        """Of that host and binary (None: any)."""
        self._deps.policy.require(ctx, policy.SERVICES)
        async with self._deps.database.read() as session:
            found = await services.list_all(session, host=host, binary=binary)
        return [ServiceStatus(service, services.is_up(service, self._deps.database.clock.now())) for service in found]

    async def update_named(self, ctx: RequestContext, host: str, binary: str, changes: Mapping[str, Any]) -> None:
        """By host and binary, until 2.52; BadRequest for another binary than nova-compute."""
        self._deps.policy.require(ctx, policy.SERVICES_UPDATE)
        _require_compute(binary)
        async with self._deps.database.work(ctx) as uow:
            found = await services.list_all(uow, host=host, binary=binary)
            if not found:
                raise ServiceNotFound(service_id=f"{binary} on host {host}")
            await self._change(uow, found[0], changes)

    async def update(self, ctx: RequestContext, uuid: str, changes: Mapping[str, Any]) -> ServiceStatus:
        """By its uuid, since 2.53."""
        self._deps.policy.require(ctx, policy.SERVICES_UPDATE)
        async with self._deps.database.work(ctx) as uow:
            service = await self._find(uow, uuid)
            _require_compute(service.binary)
            if not changes:
                raise BadRequest("No updates were requested: status or forced_down should be given.")
            await self._change(uow, service, changes)
            after = await self._find(uow, uuid)
            return ServiceStatus(after, services.is_up(after, uow.now))

    async def _change(self, uow: UnitOfWork, service: ServiceRecord, changes: Mapping[str, Any]) -> None:
        """No host is forced up whose evacuated servers it has not given up yet."""
        if changes.get("forced_down") is False and await moves.TABLE.find(
            uow, source_compute=service.host, migration_type=EVACUATION, status="done"
        ):
            raise BadRequest(f"Host {service.host} has evacuations that it does not know of: start it before that.")
        await services.update(uow, service.uuid, **changes)
        self._announce(uow, "update", await self._find(uow, service.uuid))

    async def delete(self, ctx: RequestContext, ident: str, *, by_uuid: bool) -> None:
        """With its host, which leaves its aggregates; Conflict while it has servers or migrations."""
        self._deps.policy.require(ctx, policy.SERVICES_DELETE)
        async with self._deps.database.work(ctx) as uow:
            await hosts.lock_allocations(uow)
            service = await self._find(uow, ident, by_uuid=by_uuid)
            if (await hosts.servers_on(uow, [service.host]))[service.host] or await hosts.has_claims(uow, service.host):
                raise Conflict("The compute service hosts servers: migrate or delete them first.")
            if await moves.unfinished_on(uow, service.host):
                raise Conflict("The compute service has migrations in progress: complete them first.")
            for aggregate in await aggregates.TABLE.find(uow):
                if service.host in aggregate.hosts:
                    others = [name for name in aggregate.hosts if name != service.host]
                    await aggregates.TABLE.update(uow, aggregate.id, hosts=others)
            await services.delete(uow, service.uuid, service.host)
            self._announce(uow, "delete", service)

    async def _find(self, uow: UnitOfWork, ident: str, *, by_uuid: bool = True) -> ServiceRecord:
        for service in await services.list_all(uow, ident=ident):
            if ident == (service.uuid if by_uuid else str(service.id)):
                return service
        raise ServiceNotFound(service_id=ident[:100])

    def _announce(self, uow: UnitOfWork, verb: str, service: ServiceRecord) -> None:
        """As the service itself would, though it is the API that does."""
        heartbeat = service.updated_at
        data = attributes(service, "host binary topic report_count disabled disabled_reason forced_down uuid") | {
            "availability_zone": None,
            "last_seen_up": None if heartbeat is None else heartbeat.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "version": SERVICE_VERSION,
        }
        publisher = self._deps.notifications.on(service.host)
        publisher.emit_versioned(uow, "compute", f"service.{verb}", ServiceStatusPayload.around(data), service.uuid)


def _require_compute(binary: str) -> None:
    if binary != COMPUTE_BINARY:
        raise BadRequest(f"A {binary[:100]} service cannot be updated, a {COMPUTE_BINARY} service can.")
