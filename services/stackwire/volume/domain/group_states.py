"""States of groups of volumes and of their snapshots: as in ``states.py``."""

from stackwire.core.states import ANY, Machine, Verb

_RESETTABLE = "creating available updating error error_deleting deleting deleted"
"""cinder/objects/fields.py: GroupSnapshotStatus; a group may be in use too."""


class GroupStates(Machine, noun="group", columns=("status",), initial="creating", reserved={"status": "in-use"}):
    """``groups.status``."""

    schedule = Verb("creating", "creating", on_crash="fail_create", source="cinder/scheduler/manager.py: create_group")
    finish_create = Verb("creating", "available", source="cinder/volume/manager.py: create_group")
    fail_create = Verb("creating", "error", source="cinder/volume/manager.py: create_group")
    rename = Verb(ANY, "available", source="cinder/group/api.py: update")
    begin_update = Verb("available", "updating", on_crash="fail_update", source="cinder/group/api.py: update")
    finish_update = Verb("updating", "available", source="cinder/volume/manager.py: update_group")
    fail_update = Verb("updating", "error", source="cinder/volume/manager.py: update_group")
    add_volume = Verb("available", {}, source="cinder/volume/flows/api/create_volume.py: _extract_group")
    snapshot = Verb(
        "available error error_deleting in-use deleting", {}, source="cinder/db/api.py: group_snapshot_create"
    )
    begin_delete = Verb("available error", "deleting", on_crash="finish_delete", source="cinder/group/api.py: delete")
    delete_unscheduled = Verb(ANY, "deleted", source="cinder/group/api.py: delete")
    delete_with_volumes = Verb(ANY, "deleting", on_crash="finish_delete", source="cinder/group/api.py: delete")
    finish_delete = Verb("deleting", "deleted", source="cinder/volume/manager.py: delete_group")
    fail_delete = Verb("deleting", "error_deleting", source="cinder/volume/manager.py: delete_group")
    reset_status = Verb(ANY, f"{_RESETTABLE} in-use", source="cinder/group/api.py: reset_status")


class GroupSnapshotStates(Machine, noun="group_snapshot", columns=("status",), initial="creating"):
    """``group_snapshots.status``."""

    begin_create = Verb(
        "creating", "creating", on_crash="fail_create", source="cinder/volume/manager.py: create_group_snapshot"
    )
    finish_create = Verb("creating", "available", source="cinder/volume/manager.py: create_group_snapshot")
    fail_create = Verb("creating", "error", source="cinder/volume/manager.py: create_group_snapshot")
    begin_delete = Verb(
        "available error", "deleting", on_crash="finish_delete", source="cinder/group/api.py: delete_group_snapshot"
    )
    finish_delete = Verb("deleting", "deleted", source="cinder/volume/manager.py: delete_group_snapshot")
    fail_delete = Verb("deleting", "error_deleting", source="cinder/volume/manager.py: delete_group_snapshot")
    reset_status = Verb(ANY, _RESETTABLE, source="cinder/group/api.py: reset_group_snapshot_status")
