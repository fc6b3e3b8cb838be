"""What servers need of a host: their requests, their group, the servers that hints name, and what the hosts have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stackwire.compute.db import hosts, server_groups, services
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.model_groups import ServerGroup
from stackwire.compute.domain.scheduler_model import GroupNeeds, Limits, Needs, resources
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import data_of
from stackwire.db.pool import UnitOfWork

CHECK = "_nova_check_type"
"""The hint by which the conductor says what it asks for."""


@dataclass(slots=True, kw_only=True)
class HostStates:
    """What is known while the servers of one request are placed, read once; those before count for those after.

    ``nova/scheduler/host_manager.py: HostState``. ``claimed``: the host of each of the servers that has one already;
    ``near``: of each server that a hint names; ``members``: how many others of the group each host has.
    """

    spec: Mapping[str, Any]
    hosts: list[Host]
    down: frozenset[str]
    claimed: Mapping[str, str]
    near: Mapping[str, str]
    group: ServerGroup | None
    members: Counter[str]

    def needs_of(self, server: Server, limits: Limits, images_on: Mapping[str, Any]) -> Needs:
        """What the request, the server, its group and the servers of its hints make of it."""
        hints, image = self.spec.get("scheduler_hints") or {}, data_of(self.spec.get("image") or {})
        rebuild = "rebuild" in hints.get(CHECK, ())
        host = server.instance.host if rebuild else self.claimed.get(server.uuid)
        root = server.root
        local = 0 if root is not None and root.is_volume else server.flavor.root_gb
        return Needs(
            flavor=server.flavor,
            properties=data_of(image.get("properties") or {}),
            image_id=image.get("id"),
            local_gb=local + server.flavor.ephemeral_gb,
            zone=self.spec.get("availability_zone"),
            only=None if host is None else frozenset({host}),
            project_id=server.instance.project_id,
            hints=hints,
            near=self.near,
            group=self._group(),
            down=self.down,
            rebuild=rebuild,
            limits=limits,
            images_on=images_on,
            **_chosen(self.spec, checked=CHECK in hints),
        )

    def _group(self) -> GroupNeeds | None:
        if self.group is None:
            return None
        most = int(self.group.rules.get("max_server_per_host", 1))
        return GroupNeeds(uuid=self.group.uuid, policy=self.group.policy, max_per_host=most, members=dict(self.members))

    def consume(self, server: Server, chosen: Host, needs: Needs) -> None:
        """What the server has of the host from now on (``consume_from_request``)."""
        self.members[chosen.host] += 1
        if server.uuid in self.claimed:  # it is counted already
            return
        wanted = resources(needs)
        after = replace(
            chosen,
            vcpus_used=chosen.vcpus_used + wanted["VCPU"],
            memory_mb_used=chosen.memory_mb_used + wanted["MEMORY_MB"],
            local_gb_used=chosen.local_gb_used + wanted["DISK_GB"],
            claims=[*chosen.claims, wanted],
            running_vms=chosen.running_vms + 1,
            io_workload=chosen.io_workload + 1,
        )
        self.hosts = [after if host.id == after.id else host for host in self.hosts]


async def host_states(uow: UnitOfWork, servers: Sequence[Server], spec: Mapping[str, Any]) -> HostStates:
    """What these servers of one request are placed by."""
    hints = spec.get("scheduler_hints") or {}
    uuids = [server.uuid for server in servers]
    named = [*hints.get("same_host", ()), *hints.get("different_host", ())]
    known = await hosts.list_all(uow)
    claims = await hosts.allocated_to(uow, [*uuids, *named])
    group = await server_groups.of_server(uow, uuids[0])
    return HostStates(
        spec=spec,
        hosts=known,
        down=frozenset(host.host for host in known if not services.is_up(host, uow.now)),
        claimed={uuid: host for uuid, host in claims.items() if uuid in uuids},
        near={uuid: host for uuid, host in claims.items() if uuid in named},
        group=group,
        members=Counter({} if group is None else await server_groups.claims(uow, group.members, uuids)),
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
