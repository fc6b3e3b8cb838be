"""States of volumes, snapshots and attachments: one row per verb, with what recovery does about a dead worker's row."""

from stackwire.core.states import ANY, Machine, Verb

CREATING, DOWNLOADING, AVAILABLE, IN_USE = "creating", "downloading", "available", "in-use"
RESERVED, ATTACHING, UPLOADING, MAINTENANCE = "reserved", "attaching", "uploading", "maintenance"
ERROR = "error"

_CREATE = "cinder/volume/flows/manager/create_volume.py"
_RESETTABLE = (
    "creating available deleting error error_deleting attaching detaching uploading downloading in-use maintenance"
    " retyping reserved awaiting-transfer backing-up restoring-backup error_restoring error_backing-up error_extending"
    " error_managing managing extending"
)
"""cinder/api/contrib/admin_actions.py: what an administrator may set."""


class VolumeStates(
    Machine,
    noun="volume",
    columns=("status",),
    initial="creating",
    reserved={"status": "error_attaching error_detaching"},
):
    """``volumes.status``. A volume in ``downloading`` that has been launched before is being reimaged."""

    schedule = Verb("creating", "creating", on_crash="fail_create", source="cinder/scheduler/manager.py: create_volume")
    begin_download = Verb(
        "creating downloading",
        "downloading",
        on_crash="fail_create",
        crash_if=lambda volume: volume.launched_at is None,
        source=f"{_CREATE}: CreateVolumeFromSpecTask._create_from_image_download",
    )
    finish_create = Verb("creating downloading", "available", source=f"{_CREATE}: CreateVolumeOnFinishTask")
    fail_create = Verb("creating downloading", "error", source=f"{_CREATE}: OnFailureRescheduleTask")

    reserve = Verb("available", "reserved", source="cinder/volume/api.py: reserve_volume")
    begin_attach = Verb("reserved", "attaching", source="cinder/volume/manager.py: attachment_update")
    finish_attach = Verb("reserved attaching in-use", "in-use", source="cinder/api/v3/attachments.py: complete")
    attach = Verb("available reserved attaching", "in-use", source="cinder/volume/manager.py: attach_volume")
    attach_another = Verb(
        "available reserved attaching in-use", "in-use", source="cinder/volume/manager.py: attach_volume"
    )
    begin_detaching = Verb("in-use", "detaching", source="cinder/volume/api.py: begin_detaching")
    roll_detaching = Verb("detaching", "in-use", source="cinder/volume/api.py: roll_detaching")
    recompute = Verb(
        "available reserved attaching in-use detaching error_attaching error_detaching",
        "available reserved attaching in-use",
        source="cinder/db/sqlalchemy/api.py: volume_detached",
    )

    begin_upload = Verb(
        "available", "uploading", on_crash="finish_upload", source="cinder/volume/api.py: copy_volume_to_image"
    )
    finish_upload = Verb(
        "uploading", "available in-use", source="cinder/db/sqlalchemy/api.py: volume_update_status_based_on_attachment"
    )

    begin_extend = Verb("available", "extending", on_crash="finish_extend", source="cinder/volume/api.py: extend")
    begin_extend_attached = Verb(
        "available in-use", "extending", on_crash="finish_extend", source="cinder/volume/api.py: extend_attached_volume"
    )
    finish_extend = Verb("extending", "available in-use", source="cinder/volume/manager.py: extend_volume")
    fail_extend = Verb("extending", "error_extending", source="cinder/volume/manager.py: extend_volume")

    begin_reimage = Verb(
        "available error",
        "downloading",
        on_crash="fail_reimage",
        crash_if=lambda volume: volume.launched_at is not None,
        source="cinder/volume/api.py: reimage",
    )
    begin_reimage_reserved = Verb(
        "available error reserved",
        "downloading",
        on_crash="fail_reimage",
        crash_if=lambda volume: volume.launched_at is not None,
        source="cinder/volume/api.py: reimage",
    )
    finish_reimage = Verb("downloading", "available error reserved", source="cinder/volume/manager.py: reimage")
    fail_reimage = Verb("downloading", "error", source="cinder/volume/manager.py: reimage")

    begin_delete = Verb(
        "available error error_restoring error_extending error_managing",
        "deleting",
        on_crash="finish_delete",
        source="cinder/volume/api.py: delete",
    )
    force_delete = Verb(ANY, "deleting", on_crash="finish_delete", source="cinder/volume/api.py: delete")
    finish_delete = Verb("deleting", "deleted", source="cinder/volume/manager.py: delete_volume")
    reset_status = Verb(ANY, _RESETTABLE, source="cinder/api/contrib/admin_actions.py: _reset_status")


class SnapshotStates(Machine, noun="snapshot", columns=("status",), initial="creating"):
    """``snapshots.status``."""

    schedule = Verb(
        "creating", "creating", on_crash="fail_create", source="cinder/scheduler/manager.py: create_snapshot"
    )
    finish_create = Verb("creating", "available", source="cinder/volume/manager.py: create_snapshot")
    fail_create = Verb("creating", "error", source="cinder/volume/manager.py: create_snapshot")
    begin_delete = Verb(
        "available error", "deleting", on_crash="finish_delete", source="cinder/volume/api.py: delete_snapshot"
    )
    cascade_delete = Verb(
        "available error error_deleting deleting",
        "deleting",
        on_crash="finish_delete",
        source="cinder/volume/api.py: delete",
    )
    force_delete = Verb(
        ANY, "deleting", on_crash="finish_delete", source="cinder/api/contrib/admin_actions.py: _force_delete"
    )
    finish_delete = Verb("deleting", "deleted", source="cinder/volume/manager.py: delete_snapshot")
    reset_status = Verb(
        ANY,
        "creating available deleting error error_deleting",
        source="cinder/api/contrib/admin_actions.py: _reset_status",
    )


class AttachmentStates(Machine, noun="attachment", columns=("attach_status",), initial="reserved attached"):
    """``volume_attachment.attach_status``. An attachment of os-attach begins as ``attached``."""

    connect = Verb("reserved attaching attached", "attaching", source="cinder/volume/manager.py: attachment_update")
    complete = Verb("attaching", "attached", source="cinder/api/v3/attachments.py: complete")
    detach = Verb(ANY, "detached", source="cinder/db/sqlalchemy/api.py: volume_detached")
