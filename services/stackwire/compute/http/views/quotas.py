"""Limits and quotas as each version shows them. ``nova/api/openstack/compute/views/limits.py``."""

from collections.abc import Mapping
from typing import Any

from stackwire.compute.domain.quotas import quota_set
from stackwire.http.microversions import Microversion

_ABSOLUTE = {
    "maxServerMeta": "metadata_items",
    "maxTotalInstances": "instances",
    "maxTotalCores": "cores",
    "maxTotalRAMSize": "ram",
    "maxTotalKeypairs": "key_pairs",
    "maxServerGroups": "server_groups",
    "maxServerGroupMembers": "server_group_members",
}
_NETWORK = {
    "maxTotalFloatingIps": "floating_ips",
    "maxSecurityGroups": "security_groups",
    "maxSecurityGroupRules": "security_group_rules",
}
_INJECTION = {"maxPersonality": "injected_files", "maxPersonalitySize": "injected_file_content_bytes"}
_USED = {"totalInstancesUsed": "instances", "totalCoresUsed": "cores", "totalRAMUsed": "ram"}


def limits_view(limits: Mapping[str, int], used: Mapping[str, int], version: Microversion) -> dict[str, Any]:
    """Networks went in 2.36, images in 2.39, personalities in 2.57."""
    absolute = {name: limits[resource] for name, resource in _ABSOLUTE.items()}
    absolute |= {name: used[resource] for name, resource in _USED.items()} | {
        "totalServerGroupsUsed": used["server_groups"]
    }
    if version < (2, 36):
        absolute |= {name: limits[resource] for name, resource in _NETWORK.items()}
        absolute |= {"totalFloatingIpsUsed": 0, "totalSecurityGroupsUsed": 0}
    if version < (2, 39):
        absolute["maxImageMeta"] = limits["metadata_items"]
    if version < (2, 57):
        absolute |= {name: limits[resource] for name, resource in _INJECTION.items()}
    return {"limits": {"rate": [], "absolute": absolute}}


def quota_set_view(project_id: str, limits: Mapping[str, int], version: Microversion) -> dict[str, Any]:
    """A project's limits."""
    return {"quota_set": {"id": project_id, **quota_set(limits, version)}}


def quota_usage_view(
    project_id: str, limits: Mapping[str, int], used: Mapping[str, int], version: Microversion
) -> dict[str, Any]:
    """A project's limits with what is used of them. Key pairs belong to users: a project uses none."""
    in_use = {**used, "key_pairs": 0}
    usage = {
        resource: {"limit": limit, "in_use": in_use.get(resource, 0), "reserved": 0}
        for resource, limit in quota_set(limits, version).items()
    }
    return {"quota_set": {"id": project_id, **usage}}
