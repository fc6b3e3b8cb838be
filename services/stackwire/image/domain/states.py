"""What may become of an image, and of a membership.

Source: ``glance/domain/__init__.py: Image.valid_state_targets``.
"""

from typing import Final

from stackwire.core.states import Machine, table

QUEUED: Final = "queued"
SAVING: Final = "saving"
ACTIVE: Final = "active"
DEACTIVATED: Final = "deactivated"
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

AFTER_A_CRASH: Final = {SAVING: QUEUED}
"""What a sweep makes of a state whose worker died."""

FORMATS_OPEN: Final = frozenset({QUEUED, "importing"})
"""Only here may disk_format and container_format still change."""

MEMBER_STATUSES: Final = ("pending", "accepted", "rejected")
VISIBILITIES: Final = ("community", "public", "private", "shared")
