"""The table of a server's verbs: what the API allows, and what recovery does."""

from dataclasses import dataclass

import pytest

from stackwire.compute.domain.states import DELETING, ServerStates, ServerVerb


@dataclass(frozen=True)
class Row:
    """A server's two columns."""

    vm_state: str
    task_state: str | None


@pytest.mark.parametrize(
    ("vm_state", "task_state", "verb"),
    [
        ("building", "scheduling", "fail_build"),
        ("building", None, "fail_build"),
        ("building", "networking", "fail_build"),
        ("building", "spawning", "fail_build"),
        ("active", "rebuilding", "fail_rebuild"),
        ("error", "rebuild_spawning", "fail_rebuild"),
        ("stopped", "image_snapshot_pending", "abandon_snapshot"),
        ("active", "image_uploading", "abandon_snapshot"),
        ("active", "powering-off", "finish_stop"),
        ("stopped", "powering-on", "finish_start"),
        ("paused", "unpausing", "finish_unpause"),
        ("active", "rebooting", "recover_reboot"),
        ("active", "reboot_started_hard", "recover_reboot"),
        ("stopped", "image_backup", "abandon_snapshot"),
        ("active", "soft-deleting", "finish_soft_delete"),
        ("soft-delete", "restoring", "finish_restore"),
        ("stopped", "rescuing", "abandon_rescue"),
        ("rescued", "unrescuing", "finish_unrescue"),
        ("active", "shelving", "abandon_shelve"),
        ("stopped", "shelving_image_uploading", "abandon_shelve"),
        ("shelved", "shelving_offloading", "finish_offload"),
        ("shelved", "unshelving", "fail_unshelve"),
        ("shelved_offloaded", "spawning", "fail_unshelve"),
        ("active", "resize_prep", "abandon_resize"),
        ("stopped", "resize_migrating", "abandon_resize"),
        ("active", "resize_migrated", "begin_finish_resize"),
        ("active", "resize_finish", "finish_resize"),
        ("resized", "resize_reverting", "finish_revert"),
        ("paused", "migrating", "end_live_migration"),
        ("active", DELETING, "finish_delete"),
        ("building", DELETING, "finish_delete"),
    ],
)
def test_recovery_asks_the_table(vm_state: str, task_state: str | None, verb: str) -> None:
    row = Row(vm_state, task_state)
    found = ServerStates.after_crash(row)
    assert isinstance(found, ServerVerb)
    assert found.name == verb
    assert found.allows(vm_state=vm_state, task_state=task_state), "what recovery applies may start there"


@pytest.mark.parametrize("vm_state", ["active", "stopped", "paused", "suspended", "error", "deleted"])
def test_a_server_at_rest_is_left_alone(vm_state: str) -> None:
    assert ServerStates.after_crash(Row(vm_state, None)) is None


def test_every_task_state_is_recovered() -> None:
    assert ServerStates.transient("task_state") == ServerStates.states("task_state") - {None}
    assert ServerStates.transient("vm_state") == {"building"}


def test_every_verb_cites_its_source() -> None:
    assert all(verb.source.startswith("nova/") for verb in ServerStates.verbs)


def test_a_hard_reboot_ends_a_soft_one_that_hangs() -> None:
    assert ServerStates.reboot_hard.allows(vm_state="active", task_state="reboot_started")
    assert not ServerStates.reboot.allows(vm_state="active", task_state="reboot_started")
    assert not ServerStates.finish_reboot.allows(task_state="rebooting_hard"), "the soft one may not finish then"
