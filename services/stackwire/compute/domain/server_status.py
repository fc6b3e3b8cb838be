"""The status of a server that clients see, from its ``vm_state`` and ``task_state``.

``nova/api/openstack/common.py: _STATE_MAP``.
"""

from collections.abc import Mapping

from stackwire.compute.domain.states import (
    ACTIVE,
    BUILDING,
    DELETED,
    ERROR,
    MIGRATING,
    PAUSED,
    REBUILD_BLOCK_DEVICE_MAPPING,
    REBUILD_SPAWNING,
    REBUILDING,
    RESCUED,
    RESIZE_FINISH,
    RESIZE_MIGRATED,
    RESIZE_MIGRATING,
    RESIZE_PREP,
    RESIZE_REVERTING,
    RESIZED,
    SHELVED,
    SHELVED_OFFLOADED,
    SOFT_DELETED,
    STOPPED,
    SUSPENDED,
)


def _all(status: str, *task_states: str) -> Mapping[str | None, str]:
    return dict.fromkeys(task_states, status)


_REBUILD = _all("REBUILD", REBUILDING, REBUILD_BLOCK_DEVICE_MAPPING, REBUILD_SPAWNING)
_RESIZE = _all("RESIZE", RESIZE_PREP, RESIZE_MIGRATING, RESIZE_MIGRATED, RESIZE_FINISH)
_REBOOT = _all("REBOOT", "rebooting", "reboot_pending", "reboot_started")
_HARD_REBOOT = _all("HARD_REBOOT", "rebooting_hard", "reboot_pending_hard", "reboot_started_hard")
_STATUS: Mapping[str, Mapping[str | None, str]] = {
    ACTIVE: {
        None: "ACTIVE",
        "updating_password": "PASSWORD",
        MIGRATING: "MIGRATING",
        **_REBOOT,
        **_HARD_REBOOT,
        **_REBUILD,
        **_RESIZE,
    },
    BUILDING: {None: "BUILD"},
    STOPPED: {None: "SHUTOFF", **_RESIZE, **_REBUILD},
    RESIZED: {None: "VERIFY_RESIZE", RESIZE_REVERTING: "REVERT_RESIZE"},
    PAUSED: {None: "PAUSED", MIGRATING: "MIGRATING"},
    SUSPENDED: {None: "SUSPENDED"},
    RESCUED: {None: "RESCUE"},
    ERROR: {None: "ERROR", **_REBUILD},
    DELETED: {None: "DELETED"},
    SOFT_DELETED: {None: "SOFT_DELETED"},
    SHELVED: {None: "SHELVED"},
    SHELVED_OFFLOADED: {None: "SHELVED_OFFLOADED"},
}
"""vm_state -> task_state (None: any other) -> status."""


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
