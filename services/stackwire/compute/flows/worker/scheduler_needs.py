"""What a server needs of a host, from its request, its group and the servers that its hints name."""

from collections.abc import Mapping
from typing import Any

from stackwire.compute.db import hosts, server_groups, services
from stackwire.compute.domain.scheduler_model import GroupNeeds, Needs
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import data_of
from stackwire.db.pool import UnitOfWork

CHECK = "_nova_check_type"
"""The hint by which the conductor says what it asks for."""


async def needs_of(uow: UnitOfWork, server: Server, spec: Mapping[str, Any]) -> Needs:
    """What the request, the server, its group and the servers of its hints make of it."""
    hints = spec.get("scheduler_hints") or {}
    rebuild = "rebuild" in hints.get(CHECK, ())
    claimed = (await hosts.allocated_to(uow, [server.uuid])).get(server.uuid)
    host = server.instance.host if rebuild else claimed
    root = server.root
    local = 0 if root is not None and root.is_volume else server.flavor.root_gb
    return Needs(
        flavor=server.flavor,
        properties=data_of(data_of(spec.get("image") or {}).get("properties") or {}),
        local_gb=local + server.flavor.ephemeral_gb,
        zone=spec.get("availability_zone"),
        only=None if host is None else frozenset({host}),
        project_id=server.instance.project_id,
        hints=hints,
        near=await hosts.allocated_to(uow, [*hints.get("same_host", ()), *hints.get("different_host", ())]),
        group=await _group(uow, server),
        down=frozenset(each.host for each in await hosts.list_all(uow) if not services.is_up(each, uow.now)),
        rebuild=rebuild,
        **_chosen(spec, checked=CHECK in hints),
    )


def _chosen(spec: Mapping[str, Any], *, checked: bool) -> dict[str, Any]:
    """The host and the hypervisor that the request names, and those it leaves out; ``checked``: filtered even so."""
    host, node = (next(iter(spec.get(name) or ()), None) for name in ("force_hosts", "force_nodes"))
    destination = data_of(spec.get("requested_destination") or {})
    return {
        "destination": host or destination.get("host"),
        "node": node or destination.get("node"),
        "ignored": frozenset(spec.get("ignore_hosts") or ()),
        "forced": not checked and bool(host or node),
    }


async def _group(uow: UnitOfWork, server: Server) -> GroupNeeds | None:
    group = await server_groups.of_server(uow, server.uuid)
    if group is None:
        return None
    members = await server_groups.claims(uow, group.members, server.uuid)
    most = int(group.rules.get("max_server_per_host", 1))
    return GroupNeeds(uuid=group.uuid, policy=group.policy, max_per_host=most, members=members)
