"""Groups of volumes and their snapshots, as they are in the database; see ``model.py``."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Volumes that are snapshotted together. It is empty at first, or created from another group or its snapshot."""

    id: str
    user_id: str | None
    project_id: str
    host: str | None
    availability_zone: str
    name: str | None
    description: str | None
    group_type_id: str
    volume_type_ids: list[str]
    status: str
    group_snapshot_id: str | None
    source_group_id: str | None
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSnapshot:
    """The snapshots of all the volumes of a group."""

    id: str
    group_id: str
    user_id: str | None
    project_id: str
    name: str | None
    description: str | None
    group_type_id: str
    status: str
    created_at: datetime
    updated_at: datetime | None
