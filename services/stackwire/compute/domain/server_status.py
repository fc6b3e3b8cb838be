"""The status of a server that clients see, from its ``vm_state`` and ``task_state``.

``nova/api/openstack/common.py: _STATE_MAP``.
"""

from collections.abc import Mapping

from stackwire.compute.domain.states import (
    ACTIVE,
    BUILDING,
    DELETED,
    ERROR,
    PAUSED,
    REBUILD_BLOCK_DEVICE_MAPPING,
    REBUILD_SPAWNING,
    REBUILDING,
    RESCUED,
    RESIZED,
    SHELVED,
    SHELVED_OFFLOADED,
    SOFT_DELETED,
    STOPPED,
    SUSPENDED,
)

_STATUS: Mapping[str, Mapping[str | None, str]] = {
    ACTIVE: {
        None: "ACTIVE", "rebooting": "REBOOT", "reboot_pending": "REBOOT", "reboot_started": "REBOOT",
        "rebooting_hard": "HARD_REBOOT", "reboot_pending_hard": "HARD_REBOOT", "reboot_started_hard": "HARD_REBOOT",
        "updating_password": "PASSWORD", REBUILDING: "REBUILD", REBUILD_BLOCK_DEVICE_MAPPING: "REBUILD",
        REBUILD_SPAWNING: "REBUILD", "migrating": "MIGRATING", "resize_prep": "RESIZE", "resize_migrating": "RESIZE",
        "resize_migrated": "RESIZE", "resize_finish": "RESIZE",
    },
    BUILDING: {None: "BUILD"},
    STOPPED: {
        None: "SHUTOFF", "resize_prep": "RESIZE", "resize_migrating": "RESIZE", "resize_migrated": "RESIZE",
        "resize_finish": "RESIZE", REBUILDING: "REBUILD", REBUILD_BLOCK_DEVICE_MAPPING: "REBUILD",
        REBUILD_SPAWNING: "REBUILD",
    },
    RESIZED: {None: "VERIFY_RESIZE", "resize_reverting": "REVERT_RESIZE"},
    PAUSED: {None: "PAUSED", "migrating": "MIGRATING"},
    SUSPENDED: {None: "SUSPENDED"},
    RESCUED: {None: "RESCUE"},
    ERROR: {
        None: "ERROR", REBUILDING: "REBUILD", REBUILD_BLOCK_DEVICE_MAPPING: "REBUILD", REBUILD_SPAWNING: "REBUILD",
    },
    DELETED: {None: "DELETED"},
    SOFT_DELETED: {None: "SOFT_DELETED"},
    SHELVED: {None: "SHELVED"},
    SHELVED_OFFLOADED: {None: "SHELVED_OFFLOADED"},
}  # fmt: skip


def status(vm_state: str, task_state: str | None) -> str:
    """The status that a client sees."""
    by_task = _STATUS.get(vm_state)
    if by_task is None:
        return "UNKNOWN"
    return by_task.get(task_state, by_task[None])


def states_of(status: str) -> list[tuple[str, list[str | None]]]:
    """The (vm_state, task_states) that a status stands for; empty when there is no such status.

    An empty list of task states means every one that has no status of its own in that vm_state.
    """
    wanted = status.upper()
    found: list[tuple[str, list[str | None]]] = []
    for vm_state, by_task in _STATUS.items():
        tasks = [task for task, value in by_task.items() if value == wanted and task is not None]
        if by_task[None] == wanted:
            found.append((vm_state, []))
        elif tasks:
            found.append((vm_state, list(tasks)))
    return found


def tasks_with_own_status(vm_state: str) -> list[str]:
    """The task states of a vm_state that have another status than the vm_state's own."""
    by_task = _STATUS[vm_state]
    return [task for task, value in by_task.items() if task is not None and value != by_task[None]]
