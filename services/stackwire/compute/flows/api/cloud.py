"""What the API tells of the cloud itself: limits, quotas, zones, hosts; and the events other services report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stackwire.compute.db import hosts, instances, keypairs, quotas, services
from stackwire.compute.domain import policy
from stackwire.compute.domain.model import Host, ServiceRecord
from stackwire.compute.domain.quotas import DEFAULTS
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import event_object, instance_object
from stackwire.compute.flows.deps import ApiDeps
from stackwire.contracts.compute import ExternalEvent, ServerExternalEvents
from stackwire.contracts.compute_workers import ExternalInstanceEvent
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound

ALIVE = timedelta(seconds=60)  # nova/conf: service_down_time
# event -> the version it came with
EVENTS: Mapping[str, tuple[int, int]] = {
    "network-changed": (2, 1),
    "network-vif-plugged": (2, 1),
    "network-vif-unplugged": (2, 1),
    "network-vif-deleted": (2, 1),
    "volume-extended": (2, 51),
    "power-update": (2, 76),
    "accelerator-request-bound": (2, 82),
    "volume-reimaged": (2, 93),
}


@dataclass(frozen=True, slots=True)
class Reported:
    """An event with what became of it: 200 handed on, 404 no such server, 422 a server on no host."""

    event: ExternalEvent
    code: int


class Cloud:
    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps

    def is_up(self, last_seen_at: datetime | None, forced_down: bool) -> bool:
        return last_seen_at is not None and not forced_down and last_seen_at >= self._deps.database.clock.now() - ALIVE

    # ---- limits and quotas

    async def usage(self, ctx: RequestContext, project_id: str) -> tuple[dict[str, int], dict[str, int]]:
        """Limits and what is used: instances, cores, ram, key pairs of the caller."""
        async with self._deps.database.read() as session:
            limits = await quotas.limits(session, project_id)
            used = await quotas.usage(session, project_id)
            pairs = await keypairs.count(session, ctx.user_id or "")
        return limits, {**used, "key_pairs": pairs}

    async def set_quotas(self, ctx: RequestContext, project_id: str, values: Mapping[str, int], force: bool) -> None:
        """400 below what is used, unless forced; -1 is no limit."""
        self._deps.policy.require(ctx, policy.QUOTAS_CHANGE)
        unknown = values.keys() - DEFAULTS.keys()
        if unknown:
            raise BadRequest(f"There is no quota of {min(unknown)}.")
        async with self._deps.database.work(ctx) as uow:
            used = await quotas.usage(uow, project_id)
            for name, value in values.items():
                if not force and 0 <= value < used.get(name, 0):
                    raise BadRequest(f"Quota limit {value} for {name} must be at least {used[name]}, which are used.")
            await quotas.set_limits(uow, project_id, values)

    async def reset_quotas(self, ctx: RequestContext, project_id: str) -> None:
        self._deps.policy.require(ctx, policy.QUOTAS_CHANGE)
        async with self._deps.database.work(ctx) as uow:
            await quotas.reset_limits(uow, project_id)

    # ---- hosts

    async def services(
        self, ctx: RequestContext, *, host: str | None = None, binary: str | None = None
    ) -> list[ServiceRecord]:
        async with self._deps.database.read() as session:
            return await services.list_all(session, host=host, binary=binary)

    async def nodes(self, *, ident: str | None = None, pattern: str | None = None) -> list[Host]:
        if pattern is not None:
            pattern = re.escape(pattern)
        async with self._deps.database.read() as session:
            return await hosts.list_all(session, ident=ident, pattern=pattern)

    async def servers_on(self, host_names: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        async with self._deps.database.read() as session:
            return await hosts.servers_on(session, host_names)

    @property
    def zone(self) -> str:
        return self._deps.zone

    # ---- events of other services

    async def report(self, ctx: RequestContext, events: Sequence[ExternalEvent]) -> list[Reported]:
        """Hands each event to the host of its server; NotFound when none of them has one."""
        told: list[Reported] = []
        for_hosts: dict[str, list[tuple[Server, ExternalEvent]]] = {}
        async with self._deps.database.work(ctx) as uow:
            for event in events:
                server = await instances.by_uuid(uow, event.server_uuid)
                if server is None or server.instance.host is None:
                    told.append(Reported(event, 404 if server is None else 422))
                    continue
                told.append(Reported(event, 200))
                for_hosts.setdefault(server.instance.host, []).append((server, event))
            for host, pairs in for_hosts.items():
                uow.cast(
                    ExternalInstanceEvent(
                        instances=[instance_object(server) for server, _ in pairs],
                        events=[event_object(event.model_dump()) for _, event in pairs],
                    ),
                    server=host,
                )
        if not for_hosts:
            raise NotFound("No server of these events is on a host.")
        return told

    async def hear(self, ctx: RequestContext, message: ServerExternalEvents) -> None:
        """The same, from the bus: what finds no server is forgotten."""
        try:
            await self.report(ctx, message.events)
        except NotFound:
            return
