"""Notifications about groups of volumes and their snapshots, as Cinder's: on exchange ``cinder``."""

from typing import Literal

from stackwire.contracts.payload import Aware, Payload, Whole

GroupAction = Literal[
    "create.start", "create.end", "update.start", "update.end", "delete.start", "delete.end"
]  # fmt: skip
GroupSnapshotAction = Literal["create.start", "create.end", "delete.start", "delete.end"]


class GroupPayload(Payload):
    """A group of volumes. At the end of its creation it is as old as that moment, to the microsecond."""

    tenant_id: str
    user_id: str | None
    availability_zone: str
    group_id: str
    group_type: str
    name: str | None
    created_at: Whole | Aware
    status: str


class GroupSnapshotPayload(Payload):
    """The snapshots of all volumes of a group."""

    tenant_id: str
    user_id: str | None
    group_snapshot_id: str
    name: str | None
    group_id: str
    group_type: str
    created_at: Whole
    status: str


class StatusResetPayload(Payload):
    """An administrator sets the status of a group, or of the snapshot of one."""

    id: str
    update: str


class StatusNotResetPayload(Payload):
    """There is no such group."""

    id: str
    error_message: str
