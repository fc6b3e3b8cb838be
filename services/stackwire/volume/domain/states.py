"""States of volumes, snapshots and attachments: one row per verb, with what recovery does about a dead worker's row."""

from stackwire.core.states import ANY, Machine, Verb

CREATING, DOWNLOADING, AVAILABLE, IN_USE = "creating", "downloading", "available", "in-use"
RESERVED, ATTACHING, EXTENDING, DETACHING = "reserved", "attaching", "extending", "detaching"
ERROR, ERROR_RESTORING = "error", "error_restoring"

_CREATE = "cinder/volume/flows/manager/create_volume.py"
_RESETTABLE = (
    "creating available error error_deleting attaching detaching uploading downloading in-use maintenance retyping"
    " reserved awaiting-transfer backing-up restoring-backup error_restoring error_backing-up error_extending"
    " error_managing managing extending"
)
"""cinder/api/contrib/admin_actions.py: what an administrator may set."""
_ALL = f"{_RESETTABLE} deleting unmanaging reverting error_attaching error_detaching"
_ERRORS = " ".join(state for state in _ALL.split() if "error" in state)
_AT_WORK = (
    "creating downloading uploading extending deleting reverting retyping managing unmanaging backing-up"
    " restoring-backup"
)
"""While a worker is at work the status is his: he ends it, as the attachments then call for."""
NOT_MIGRATING = (None, "deleting", "error", "success")
"""``migration_status`` of what is not being migrated (cinder/volume/api.py: AVAILABLE_MIGRATION_STATUS)."""
MIGRATING = ("starting", "migrating", "completing")
"""``migration_status`` of what is being migrated; its copy has ``target:<id>``."""


def _but(names: str, states: str = _ALL) -> str:
    """All states but these."""
    return " ".join(state for state in states.split() if state not in names.split())


def _check(sources: str, function: str) -> Verb:
    """What a function of the API may do in these states, without a change of the state."""
    return Verb(sources, {}, source=f"cinder/volume/api.py: {function}")


_HELD = _but(_AT_WORK)


class VolumeStates(
    Machine,
    noun="volume",
    columns=("status",),
    initial="creating managing",
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
    reschedule = Verb("creating downloading", "creating", source=f"{_CREATE}: OnFailureRescheduleTask._pre_reschedule")
    fail_create = Verb("creating downloading", "error", source=f"{_CREATE}: OnFailureRescheduleTask")

    reserve = Verb("available", "attaching", source="cinder/volume/api.py: reserve_volume")
    reserve_another = Verb("available in-use", "attaching", source="cinder/volume/api.py: reserve_volume")
    unreserve = Verb("attaching", "available in-use", source="cinder/volume/api.py: unreserve_volume")
    create_attachment = Verb("available", "reserved", source="cinder/volume/api.py: _attachment_reserve")
    create_another_attachment = Verb("available in-use", "reserved", source="cinder/volume/api.py: _attachment_reserve")
    create_early_attachment = _check("downloading", "_attachment_reserve")
    create_attachment_again = _check("in-use reserved", "_attachment_reserve")
    update_attachment = _check(_but(_ERRORS), "attachment_update")
    begin_attach = Verb(_HELD, "attaching", source="cinder/volume/manager.py: attachment_update")
    finish_attach = Verb(_HELD, "in-use", source="cinder/api/v3/attachments.py: complete")
    attach = _check(_but("in-use maintenance"), "attach")
    attach_another = _check(_but("maintenance"), "attach")
    detach = _check(_but("maintenance"), "detach")
    initialize_connection = _check(_but("maintenance"), "initialize_connection")
    begin_detaching = Verb("in-use", "detaching", source="cinder/volume/api.py: begin_detaching")
    roll_detaching = Verb("detaching", "in-use", source="cinder/volume/api.py: roll_detaching")
    enter_group = _check("available in-use", "VALID_ADD_VOL_TO_GROUP_STATUS")
    leave_group = _check("available in-use error error_deleting", "VALID_REMOVE_VOL_FROM_GROUP_STATUS")
    recompute = Verb(
        _HELD, "available reserved attaching in-use", source="cinder/db/api.py: _get_statuses_from_attachments"
    )

    update = _check(_but("maintenance"), "update")
    update_metadata = _check(_but("maintenance uploading"), "_update_volume_metadata")
    update_readonly_flag = _check("available", "update_readonly_flag")
    create_snapshot = _check("available", "create_snapshot_in_db")
    create_snapshot_force = _check("available in-use", "create_snapshot_in_db")
    clone = _check("available in-use", "create")

    begin_transfer = Verb("available", "awaiting-transfer", source="cinder/db/api.py: transfer_create")
    end_transfer = Verb("awaiting-transfer", "available", source="cinder/db/api.py: transfer_accept, transfer_destroy")
    begin_upload = Verb(
        "available", "uploading", on_crash="finish_upload", source="cinder/volume/api.py: copy_volume_to_image"
    )
    finish_upload = Verb(
        "uploading", "available in-use", source="cinder/db/sqlalchemy/api.py: volume_update_status_based_on_attachment"
    )

    begin_extend = Verb("available", "extending", on_crash="finish_extend", source="cinder/volume/api.py: extend")
    begin_extend_attached = Verb(
        "in-use", "extending", on_crash="finish_extend", source="cinder/volume/api.py: extend_attached_volume"
    )
    finish_extend = Verb("extending", "available in-use", source="cinder/volume/manager.py: extend_volume")
    fail_extend = Verb("extending", "error_extending", source="cinder/volume/manager.py: extend_volume")

    begin_revert = Verb(
        "available", "reverting", on_crash="finish_revert", source="cinder/volume/api.py: revert_to_snapshot"
    )
    finish_revert = Verb("reverting", "available", source="cinder/volume/manager.py: revert_to_snapshot")
    fail_revert = Verb("reverting", "error", source="cinder/volume/manager.py: revert_to_snapshot")

    schedule_managing = Verb(
        "managing",
        "managing",
        on_crash="fail_manage",
        crash_if=lambda volume: volume.launched_at is None,
        source="cinder/scheduler/manager.py: manage_existing",
    )
    finish_manage = Verb("managing", "available", source="cinder/volume/flows/manager/manage_existing.py")
    fail_manage = Verb("managing", "error_managing", source="cinder/volume/flows/manager/manage_existing.py")
    begin_unmanage = Verb(
        "available error error_restoring error_extending error_managing",
        "unmanaging",
        on_crash="finish_unmanage",
        source="cinder/volume/api.py: delete",
    )
    finish_unmanage = Verb("unmanaging", "deleted", source="cinder/volume/manager.py: delete_volume")

    begin_retype = Verb("available in-use", "retyping", on_crash="finish_retype", source="cinder/volume/api.py: retype")
    finish_retype = Verb("retyping", "available in-use", source="cinder/volume/manager.py: retype")
    migrate = _check("available in-use", "migrate_volume")
    lock_for_migration = Verb(
        "available",
        "maintenance",
        on_crash="finish_migration",
        crash_if=lambda volume: volume.migration_status in MIGRATING,
        source="cinder/volume/api.py: migrate_volume",
    )
    finish_migration = Verb("maintenance", "available in-use", source="cinder/volume/manager.py: migrate_volume")
    finish_attached_migration = Verb(
        "available", "in-use", source="cinder/volume/manager.py: migrate_volume_completion"
    )
    delete_copy = Verb(
        "creating available error reserved attaching in-use",
        "deleting",
        on_crash="finish_delete",
        source="cinder/volume/manager.py: migrate_volume_completion",
    )

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

    begin_backup = Verb("available", "backing-up", on_crash="finish_backup", source="cinder/backup/api.py: create")
    begin_backup_attached = Verb(
        "available in-use", "backing-up", on_crash="finish_backup", source="cinder/backup/api.py: create"
    )
    finish_backup = Verb("backing-up", "available in-use", source="cinder/backup/manager.py: _finish_backup")
    begin_restore = Verb(
        "available", "restoring-backup", on_crash="fail_restore", source="cinder/backup/api.py: restore"
    )
    finish_restore = Verb("restoring-backup creating", "available", source="cinder/backup/manager.py: restore_backup")
    fail_restore = Verb(
        "restoring-backup creating", "error_restoring error", source="cinder/backup/manager.py: restore_backup"
    )

    begin_delete = Verb(
        "available error error_restoring error_extending error_managing",
        "deleting",
        on_crash="finish_delete",
        source="cinder/volume/api.py: delete",
    )
    force_delete = Verb(ANY, "deleting", on_crash="finish_delete", source="cinder/volume/api.py: delete")
    finish_delete = Verb("deleting", "deleted", source="cinder/volume/manager.py: delete_volume")
    fail_delete = Verb("deleting", "error_deleting", source="cinder/volume/manager.py: delete_volume")
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
    force_delete = Verb(
        ANY, "deleting", on_crash="finish_delete", source="cinder/api/contrib/admin_actions.py: _force_delete"
    )
    finish_delete = Verb("deleting", "deleted", source="cinder/volume/manager.py: delete_snapshot")
    fail_delete = Verb("deleting", "error_deleting", source="cinder/volume/manager.py: delete_snapshot")
    copy = _check("available", "create")
    begin_unmanage = Verb(
        "available error", "unmanaging", on_crash="finish_unmanage", source="cinder/volume/api.py: delete_snapshot"
    )
    finish_unmanage = Verb("unmanaging", "deleted", source="cinder/volume/manager.py: delete_snapshot")
    begin_revert = Verb(
        "available", "restoring", on_crash="finish_revert", source="cinder/volume/api.py: revert_to_snapshot"
    )
    finish_revert = Verb("restoring", "available", source="cinder/volume/manager.py: revert_to_snapshot")
    update_status = Verb(
        "creating deleting",
        "creating available error deleting error_deleting",
        source="cinder/api/contrib/snapshot_actions.py: _update_snapshot_status",
    )
    begin_backup = Verb("available", "backing-up", on_crash="finish_backup", source="cinder/backup/api.py: create")
    finish_backup = Verb("backing-up", "available", source="cinder/backup/manager.py: _finish_backup")
    reset_status = Verb(
        ANY,
        "creating available deleting error error_deleting",
        source="cinder/api/contrib/admin_actions.py: _reset_status",
    )


class BackupStates(
    Machine, noun="backup", columns=("status",), initial="creating", reserved={"status": "error_deleting"}
):
    """``backups.status``."""

    schedule = Verb("creating", "creating", on_crash="fail_create", source="cinder/scheduler/manager.py: create_backup")
    finish_create = Verb("creating", "available", source="cinder/backup/manager.py: _finish_backup")
    fail_create = Verb("creating", "error", source="cinder/volume/volume_utils.py: update_backup_error")
    copy = Verb("available", {}, source="cinder/volume/flows/api/create_volume.py: BACKUP_PROCEED_STATUS")
    begin_restore = Verb("available", "restoring", on_crash="finish_restore", source="cinder/backup/api.py: restore")
    finish_restore = Verb("restoring", "available", source="cinder/backup/manager.py: restore_backup")
    begin_delete = Verb("available error", "deleting", on_crash="finish_delete", source="cinder/backup/api.py: delete")
    force_delete = Verb(ANY, "deleting", on_crash="finish_delete", source="cinder/backup/api.py: delete")
    finish_delete = Verb("deleting", "deleted", source="cinder/backup/manager.py: delete_backup")
    fail_delete = Verb("deleting", "error", source="cinder/backup/manager.py: delete_backup")
    reset_status = Verb(ANY, "available error", source="cinder/backup/manager.py: reset_status")


class AttachmentStates(Machine, noun="attachment", columns=("attach_status",), initial="reserved attached"):
    """``volume_attachment.attach_status``. An attachment of os-attach begins as ``attached``."""

    connect = Verb("reserved attaching attached", "attaching", source="cinder/volume/manager.py: attachment_update")
    complete = Verb("reserved attaching attached", "attached", source="cinder/api/v3/attachments.py: complete")
    detach = Verb(ANY, "detached", source="cinder/db/sqlalchemy/api.py: volume_detached")
