"""Messages between the volume service's daemons about volumes that are there already: they get another type or back
end, are reverted, or were there before they were volumes. Names, arguments and versions are Cinder's.
"""

from typing import Any

from stackwire.contracts.base import Call, Cast, Contract, Target
from stackwire.contracts.volume_workers import BACKEND, CINDER_SCHEDULER, CINDER_VOLUME

CINDER_SCHEDULER_MOVES = Target(exchange="cinder", topic="cinder-scheduler", version="3.3")
CINDER_MOVES = Target(exchange="cinder", topic=f"cinder-volume.{BACKEND}", version="3.5")
CINDER_SCHEDULER_SNAPSHOTS = Target(exchange="cinder", topic="cinder-scheduler", version="3.11")
CINDER_MANAGEABLE = Target(exchange="cinder", topic=f"cinder-volume.{BACKEND}", version="3.10")
CINDER_REVERT = Target(exchange="cinder", topic=f"cinder-volume.{BACKEND}", version="3.15")


class _Scheduled(Contract):
    """What the scheduler gets of a volume that there is."""

    volume: dict[str, Any]
    request_spec: dict[str, Any]
    filter_properties: dict[str, Any] | None = None


class ScheduleRetype(_Scheduled, Cast, target=CINDER_SCHEDULER, method="retype"):
    """``request_spec``: ``volume_type`` the new type, ``migration_policy`` never or on-demand."""


class ScheduleMigration(Cast, target=CINDER_SCHEDULER_MOVES, method="migrate_volume"):
    """Check that ``backend``, with or without a pool, can take a volume."""

    volume: dict[str, Any]
    backend: str
    force_copy: bool = False
    request_spec: dict[str, Any] | None = None
    filter_properties: dict[str, Any] | None = None


class ScheduleManage(_Scheduled, Cast, target=CINDER_SCHEDULER, method="manage_existing"):
    """Check that the volume's back end is there; ``request_spec`` has the ``ref`` of what is there."""


class ScheduleManageSnapshot(_Scheduled, Cast, target=CINDER_SCHEDULER_SNAPSHOTS, method="manage_existing_snapshot"):
    """Check that the back end is there. ``ref``: what is to become the snapshot."""

    snapshot: dict[str, Any]
    ref: dict[str, Any]


class RetypeVolume(Cast, target=CINDER_MOVES, method="retype"):
    """Give a volume another type, on ``host`` (host, cluster_name, capabilities)."""

    volume: dict[str, Any]
    new_type_id: str
    host: dict[str, Any]
    migration_policy: str = "never"
    reservations: list[str] | None = None
    old_reservations: list[str] | None = None


class MigrateVolume(Cast, target=CINDER_MOVES, method="migrate_volume"):
    """Move a volume to ``host`` (host, cluster_name, capabilities)."""

    volume: dict[str, Any]
    host: dict[str, Any]
    force_host_copy: bool = False
    new_type_id: str | None = None


class CompleteMigration(Call[str], target=CINDER_VOLUME, method="migrate_volume_completion"):
    """The volume takes over the data of its copy ``new_volume``; with ``error`` the copy goes. Answers with its id."""

    volume: dict[str, Any]
    new_volume: dict[str, Any]
    error: bool = False


class ManageExisting(Cast, target=CINDER_VOLUME, method="manage_existing"):
    """What is at ``ref`` on the back end becomes the volume."""

    volume: dict[str, Any]
    ref: dict[str, Any]


class ManageExistingSnapshot(Cast, target=CINDER_VOLUME, method="manage_existing_snapshot"):
    """What is at ``ref`` on the back end becomes the snapshot."""

    snapshot: dict[str, Any]
    ref: dict[str, Any]


class _Page(Contract):
    """``marker``: a reference; ``sort_keys``: reference, size; ``sort_dirs``: asc, desc."""

    marker: str | None = None
    limit: int = 1000
    offset: int = 0
    sort_keys: list[str] = ["reference"]
    sort_dirs: list[str] = ["desc"]
    want_objects: bool = False


class GetManageableVolumes(
    _Page, Call[list[dict[str, Any]]], target=CINDER_MANAGEABLE, method="get_manageable_volumes"
):
    """What is on the back end, and whether it can be made a volume."""


class GetManageableSnapshots(
    _Page, Call[list[dict[str, Any]]], target=CINDER_MANAGEABLE, method="get_manageable_snapshots"
):
    """What is on the back end, and whether it can be made a snapshot."""


class RevertToSnapshot(Cast, target=CINDER_REVERT, method="revert_to_snapshot"):
    """The volume's data becomes that of its latest snapshot."""

    volume: dict[str, Any]
    snapshot: dict[str, Any]
