"""What is announced of a server group. ``nova/objects/instance_group.py``."""

from collections.abc import Sequence
from typing import Any

from stackwire.compute.domain.model_groups import ServerGroup
from stackwire.contracts.events_hosts import ServerGroupPayload
from stackwire.core.attributes import attributes


def legacy_payload(group: ServerGroup, *, with_rules: bool) -> dict[str, Any]:
    """``servergroup.create``; ``with_rules``: if the request could have had some."""
    rules = {"_rules": {name: str(value) for name, value in group.rules.items()}} if with_rules else {}
    return attributes(group, "project_id policy name user_id") | rules | {"server_group_id": group.uuid}


def addmember_payload(group: ServerGroup, uuid: str) -> dict[str, Any]:
    """``servergroup.addmember``."""
    return {"server_group_id": group.uuid, "instance_uuids": [uuid]}


def group_payload(group: ServerGroup, hosts: Sequence[str] | None = None) -> dict[str, Any]:
    """The versioned payload; ``hosts``: those of its servers, which the scheduler alone knows."""
    data = attributes(group, "uuid name user_id project_id members policy") | {
        "policies": [group.policy],
        "hosts": None if hosts is None else list(hosts),
        "rules": {name: str(value) for name, value in group.rules.items()},
    }
    return ServerGroupPayload.around(data)


def scheduled_payload(group: ServerGroup | None, hosts: Sequence[str]) -> dict[str, Any] | None:
    """The group in the scheduler's notifications, with its servers' hosts; null for a server in none."""
    return None if group is None else group_payload(group, hosts)
