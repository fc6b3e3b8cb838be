"""States of volumes, snapshots and attachments, and what a sweep makes of those a dead worker left behind."""

from stackwire.core.state_table import Machine, table

CREATING, DOWNLOADING, AVAILABLE, IN_USE = "creating", "downloading", "available", "in-use"
RESERVED, ATTACHING, DETACHING = "reserved", "attaching", "detaching"
UPLOADING, EXTENDING, DELETING, DELETED = "uploading", "extending", "deleting", "deleted"
ERROR, ERROR_DELETING, ERROR_EXTENDING, MAINTENANCE = "error", "error_deleting", "error_extending", "maintenance"

VOLUME = Machine(
    "volume",
    table(
        creating="downloading available error",
        downloading="available error reserved in__use",
        available="reserved attaching uploading extending deleting downloading maintenance",
        reserved="attaching in__use available downloading detaching",
        attaching="in__use reserved available",
        in__use="detaching available reserved extending",
        detaching="in__use available",
        uploading="available in__use",
        extending="available in__use error_extending",
        deleting="deleted error_deleting",
        maintenance="available",
        error="deleting downloading",
        error_deleting="deleting",
        error_extending="deleting",
        deleted="",
    ),
)

SNAPSHOT = Machine(
    "snapshot",
    table(
        creating="available error",
        available="deleting",
        deleting="deleted error_deleting",
        error="deleting",
        error_deleting="deleting",
        deleted="",
    ),
)

ATTACHMENT = Machine(
    "attachment",
    table(
        reserved="attaching detached",
        attaching="attached detached attaching error_attaching",
        attached="detached",
        error_attaching="detached attaching",
        detached="",
    ),
)

# a volume may be deleted from these (cinder/volume/api.py: delete), and from any when it is forced
DELETABLE = (AVAILABLE, ERROR, "error_restoring", ERROR_EXTENDING, "error_managing")
SNAPSHOT_DELETABLE = (AVAILABLE, ERROR)
# what an administrator may set by hand (cinder/api/contrib/admin_actions.py)
RESETTABLE = frozenset(
    {
        "creating", "available", "deleting", "error", "error_deleting", "attaching", "detaching", "uploading",
        "downloading", "in-use", "maintenance", "retyping", "reserved", "awaiting-transfer", "backing-up",
        "restoring-backup", "error_restoring", "error_backing-up", "error_extending", "error_managing", "managing",
        "extending",
    }
)  # fmt: skip
SNAPSHOT_RESETTABLE = frozenset({"creating", "available", "deleting", "error", "error_deleting"})
ATTACH_RESETTABLE = frozenset({"attached", "detached"})

# what becomes of a volume whose worker died; a deletion and an extension are finished instead
AFTER_A_CRASH = {
    CREATING: ERROR,
    DOWNLOADING: ERROR,
    UPLOADING: AVAILABLE,
    EXTENDING: EXTENDING,
    DELETING: DELETING,
}
SNAPSHOT_AFTER_A_CRASH = {CREATING: ERROR, DELETING: DELETING}
