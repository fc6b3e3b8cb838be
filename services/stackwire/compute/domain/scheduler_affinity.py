"""Filters that place a server by others: those that a hint names, and those of its group.

``nova/scheduler/filters/affinity_filter.py``.
"""

import ipaddress

from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_model import Needs

AFFINITY, ANTI_AFFINITY = "affinity", "anti-affinity"


def has_other_server(host: Host, needs: Needs) -> str | None:
    """``different_host``: one of these servers is on the host."""
    found = [uuid for uuid in needs.hints.get("different_host", ()) if needs.near.get(uuid) == host.host]
    return f"different_host={found[0]}" if found else None


def lacks_other_server(host: Host, needs: Needs) -> str | None:
    """``same_host``: none of these servers is on the host."""
    named = needs.hints.get("same_host", ())
    found = any(needs.near.get(uuid) == host.host for uuid in named)
    return f"same_host={', '.join(named)}" if named and not found else None


def in_other_network(host: Host, needs: Needs) -> str | None:
    """``build_near_host_ip`` and ``cidr`` (/24 unless given): the host's address is outside of that network."""
    (near, *_), (cidr, *_) = needs.hints.get("build_near_host_ip") or [""], needs.hints.get("cidr") or ["/24"]
    if not near:
        return None
    try:
        inside = ipaddress.ip_address(host.host_ip) in ipaddress.ip_network(f"{near}{cidr}", strict=False)
    except ValueError:
        return f"build_near_host_ip={near} cidr={cidr}, which is no network"
    return None if inside else f"build_near_host_ip={near} cidr={cidr}, the host is {host.host_ip}"


def is_apart(host: Host, needs: Needs) -> str | None:
    """``affinity``: the group has servers, and none on this host."""
    group = needs.group
    if group is None or group.policy != AFFINITY or not group.members or host.host in group.members:
        return None
    return f"group {group.uuid} is on {', '.join(sorted(group.members))}"


def has_too_many(host: Host, needs: Needs) -> str | None:
    """``anti-affinity``: the host has as many servers of the group as it may have."""
    group = needs.group
    if group is None or group.policy != ANTI_AFFINITY or group.members.get(host.host, 0) < group.max_per_host:
        return None
    return f"group {group.uuid} has {group.members[host.host]} of {group.max_per_host} there"
