"""Which verb is allowed in which state: two columns, ``vm_state`` and ``task_state``, and what clients see of them.

``nova/compute/api.py`` (check_instance_state), ``nova/api/openstack/common.py`` (status words), F 3.16.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stackwire.core.state_table import Machine, table

BUILDING, ACTIVE, PAUSED, SUSPENDED, STOPPED = "building", "active", "paused", "suspended", "stopped"
RESCUED, RESIZED, SOFT_DELETED, DELETED, ERROR = "rescued", "resized", "soft-delete", "deleted", "error"
SHELVED, SHELVED_OFFLOADED = "shelved", "shelved_offloaded"

SCHEDULING, BLOCK_DEVICE_MAPPING, NETWORKING, SPAWNING = "scheduling", "block_device_mapping", "networking", "spawning"
DELETING = "deleting"
REBUILDING = "rebuilding"
REBUILD_BLOCK_DEVICE_MAPPING, REBUILD_SPAWNING = "rebuild_block_device_mapping", "rebuild_spawning"
SNAPSHOT_PENDING, SNAPSHOTTING = "image_snapshot_pending", "image_snapshot"
SNAPSHOT_UPLOAD_PENDING, SNAPSHOT_UPLOADING = "image_pending_upload", "image_uploading"

INSTANCE = Machine(
    "server",
    table(
        building="active error deleted stopped",
        active="paused suspended stopped error deleted soft__delete",
        paused="active error deleted",
        suspended="active error deleted",
        stopped="active error deleted soft__delete",
        error="active stopped deleted error",
        soft__delete="active deleted",
        deleted="",
    ),
)


@dataclass(frozen=True, slots=True)
class Verb:
    """One action: the vm_states it may start from, and the task_state it sets at once (None: none).

    ``task_states`` are the task states it tolerates (None among them: at rest); ``launched``: only once it has run;
    ``locked``: whether a locked server obeys its owner.
    """

    name: str
    vm_states: frozenset[str] | None
    task: str | None = None
    task_states: frozenset[str | None] | None = frozenset({None})
    launched: bool = True
    locked: bool = False


def _verb(
    name: str,
    states: str | None,
    task: str | None = None,
    tolerated: tuple[str | None, ...] | None = (None,),
    *,
    launched: bool = True,
    locked: bool = False,
) -> Verb:
    return Verb(
        name,
        frozenset(states.split()) if states is not None else None,
        task,
        frozenset(tolerated) if tolerated is not None else None,
        launched,
        locked,
    )


_REBOOT_HARD = (None, "rebooting", "reboot_pending", "reboot_started", "rebooting_hard", "pausing", "suspending",
                "resuming", "unpausing")  # fmt: skip
VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        _verb("createImage", "active stopped paused suspended", SNAPSHOT_PENDING, locked=True),
        _verb("rebuild", "active stopped error", REBUILDING, launched=False),
        _verb("os-start", "stopped", "powering-on"),
        _verb("os-stop", "active error", "powering-off", launched=False),
        _verb("reboot", "active stopped paused suspended error", "rebooting", launched=False),
        _verb("reboot-hard", "active stopped paused suspended error", "rebooting_hard", _REBOOT_HARD, launched=False),
        _verb("pause", "active", "pausing", launched=False),
        _verb("unpause", "paused", "unpausing", launched=False),
        _verb("suspend", "active", "suspending", launched=False),
        _verb("resume", "suspended", "resuming", launched=False),
        _verb("attach_volume", "active paused stopped suspended resized shelved shelved_offloaded",
              tolerated=(None,), launched=False),
        _verb("detach_volume", "active paused stopped suspended resized shelved shelved_offloaded",
              tolerated=(None,), launched=False),
        _verb("delete", None, DELETING, None, launched=False),
        _verb("update_metadata", "active paused suspended stopped", None, (None,), launched=False),
        _verb("tags", "active paused suspended stopped", None, None, launched=False),
        _verb("console", "active stopped paused suspended error rescued", None, None, launched=False, locked=True),
    )
}  # fmt: skip

# nova/api/openstack/common.py: _STATE_MAP
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
    """The word a client sees."""
    words = _STATUS.get(vm_state)
    if words is None:
        return "UNKNOWN"
    return words.get(task_state, words[None])


def states_of(word: str) -> list[tuple[str, list[str | None]]]:
    """The (vm_state, task_states) a status word stands for; empty for no such word.

    An empty list of task states means every one that has no word of its own in that vm_state.
    """
    wanted = word.upper()
    found: list[tuple[str, list[str | None]]] = []
    for vm_state, words in _STATUS.items():
        tasks = [task for task, said in words.items() if said == wanted and task is not None]
        if words[None] == wanted:
            found.append((vm_state, []))
        elif tasks:
            found.append((vm_state, list(tasks)))
    return found


def tasks_with_a_word(vm_state: str) -> list[str]:
    """The task states of a vm_state that show as another word than the vm_state's own."""
    words = _STATUS[vm_state]
    return [task for task, said in words.items() if task is not None and said != words[None]]


POWER = {"pending": 0, "running": 1, "paused": 3, "shutdown": 4, "crashed": 6, "suspended": 7}
