"""What may become of an image, of a membership and of a task.

Source: ``glance/domain/__init__.py: Image.valid_state_targets, Task._validate_task_status_transition``.
"""

from typing import Final

from stackwire.core.state_table import Machine, table

QUEUED: Final = "queued"
SAVING: Final = "saving"
UPLOADING: Final = "uploading"
IMPORTING: Final = "importing"
ACTIVE: Final = "active"
DEACTIVATED: Final = "deactivated"
KILLED: Final = "killed"
PENDING_DELETE: Final = "pending_delete"
DELETED: Final = "deleted"

IMAGE = Machine(
    "image",
    table(
        queued="saving uploading importing active deleted",
        saving="active killed deleted queued",
        uploading="importing queued deleted",
        importing="active deleted queued",
        active="pending_delete deleted deactivated",
        deactivated="active deleted",
        killed="deleted",
        pending_delete="deleted active",
        deleted="",
    ),
)

AFTER_A_CRASH: Final = {SAVING: QUEUED, UPLOADING: QUEUED, IMPORTING: QUEUED}
"""What a sweep makes of a state whose worker died. A staged image that nobody works on just waits."""

PENDING: Final = "pending"
PROCESSING: Final = "processing"
SUCCESS: Final = "success"
FAILURE: Final = "failure"

TASK = Machine(
    "task",
    table(pending="processing failure", processing="success failure", success="", failure=""),
)
ENDED: Final = frozenset(state for state, goals in TASK.moves.items() if not goals)

FORMATS_OPEN: Final = frozenset({QUEUED, IMPORTING})
"""Only here may disk_format and container_format still change."""

MEMBER_STATUSES: Final = ("pending", "accepted", "rejected")
VISIBILITIES: Final = ("community", "public", "private", "shared")
