"""Where a new server may go by its request: zone, host, hints and group, as far as the caller may choose them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stackwire.compute.db import hosts, quotas, server_groups
from stackwire.compute.domain import policy
from stackwire.compute.domain.errors_groups import GroupMemberLimitExceeded
from stackwire.compute.domain.model import HostPlace
from stackwire.compute.domain.model_groups import ServerGroup
from stackwire.compute.domain.requests import CreateServerRequest
from stackwire.compute.domain.server_groups import addmember_payload, group_payload
from stackwire.compute.domain.versioned_objects import destination_object, server_group_object
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.pool import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """``force_hosts``, ``force_nodes``: appended to the zone by an administrator; ``destination``: named since 2.74."""

    zone: str | None = None
    force_hosts: Sequence[str] | None = None
    force_nodes: Sequence[str] | None = None
    destination: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    group: ServerGroup | None = None

    def spec_fields(self, group: ServerGroup | None) -> dict[str, Any]:
        """What a ``RequestSpec`` has of it."""
        return {
            "force_hosts": self.force_hosts,
            "force_nodes": self.force_nodes,
            "requested_destination": destination_object(**self.destination) if self.destination else None,
            "instance_group": server_group_object(group) if group else None,
        }


class ServerPlacement(ApiFlow):
    """``nova/compute/api.py: parse_availability_zone, _validate_host_or_node, _get_requested_instance_group``."""

    async def resolve(self, ctx: RequestContext, request: CreateServerRequest) -> Placement:
        """BadRequest for a zone, a host or a group that is not there; 403 for a host that the caller may not choose."""
        zone, host, node = _parsed(request.availability_zone)
        if host or node:
            self._deps.policy.require(ctx, policy.FORCED_HOST, {"project_id": ctx.project_id})
        destination = self._destination(ctx, request, forced=bool(host or node))
        known = await self._known() if zone or host or destination else []
        _check_destination(destination, known)
        return Placement(
            zone=_zone(zone, host, known),
            force_hosts=[host] if host else None,
            force_nodes=[node] if node else None,
            destination=destination,
            hints=request.scheduler_hints,
            group=await self._group(ctx, request),
        )

    async def _known(self) -> list[HostPlace]:
        async with self._deps.database.read() as session:
            return await hosts.places(session)

    async def _group(self, ctx: RequestContext, request: CreateServerRequest) -> ServerGroup | None:
        uuid = next(iter(request.scheduler_hints.get("group", ())), None)
        if uuid is None:
            return None
        async with self._deps.database.read() as session:
            group = await server_groups.get(session, uuid, None if ctx.is_admin else ctx.project_id or "")
        if group is None:
            raise BadRequest(f"Instance group {uuid} could not be found.")
        return group

    def _destination(self, ctx: RequestContext, request: CreateServerRequest, *, forced: bool) -> dict[str, str]:
        named = {"host": request.host, "node": request.hypervisor_hostname}
        destination = {name: value for name, value in named.items() if value}
        if destination:
            self._deps.policy.require(ctx, policy.REQUESTED_DESTINATION, {"project_id": ctx.project_id})
            if forced:
                raise BadRequest("A host is chosen by host and hypervisor_hostname, or by zone:host:node, not by both.")
        return destination

    async def join(self, uow: UnitOfWork, ctx: RequestContext, placement: Placement, uuid: str) -> None:
        """The new server becomes a member of its group, if any; GroupMemberLimitExceeded."""
        group = placement.group
        if group is None:
            return
        found = await server_groups.get(uow, group.uuid, None)
        if found is None:
            raise BadRequest(f"Instance group {group.uuid} could not be found.")
        limit = (await quotas.strictest(uow, ctx))["server_group_members"]
        if 0 <= limit <= await server_groups.count_members(uow, found, ctx.user_id or ""):
            raise GroupMemberLimitExceeded(allowed=limit)
        await server_groups.add_member(uow, found, uuid)
        after = await server_groups.of_server(uow, uuid) or found
        notifications = self._deps.notifications
        notifications.emit(uow, "servergroup", "servergroup.addmember", addmember_payload(after, uuid), after.uuid)
        notifications.emit_versioned(uow, "api", "server_group.add_member", group_payload(after), after.uuid)


def _zone(zone: str | None, host: str, known: Sequence[HostPlace]) -> str | None:
    """The zone of the forced host, whatever the request says; else the requested one, if a host of it is enabled."""
    own = next((each.zone for each in known if each.host == host), None)
    if own is None and zone is not None and all(each.disabled or each.zone != zone for each in known):
        raise BadRequest("The requested availability zone is not available")
    return own or zone


def _check_destination(destination: Mapping[str, str], known: Sequence[HostPlace]) -> None:
    if not destination:
        return
    found = [each for each in known if destination.get("host", each.host) == each.host]
    if not any(destination.get("node", each.hypervisor_hostname) == each.hypervisor_hostname for each in found):
        raise BadRequest(f"Compute host {', '.join(destination.values())} could not be found.")


def _parsed(zone: str | None) -> tuple[str | None, str, str]:
    """``zone:host:node`` with its parts, of which any may be missing."""
    name, *more = (zone or "").split(":")
    if len(more) > 2:
        raise BadRequest("Invalid input received: Unable to parse availability_zone")
    host, node = (*more, "", "")[:2]
    return name or None, host, node
