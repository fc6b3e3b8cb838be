"""Every check of a state in Nova's API that concerns an action we have, held against our table.

``nova/compute/api.py``: the arguments of ``check_instance_state``, and whether there is a ``check_instance_lock``.
"""

import pytest

from stackwire.compute.domain.states import API_VERBS, ServerStates, ServerVerb

EVERY = ServerStates.states("vm_state")
ANY_TASK = ServerStates.states("task_state")
IDLE = {None}
REBOOTABLE = {
    None, "rebooting", "reboot_pending", "reboot_started", "resuming", "rebooting_hard", "unpausing", "pausing",
    "suspending",
}  # fmt: skip
AT_REST = {"active", "stopped", "paused", "suspended"}
ATTACHABLE = {"active", "paused", "stopped", "resized", "soft-delete", "shelved", "shelved_offloaded"}

# our verb: vm_state, task_state, must_have_launched, whether a locked server obeys its owner
CHECKS: dict[
    str, tuple[set[str | None] | frozenset[str | None], set[str | None] | frozenset[str | None], bool, bool]
] = {
    "start": ({"stopped"}, IDLE, True, False),
    "stop": ({"active", "error"}, IDLE, True, False),
    "pause": ({"active"}, IDLE, True, False),
    "unpause": ({"paused"}, IDLE, True, False),
    "suspend": ({"active"}, IDLE, True, False),
    "resume": ({"suspended"}, IDLE, True, False),
    "reboot": ({"active"}, IDLE, True, False),
    "reboot-hard": ({*AT_REST, "error"}, REBOOTABLE, True, False),
    "createBackup": (AT_REST, IDLE, True, True),
    "soft_delete": (EVERY, ANY_TASK, True, False),
    "restore": ({"soft-delete"}, IDLE, True, False),
    "rescue": ({"active", "stopped", "error"}, IDLE, True, False),
    "unrescue": ({"rescued"}, IDLE, True, False),
    "shelve": (AT_REST, IDLE, True, False),
    "shelveOffload": ({"shelved"}, IDLE, True, False),
    "unshelve": ({"shelved", "shelved_offloaded"}, IDLE, True, False),
    "rebuild": ({"active", "stopped", "error"}, IDLE, True, False),
    "resize": ({"active", "stopped"}, IDLE, True, False),
    "migrate": ({"active", "stopped"}, IDLE, True, False),
    "confirmResize": ({"resized"}, IDLE, True, False),
    "revertResize": ({"resized"}, IDLE, True, False),
    "evacuate": ({"active", "stopped", "error"}, IDLE, True, True),
    "os-migrateLive": ({"active", "paused"}, IDLE, True, False),
    "force_complete": ({"active"}, {"migrating"}, True, False),
    "abort live migration": (EVERY, {"migrating"}, True, False),
    "createImage": (AT_REST, IDLE, True, True),
    "attach_volume": (ATTACHABLE, IDLE, True, False),
    "detach_volume": (ATTACHABLE, IDLE, True, False),
    "update_metadata": (AT_REST, ANY_TASK, True, False),
    "tags": (AT_REST, ANY_TASK, False, True),
    "changePassword": ({"active"}, IDLE, True, False),
    "trigger_crash_dump": ({"active", "paused", "rescued", "resized", "error"}, IDLE, True, False),
    "injectNetworkInfo": (EVERY, ANY_TASK, False, False),
    "console": (EVERY, ANY_TASK, False, True),
    "delete": (EVERY, ANY_TASK, False, False),
    "reset_state": (EVERY, ANY_TASK, False, True),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_verb_is_allowed_where_nova_allows_it(name: str) -> None:
    vm_states, task_states, launched, locked = CHECKS[name]
    verb = API_VERBS[name]
    assert isinstance(verb, ServerVerb)
    assert {state for state in EVERY if verb.allows(vm_state=state)} == vm_states
    assert {state for state in ANY_TASK if verb.allows(task_state=state)} == task_states
    assert (verb.launched, verb.locked) == (launched, locked)
