"""Payloads of what happens to groups and their snapshots (volume_utils: _usage_from_group)."""

from typing import Any

from stackwire.contracts.base import Event
from stackwire.contracts.events_groups import GroupAction, GroupSnapshotAction
from stackwire.contracts.volume_workers import BACKEND, HOST
from stackwire.core.attributes import attributes
from stackwire.volume.domain.group_model import Group, GroupSnapshot
from stackwire.volume.domain.notifications import EXCHANGE, aware, whole


def group_event(action: GroupAction, group: Group) -> Event:
    """``group.<action>``."""
    payload = {
        "tenant_id": group.project_id,
        **attributes(group, "user_id availability_zone name status"),
        "group_id": group.id,
        "group_type": group.group_type_id,
        "created_at": (aware if action == "create.end" else whole)(group.created_at),
    }
    return _event("group", f"group.{action}", _backend(group), payload, group.id)


def group_snapshot_event(action: GroupSnapshotAction, snapshot: GroupSnapshot, group: Group | None) -> Event:
    """``group_snapshot.<action>``; ``group``: the one that it is of."""
    payload = {
        "tenant_id": snapshot.project_id,
        **attributes(snapshot, "user_id name group_id status"),
        "group_snapshot_id": snapshot.id,
        "group_type": snapshot.group_type_id,
        "created_at": whole(snapshot.created_at),
    }
    return _event("group_snapshot", f"group_snapshot.{action}", _backend(group), payload, snapshot.id)


def _backend(group: Group | None) -> str:
    """Whose daemon does it."""
    return BACKEND if group is None or group.host is None else group.host.partition("#")[0]


def reset_event(noun: str, phase: str, resource_id: str, **more: str) -> Event:
    """``groups.reset_status.<phase>``, ``groupsnapshots.reset_status.<phase>``; without a phase: it was refused."""
    publisher = {"groups": "groupStatusUpdate", "groupsnapshots": "groupSnapshotStatusUpdate"}[noun]
    name = ".".join(filter(None, (noun, "reset_status", phase)))
    payload = {"id": resource_id, **more}
    return _event(publisher, name, HOST, payload, resource_id, "INFO" if phase else "ERROR")


def _event(
    publisher: str, event_type: str, host: str, payload: dict[str, Any], resource: str, priority: str = "INFO"
) -> Event:
    return Event(
        exchange=EXCHANGE,
        event_type=event_type,
        publisher_id=f"{publisher}.{host}",
        payload=payload,
        priority=priority,
        resource=resource,
    )
