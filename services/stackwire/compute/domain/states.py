"""Which verb is allowed in which state of a server: ``vm_state`` and ``task_state``.

The API asks the table before it accepts a request (``check_instance_state``), the workers move on by it
(``expected_task_state`` of Nova's ``Instance.save``), and recovery asks what to do with a server left half way.
"""

from collections.abc import Mapping

from stackwire.core.states import ANY, Machine, Spec, StateSpec, Verb

BUILDING, ACTIVE, PAUSED, SUSPENDED, STOPPED = "building", "active", "paused", "suspended", "stopped"
RESCUED, RESIZED, SOFT_DELETED, DELETED, ERROR = "rescued", "resized", "soft-delete", "deleted", "error"
SHELVED, SHELVED_OFFLOADED = "shelved", "shelved_offloaded"

SCHEDULING, DELETING = "scheduling", "deleting"
REBUILDING, REBUILD_BLOCK_DEVICE_MAPPING = "rebuilding", "rebuild_block_device_mapping"
REBUILD_SPAWNING = "rebuild_spawning"


class ServerVerb(Verb):
    """A verb over both columns. ``to`` names the columns it changes, none for a verb that is only checked.

    ``action``: the API action that error texts name, where it is not the verb's name; ``launched``: only once the
    server has run; ``locked``: whether a locked server obeys its owner.
    """

    def __init__(
        self,
        vm_state: StateSpec,
        task_state: StateSpec,
        to: Spec,
        *,
        source: str,
        on_crash: str | None = None,
        action: str = "",
        launched: bool = False,
        locked: bool = False,
    ) -> None:
        super().__init__({"vm_state": vm_state, "task_state": task_state}, to, on_crash=on_crash, source=source)
        self._action = action
        self.launched = launched
        self.locked = locked

    @property
    def action(self) -> str:
        """What the API calls the operation."""
        return self._action or self.name


_API, _MANAGER, _CONDUCTOR = "nova/compute/api.py", "nova/compute/manager.py", "nova/conductor/manager.py"
_ATTACHABLE = "active paused stopped suspended resized shelved shelved_offloaded"
_REBOOTS = "rebooting reboot_pending reboot_started"
_HARD_REBOOTS = "rebooting_hard reboot_pending_hard reboot_started_hard"
_HARD_REBOOTABLE = (None, *_REBOOTS.split(), "rebooting_hard", "pausing", "suspending", "resuming", "unpausing")
_BUILD = (None, "scheduling", "networking", "block_device_mapping", "spawning")
_SNAPSHOT = "image_snapshot_pending image_snapshot image_pending_upload image_uploading"


def _task(state: str | None) -> Mapping[str, str | None]:
    return {"task_state": state}


def _rest(vm_state: str) -> Mapping[str, str | None]:
    return {"vm_state": vm_state, "task_state": None}


class ServerStates(
    Machine,
    noun="server",
    columns=("vm_state", "task_state"),
    initial={"vm_state": BUILDING, "task_state": SCHEDULING},
    reserved={"vm_state": "rescued resized soft-delete shelved shelved_offloaded"},
):
    """``instances.vm_state`` and ``instances.task_state``."""

    # ---- build
    schedule = ServerVerb(
        BUILDING,
        SCHEDULING,
        {"vm_state": BUILDING, "task_state": SCHEDULING},
        on_crash="fail_build",
        source=f"{_CONDUCTOR}: schedule_and_build_instances",
    )
    fail_schedule = ServerVerb(ANY, (None, SCHEDULING), _rest(ERROR), source=f"{_CONDUCTOR}: _bury_in_cell0")
    begin_build = ServerVerb(
        BUILDING,
        (None, SCHEDULING),
        _rest(BUILDING),
        on_crash="fail_build",
        source=f"{_MANAGER}: _do_build_and_run_instance",
    )
    allocate_network = ServerVerb(
        ANY, None, _task("networking"), on_crash="fail_build", source=f"{_MANAGER}: _build_networks_for_instance"
    )
    map_block_devices = ServerVerb(
        ANY,
        "networking",
        _task("block_device_mapping"),
        on_crash="fail_build",
        source=f"{_MANAGER}: _build_resources",
    )
    spawn = ServerVerb(
        ANY,
        "block_device_mapping",
        _task("spawning"),
        on_crash="fail_build",
        source=f"{_MANAGER}: _build_and_run_instance",
    )
    finish_build = ServerVerb(ANY, "spawning", _rest(ACTIVE), source=f"{_MANAGER}: _update_instance_after_spawn")
    fail_build = ServerVerb(ANY, _BUILD, _rest(ERROR), source=f"{_MANAGER}: _set_instance_obj_error_state")

    # ---- rebuild
    rebuild = ServerVerb(
        "active stopped error", None, _task(REBUILDING), on_crash="fail_rebuild", source=f"{_API}: rebuild"
    )
    rebuild_block_devices = ServerVerb(
        ANY,
        REBUILDING,
        _task(REBUILD_BLOCK_DEVICE_MAPPING),
        on_crash="fail_rebuild",
        source=f"{_MANAGER}: _do_rebuild_instance",
    )
    rebuild_spawn = ServerVerb(
        ANY,
        REBUILD_BLOCK_DEVICE_MAPPING,
        _task(REBUILD_SPAWNING),
        on_crash="fail_rebuild",
        source=f"{_MANAGER}: _rebuild_default_impl",
    )
    finish_rebuild = ServerVerb(ANY, REBUILD_SPAWNING, _rest(ACTIVE), source=f"{_MANAGER}: _do_rebuild_instance")
    stop_rebuilt = ServerVerb(
        ANY, None, _task("powering-off"), on_crash="finish_stop", source=f"{_MANAGER}: _do_rebuild_instance"
    )
    fail_rebuild = ServerVerb(
        ANY,
        (REBUILDING, REBUILD_BLOCK_DEVICE_MAPPING, REBUILD_SPAWNING),
        _rest(ERROR),
        source=f"{_MANAGER}: _set_instance_obj_error_state",
    )

    # ---- snapshot
    snapshot = ServerVerb(
        "active stopped paused suspended",
        None,
        _task("image_snapshot_pending"),
        on_crash="abandon_snapshot",
        action="createImage",
        launched=True,
        locked=True,
        source=f"{_API}: snapshot",
    )
    take_snapshot = ServerVerb(
        ANY,
        "image_snapshot_pending",
        _task("image_snapshot"),
        on_crash="abandon_snapshot",
        source=f"{_MANAGER}: snapshot_instance",
    )
    prepare_upload = ServerVerb(
        ANY,
        "image_snapshot",
        _task("image_pending_upload"),
        on_crash="abandon_snapshot",
        source=f"{_MANAGER}: _snapshot_instance",
    )
    upload_snapshot = ServerVerb(
        ANY,
        "image_pending_upload",
        _task("image_uploading"),
        on_crash="abandon_snapshot",
        source=f"{_MANAGER}: _snapshot_instance",
    )
    finish_snapshot = ServerVerb(ANY, "image_uploading", _task(None), source=f"{_MANAGER}: _snapshot_instance")
    abandon_snapshot = ServerVerb(ANY, _SNAPSHOT, _task(None), source=f"{_MANAGER}: _snapshot_instance")

    # ---- power
    start = ServerVerb(
        STOPPED, None, _task("powering-on"), on_crash="finish_start", launched=True, source=f"{_API}: start"
    )
    stop = ServerVerb("active error", None, _task("powering-off"), on_crash="finish_stop", source=f"{_API}: stop")
    pause = ServerVerb(ACTIVE, None, _task("pausing"), on_crash="finish_pause", source=f"{_API}: pause")
    unpause = ServerVerb(PAUSED, None, _task("unpausing"), on_crash="finish_unpause", source=f"{_API}: unpause")
    suspend = ServerVerb(ACTIVE, None, _task("suspending"), on_crash="finish_suspend", source=f"{_API}: suspend")
    resume = ServerVerb(SUSPENDED, None, _task("resuming"), on_crash="finish_resume", source=f"{_API}: resume")
    finish_start = ServerVerb(ANY, "powering-on", _rest(ACTIVE), source=f"{_MANAGER}: start_instance")
    finish_stop = ServerVerb(ANY, "powering-off", _rest(STOPPED), source=f"{_MANAGER}: stop_instance")
    finish_pause = ServerVerb(ANY, "pausing", _rest(PAUSED), source=f"{_MANAGER}: pause_instance")
    finish_unpause = ServerVerb(ANY, "unpausing", _rest(ACTIVE), source=f"{_MANAGER}: unpause_instance")
    finish_suspend = ServerVerb(ANY, "suspending", _rest(SUSPENDED), source=f"{_MANAGER}: suspend_instance")
    finish_resume = ServerVerb(ANY, "resuming", _rest(ACTIVE), source=f"{_MANAGER}: resume_instance")

    # ---- reboot
    reboot = ServerVerb(
        "active stopped paused suspended error",
        None,
        _task("rebooting"),
        on_crash="recover_reboot",
        source=f"{_API}: _soft_reboot",
    )
    reboot_hard = ServerVerb(
        "active stopped paused suspended error",
        _HARD_REBOOTABLE,
        _task("rebooting_hard"),
        on_crash="recover_reboot",
        action="reboot-hard",
        source=f"{_API}: _hard_reboot",
    )
    begin_reboot = ServerVerb(
        ANY, "rebooting", _task("reboot_pending"), on_crash="recover_reboot", source=f"{_MANAGER}: reboot_instance"
    )
    begin_reboot_hard = ServerVerb(
        ANY,
        "rebooting_hard",
        _task("reboot_pending_hard"),
        on_crash="recover_reboot",
        source=f"{_MANAGER}: reboot_instance",
    )
    restart = ServerVerb(
        ANY, "reboot_pending", _task("reboot_started"), on_crash="recover_reboot", source=f"{_MANAGER}: reboot_instance"
    )
    restart_hard = ServerVerb(
        ANY,
        "reboot_pending_hard",
        _task("reboot_started_hard"),
        on_crash="recover_reboot",
        source=f"{_MANAGER}: reboot_instance",
    )
    finish_reboot = ServerVerb(
        ANY, "reboot_started reboot_started_hard", _rest(ACTIVE), source=f"{_MANAGER}: reboot_instance"
    )
    recover_reboot = ServerVerb(ANY, f"{_REBOOTS} {_HARD_REBOOTS}", _rest(ACTIVE), source=f"{_MANAGER}: _init_instance")

    # ---- what leaves the state as it is
    attach_volume = ServerVerb(_ATTACHABLE, None, {}, source=f"{_API}: attach_volume")
    detach_volume = ServerVerb(_ATTACHABLE, None, {}, source=f"{_API}: detach_volume")
    update_metadata = ServerVerb(
        "active paused suspended stopped", None, {}, source=f"{_API}: update_instance_metadata"
    )
    tags = ServerVerb(
        "active paused suspended stopped", ANY, {}, source="nova/api/openstack/compute/server_tags.py: _check_instance"
    )
    console = ServerVerb(
        "active stopped paused suspended error rescued", ANY, {}, locked=True, source=f"{_API}: get_console_output"
    )

    # ---- deletion, and an administrator's reset
    delete = ServerVerb(ANY, ANY, _task(DELETING), on_crash="finish_delete", source=f"{_API}: _delete")
    finish_delete = ServerVerb(ANY, ANY, _rest(DELETED), source=f"{_MANAGER}: _complete_deletion")
    reset_state = ServerVerb(
        ANY,
        ANY,
        {"vm_state": "active error", "task_state": None},
        source="nova/api/openstack/compute/admin_actions.py: _reset_state",
    )


API_VERBS: Mapping[str, ServerVerb] = {verb.action: verb for verb in ServerStates.verbs if isinstance(verb, ServerVerb)}
"""The verbs by the API actions' names."""

POWER = {"pending": 0, "running": 1, "paused": 3, "shutdown": 4, "crashed": 6, "suspended": 7}
"""``power_state`` as Nova counts it (``nova/compute/power_state.py``)."""
