"""Notifications about backups of volumes, as Cinder's: on exchange ``cinder``."""

from typing import Any, Literal

from pydantic import Field

from stackwire.contracts.payload import Aware, Payload, Whole

BackupAction = Literal[
    "create.start", "create.end", "restore.start", "restore.end", "delete.start", "delete.end",
    "reset_status.start", "reset_status.end",
]  # fmt: skip


class BackupPayload(Payload):
    """A backup. ``service`` is the driver, ``service_metadata`` the prefix of its objects' names. ``created_at`` is
    without fractions where the worker has the backup as it was sent.
    """

    tenant_id: str
    user_id: str | None
    availability_zone: str | None
    backup_id: str
    host: str | None
    display_name: str | None
    created_at: Aware | Whole
    status: str
    volume_id: str
    size: int
    service_metadata: str | None
    service: str | None
    fail_reason: str | None
    parent_id: str | None
    num_dependent_backups: int
    snapshot_id: str | None


class BackupProgressPayload(BackupPayload):
    """``objects`` (on the wire ``list``): what is written, each under its name; ``id``: the number of the next one."""

    id: int
    objects: list[dict[str, Any]] = Field(alias="list")
    prefix: str
    volume_meta: str | None
    backup_percent: float
