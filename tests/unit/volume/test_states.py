"""States: who may go where, and what a crash leaves."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from stackwire.core.states import Machine, Verb
from stackwire.volume.domain.group_states import GroupSnapshotStates, GroupStates
from stackwire.volume.domain.states import AttachmentStates, BackupStates, SnapshotStates, VolumeStates

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    status: str
    launched_at: datetime | None = None
    migration_status: str | None = "migrating"


@pytest.mark.parametrize(
    ("verb", "status", "allowed"),
    [
        (VolumeStates.finish_create, "creating", True),
        (VolumeStates.finish_attach, "creating", False),
        (VolumeStates.begin_upload, "available", True),
        (VolumeStates.begin_upload, "in-use", False),
        (VolumeStates.begin_extend, "in-use", False),
        (VolumeStates.begin_extend_attached, "in-use", True),
        (VolumeStates.begin_backup, "in-use", False),
        (VolumeStates.begin_backup_attached, "in-use", True),
        (VolumeStates.recompute, "backing-up", False),
        (VolumeStates.begin_delete, "backing-up", False),
        (VolumeStates.begin_delete, "in-use", False),
        (VolumeStates.begin_delete, "error", True),
        (VolumeStates.force_delete, "in-use", True),
        (VolumeStates.begin_reimage, "reserved", False),
        (VolumeStates.begin_reimage_reserved, "reserved", True),
        (VolumeStates.recompute, "deleted", False),
        (VolumeStates.roll_detaching, "detaching", True),
    ],
)
def test_a_verb_starts_only_from_its_states(verb: Verb, status: str, allowed: bool) -> None:
    assert verb.allows(status=status) is allowed


@pytest.mark.parametrize(
    ("machine", "row", "verb"),
    [
        (VolumeStates, Row("creating"), VolumeStates.fail_create),
        (VolumeStates, Row("downloading"), VolumeStates.fail_create),
        (VolumeStates, Row("downloading", NOW), VolumeStates.fail_reimage),
        (VolumeStates, Row("uploading", NOW), VolumeStates.finish_upload),
        (VolumeStates, Row("extending", NOW), VolumeStates.finish_extend),
        (VolumeStates, Row("managing"), VolumeStates.fail_manage),
        (VolumeStates, Row("managing", NOW), None),
        (VolumeStates, Row("unmanaging", NOW), VolumeStates.finish_unmanage),
        (VolumeStates, Row("retyping", NOW), VolumeStates.finish_retype),
        (VolumeStates, Row("maintenance", NOW), VolumeStates.finish_migration),
        (VolumeStates, Row("maintenance", NOW, None), None),
        (VolumeStates, Row("reverting", NOW), VolumeStates.finish_revert),
        (VolumeStates, Row("deleting"), VolumeStates.finish_delete),
        (VolumeStates, Row("in-use", NOW), None),
        (SnapshotStates, Row("creating"), SnapshotStates.fail_create),
        (SnapshotStates, Row("deleting"), SnapshotStates.finish_delete),
        (SnapshotStates, Row("unmanaging"), SnapshotStates.finish_unmanage),
        (SnapshotStates, Row("restoring"), SnapshotStates.finish_revert),
        (SnapshotStates, Row("available"), None),
        (SnapshotStates, Row("backing-up"), SnapshotStates.finish_backup),
        (VolumeStates, Row("backing-up", NOW), VolumeStates.finish_backup),
        (VolumeStates, Row("restoring-backup", NOW), VolumeStates.fail_restore),
        (BackupStates, Row("creating"), BackupStates.fail_create),
        (BackupStates, Row("restoring"), BackupStates.finish_restore),
        (BackupStates, Row("deleting"), BackupStates.finish_delete),
        (BackupStates, Row("error"), None),
        (GroupStates, Row("creating"), GroupStates.fail_create),
        (GroupStates, Row("updating"), GroupStates.fail_update),
        (GroupStates, Row("deleting"), GroupStates.finish_delete),
        (GroupSnapshotStates, Row("creating"), GroupSnapshotStates.fail_create),
        (GroupSnapshotStates, Row("deleting"), GroupSnapshotStates.finish_delete),
    ],
)
def test_what_a_dead_worker_left_is_finished_or_failed(machine: type[Machine], row: Row, verb: Verb | None) -> None:
    assert machine.after_crash(row) is verb
    assert row.status in machine.transient() or verb is None


def test_what_recovery_does_may_start_from_the_state_that_was_left() -> None:
    for machine in (VolumeStates, SnapshotStates, BackupStates):
        for status in machine.transient():
            verbs = [machine.after_crash(Row(str(status), launched_at)) for launched_at in (None, NOW)]
            assert any(verbs)
            assert all(isinstance(verb, Verb) and verb.allows(status=status) for verb in verbs if verb is not None)


def test_what_an_administrator_may_set_is_known_to_the_original() -> None:
    resettable = VolumeStates.reset_status.to["status"]
    assert resettable is not None
    assert resettable >= {"available", "error", "in-use"}
    assert "deleted" not in resettable


def test_an_attachment_of_any_state_can_be_detached() -> None:
    assert all(
        AttachmentStates.detach.allows(attach_status=state) for state in AttachmentStates.states("attach_status")
    )


@pytest.mark.parametrize("machine", [VolumeStates, SnapshotStates, BackupStates, AttachmentStates])
def test_every_verb_names_its_original(machine: type[Machine]) -> None:
    assert [verb.name for verb in machine.verbs if not verb.source.startswith("cinder/")] == []
