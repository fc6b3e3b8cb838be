"""Which verb is allowed in which state of a server: ``vm_state`` and ``task_state``.

The API asks the table before it accepts a request (``check_instance_state``), the workers move on by it
(``expected_task_state`` of Nova's ``Instance.save``), and recovery asks what to do with a server left half way.
"""

from collections.abc import Mapping
from typing import Any

from stackwire.core.states import ANY, Machine, Spec, StateSpec, Verb

BUILDING, ACTIVE, PAUSED, SUSPENDED, STOPPED = "building", "active", "paused", "suspended", "stopped"
RESCUED, RESIZED, SOFT_DELETED, DELETED, ERROR = "rescued", "resized", "soft-delete", "deleted", "error"
SHELVED, SHELVED_OFFLOADED = "shelved", "shelved_offloaded"

SCHEDULING, DELETING = "scheduling", "deleting"
SHELVING, SHELVING_OFFLOADING, UNSHELVING = "shelving", "shelving_offloading", "unshelving"
SPAWNING, RESCUING, UNRESCUING = "spawning", "rescuing", "unrescuing"
SOFT_DELETING, RESTORING = "soft-deleting", "restoring"
REBUILDING, REBUILD_BLOCK_DEVICE_MAPPING = "rebuilding", "rebuild_block_device_mapping"
REBUILD_SPAWNING = "rebuild_spawning"
RESIZE_PREP, RESIZE_MIGRATING, RESIZE_MIGRATED = "resize_prep", "resize_migrating", "resize_migrated"
RESIZE_FINISH, RESIZE_REVERTING = "resize_finish", "resize_reverting"
MIGRATING = "migrating"


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
        on_crash: str | None = None,
        *,
        source: str,
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


def _request(
    vm_state: StateSpec, to: str, on_crash: str, function: str, task_state: StateSpec = None, **facts: Any
) -> ServerVerb:
    """What a function of the API begins; ``check_instance_state`` wants a server that has run, unless it says so."""
    source, facts = f"nova/compute/api.py: {function}", {"launched": True, **facts}
    return ServerVerb(vm_state, task_state, {"task_state": to}, on_crash, source=source, **facts)


def _step(task_state: StateSpec, to: str | None, on_crash: str | None, function: str) -> ServerVerb:
    """What a function of the host goes on with."""
    return ServerVerb(ANY, task_state, {"task_state": to}, on_crash, source=f"nova/compute/manager.py: {function}")


def _finish(task_state: StateSpec, vm_state: str, function: str) -> ServerVerb:
    """What a function of the host ends with: at rest."""
    to = {"vm_state": vm_state, "task_state": None}
    return ServerVerb(ANY, task_state, to, source=f"nova/compute/manager.py: {function}")


def _check(vm_state: StateSpec, task_state: StateSpec, function: str, **facts: Any) -> ServerVerb:
    """What a function of the API does without a change of the state; the same of a server that has run."""
    facts = {"launched": True, **facts}
    return ServerVerb(vm_state, task_state, {}, source=f"nova/compute/api.py: {function}", **facts)


IO_TASKS = frozenset(
    {REBUILDING, RESIZE_MIGRATING, RESIZE_PREP, RESCUING, UNSHELVING, "image_backup", "image_snapshot"}
)
"""While they last a host reads and writes much, as it does during a build (``nova/compute/stats.py: io_workload``)."""
_CONDUCTOR = "nova/conductor/manager.py"
_ATTACHABLE = "active paused stopped resized soft-delete shelved shelved_offloaded"
_BOOTED = "active stopped paused suspended"
_REBOOTS = ("rebooting", "reboot_pending", "reboot_started")
_HARD_REBOOTS = ("rebooting_hard", "reboot_pending_hard", "reboot_started_hard")
_HARD_REBOOTABLE = (None, *_REBOOTS, "rebooting_hard", "pausing", "suspending", "resuming", "unpausing")
_BUILD = (None, SCHEDULING, "networking", "block_device_mapping", SPAWNING)
_SHELVE = (SHELVING, "shelving_image_pending_upload", "shelving_image_uploading", SHELVING_OFFLOADING)
_SNAPSHOT = "image_snapshot_pending image_snapshot image_backup image_pending_upload image_uploading"


class ServerStates(
    Machine, noun="server", columns=("vm_state", "task_state"), initial={"vm_state": BUILDING, "task_state": SCHEDULING}
):
    """``instances.vm_state`` and ``instances.task_state``."""

    # ---- build
    schedule = ServerVerb(
        BUILDING,
        SCHEDULING,
        {"vm_state": BUILDING, "task_state": SCHEDULING},
        "fail_build",
        source=f"{_CONDUCTOR}: schedule_and_build_instances",
    )
    fail_schedule = ServerVerb(
        ANY, (None, SCHEDULING), {"vm_state": ERROR, "task_state": None}, source=f"{_CONDUCTOR}: _bury_in_cell0"
    )
    begin_build = ServerVerb(
        BUILDING,
        (None, SCHEDULING),
        {"vm_state": BUILDING, "task_state": None},
        "fail_build",
        source="nova/compute/manager.py: _do_build_and_run_instance",
    )
    allocate_network = _step(None, "networking", "fail_build", "_build_networks_for_instance")
    map_block_devices = _step("networking", "block_device_mapping", "fail_build", "_build_resources")
    spawn = ServerVerb(  # only of a server that is built: one that is unshelved spawns too
        BUILDING,
        "block_device_mapping",
        {"vm_state": BUILDING, "task_state": SPAWNING},
        "fail_build",
        source="nova/compute/manager.py: _build_and_run_instance",
    )
    finish_build = _finish(SPAWNING, ACTIVE, "_update_instance_after_spawn")
    fail_build = _finish(_BUILD, ERROR, "_set_instance_obj_error_state")

    # ---- rebuild
    rebuild = _request("active stopped error", REBUILDING, "fail_rebuild", "rebuild")
    evacuate = _request("active stopped error", REBUILDING, "fail_rebuild", "evacuate", locked=True)
    rebuild_block_devices = _step(REBUILDING, REBUILD_BLOCK_DEVICE_MAPPING, "fail_rebuild", "_do_rebuild_instance")
    rebuild_spawn = _step(REBUILD_BLOCK_DEVICE_MAPPING, REBUILD_SPAWNING, "fail_rebuild", "_rebuild_default_impl")
    finish_rebuild = _finish(REBUILD_SPAWNING, ACTIVE, "_do_rebuild_instance")
    stop_rebuilt = _step(None, "powering-off", "finish_stop", "_do_rebuild_instance")
    fail_rebuild = _finish(
        (REBUILDING, REBUILD_BLOCK_DEVICE_MAPPING, REBUILD_SPAWNING), ERROR, "_set_instance_obj_error_state"
    )

    # ---- resize and cold migration: whoever dies before the server has left its host gives it up, later it goes on
    resize = _request("active stopped", RESIZE_PREP, "abandon_resize", "resize")
    migrate = _request("active stopped", RESIZE_PREP, "abandon_resize", "resize")
    migrate_disk = _step(RESIZE_PREP, RESIZE_MIGRATING, "abandon_resize", "_resize_instance")
    leave_host = _step(RESIZE_MIGRATING, RESIZE_MIGRATED, "begin_finish_resize", "_resize_instance")
    begin_finish_resize = _step(RESIZE_MIGRATED, RESIZE_FINISH, "finish_resize", "_finish_resize")
    finish_resize = _finish(RESIZE_FINISH, RESIZED, "_finish_resize")
    abandon_resize = _step((RESIZE_PREP, RESIZE_MIGRATING), None, None, "_init_instance")
    confirm_resize = _check(RESIZED, None, "confirm_resize", action="confirmResize", launched=True)
    finish_confirm = ServerVerb(
        RESIZED,
        None,
        {"vm_state": "active stopped", "task_state": None},
        source="nova/compute/manager.py: _confirm_resize",
    )
    revert_resize = _request(RESIZED, RESIZE_REVERTING, "finish_revert", "revert_resize", action="revertResize")
    finish_revert = _finish(RESIZE_REVERTING, ACTIVE, "_finish_revert_resize")
    stop_reverted = _step(RESIZE_REVERTING, "powering-off", "finish_stop", "_finish_revert_resize")
    fail_resize = _finish(
        (RESIZE_PREP, RESIZE_MIGRATING, RESIZE_MIGRATED, RESIZE_FINISH, RESIZE_REVERTING),
        ERROR,
        "_error_out_instance_on_exception",
    )

    # ---- live migration: until it is done the server is on the host it leaves
    live_migrate = _request("active paused", MIGRATING, "end_live_migration", "live_migrate", action="os-migrateLive")
    live_migrate_force_complete = _check(ACTIVE, MIGRATING, "live_migrate_force_complete", action="force_complete")
    live_migrate_abort = _check(ANY, MIGRATING, "live_migrate_abort", action="abort live migration")
    end_live_migration = _step(MIGRATING, None, None, "post_live_migration_at_destination")

    # ---- snapshot
    snapshot = _request(
        _BOOTED, "image_snapshot_pending", "abandon_snapshot", "snapshot", action="createImage", locked=True
    )
    backup = _request(_BOOTED, "image_backup", "abandon_snapshot", "backup", action="createBackup", locked=True)
    quiesce = _check(ACTIVE, ANY, "snapshot_volume_backed", launched=False)
    take_snapshot = _step("image_snapshot_pending", "image_snapshot", "abandon_snapshot", "snapshot_instance")
    prepare_upload = _step(
        "image_snapshot image_backup", "image_pending_upload", "abandon_snapshot", "_snapshot_instance"
    )
    upload_snapshot = _step("image_pending_upload", "image_uploading", "abandon_snapshot", "_snapshot_instance")
    finish_snapshot = _step("image_uploading", None, None, "_snapshot_instance")
    abandon_snapshot = _step(_SNAPSHOT, None, None, "_snapshot_instance")

    # ---- shelve
    shelve = _request(_BOOTED, SHELVING, "abandon_shelve", "shelve")
    prepare_shelve_upload = _step(SHELVING, "shelving_image_pending_upload", "abandon_shelve", "_shelve_instance")
    upload_shelved = _step(
        "shelving_image_pending_upload", "shelving_image_uploading", "abandon_shelve", "_shelve_instance"
    )
    finish_shelve = ServerVerb(  # what a crash leaves of the second goal is what ``shelve_offload`` says
        ANY,
        "shelving_image_uploading",
        {"vm_state": SHELVED, "task_state": (None, SHELVING_OFFLOADING)},
        source="nova/compute/manager.py: _shelve_instance",
    )
    shelve_offload = _request(SHELVED, SHELVING_OFFLOADING, "finish_offload", "shelve_offload", action="shelveOffload")
    finish_offload = _finish((SHELVING, SHELVING_OFFLOADING), SHELVED_OFFLOADED, "_shelve_offload_instance")
    abandon_shelve = _step(_SHELVE, None, None, "reverts_task_state")
    unshelve = _request((SHELVED, SHELVED_OFFLOADED), UNSHELVING, "fail_unshelve", "unshelve")
    start_shelved = ServerVerb(
        SHELVED, UNSHELVING, {"task_state": "powering-on"}, "finish_start", source=f"{_CONDUCTOR}: unshelve_instance"
    )
    spawn_unshelved = _step(UNSHELVING, SPAWNING, "fail_unshelve", "_unshelve_instance")
    finish_unshelve = _finish(SPAWNING, ACTIVE, "_unshelve_instance")
    fail_unshelve = ServerVerb(
        (SHELVED, SHELVED_OFFLOADED),
        (UNSHELVING, SPAWNING),
        {"task_state": None},
        source="nova/compute/manager.py: reverts_task_state",
    )
    lose_shelved_image = ServerVerb(
        SHELVED_OFFLOADED,
        UNSHELVING,
        {"vm_state": ERROR, "task_state": None},
        source=f"{_CONDUCTOR}: unshelve_instance",
    )

    # ---- rescue
    rescue = _request("active stopped error", RESCUING, "abandon_rescue", "rescue")
    finish_rescue = _finish(RESCUING, RESCUED, "rescue_instance")
    abandon_rescue = _step(RESCUING, None, None, "reverts_task_state")
    fail_rescue = _finish(RESCUING, ERROR, "_set_instance_obj_error_state")
    unrescue = _request(RESCUED, UNRESCUING, "finish_unrescue", "unrescue")
    finish_unrescue = _finish(UNRESCUING, ACTIVE, "unrescue_instance")
    fail_unrescue = _finish(UNRESCUING, ERROR, "_error_out_instance_on_exception")

    # ---- power
    start = _request(STOPPED, "powering-on", "finish_start", "start")
    stop = _request("active error", "powering-off", "finish_stop", "stop")
    pause = _request(ACTIVE, "pausing", "finish_pause", "pause")
    unpause = _request(PAUSED, "unpausing", "finish_unpause", "unpause")
    suspend = _request(ACTIVE, "suspending", "finish_suspend", "suspend")
    resume = _request(SUSPENDED, "resuming", "finish_resume", "resume")
    finish_start = _finish("powering-on", ACTIVE, "start_instance")
    finish_stop = _finish("powering-off", STOPPED, "stop_instance")
    finish_pause = _finish("pausing", PAUSED, "pause_instance")
    finish_unpause = _finish("unpausing", ACTIVE, "unpause_instance")
    finish_suspend = _finish("suspending", SUSPENDED, "suspend_instance")
    finish_resume = _finish("resuming", ACTIVE, "resume_instance")

    # ---- reboot
    reboot = _request(ACTIVE, "rebooting", "recover_reboot", "_soft_reboot")
    reboot_hard = _request(
        f"{_BOOTED} error", "rebooting_hard", "recover_reboot", "_hard_reboot", _HARD_REBOOTABLE, action="reboot-hard"
    )
    begin_reboot = _step("rebooting", "reboot_pending", "recover_reboot", "reboot_instance")
    begin_reboot_hard = _step("rebooting_hard", "reboot_pending_hard", "recover_reboot", "reboot_instance")
    restart = _step("reboot_pending", "reboot_started", "recover_reboot", "reboot_instance")
    restart_hard = _step("reboot_pending_hard", "reboot_started_hard", "recover_reboot", "reboot_instance")
    finish_reboot = _finish("reboot_started reboot_started_hard", ACTIVE, "reboot_instance")
    recover_reboot = _finish((*_REBOOTS, *_HARD_REBOOTS), ACTIVE, "_init_instance")

    # ---- what leaves the state as it is
    attach_volume = _check(_ATTACHABLE, None, "attach_volume")
    swap_volume = _check("active paused resized", None, "swap_volume", locked=True)  # only services can ask for it
    detach_volume = _check(_ATTACHABLE, None, "detach_volume")
    update_metadata = _check(_BOOTED, ANY, "update_instance_metadata")
    tags = ServerVerb(_BOOTED, ANY, {}, locked=True, source="nova/api/openstack/compute/server_tags.py")
    change_password = _request(
        ACTIVE, "updating_password", "finish_change_password", "set_admin_password", action="changePassword"
    )
    finish_change_password = _step("updating_password", None, None, "set_admin_password")
    trigger_crash_dump = _check("active paused rescued resized error", None, "trigger_crash_dump")
    inject_network_info = _check(ANY, ANY, "inject_network_info", launched=False, action="injectNetworkInfo")
    console = _check(ANY, ANY, "get_console_output", launched=False, locked=True)

    # ---- deletion, and an administrator's reset
    delete = _request(ANY, DELETING, "finish_delete", "_delete", ANY, launched=False)
    delete_again = _check(ANY, (DELETING, SOFT_DELETING), "_delete", launched=False)
    soft_delete = _request(ANY, SOFT_DELETING, "finish_soft_delete", "_delete", ANY)
    finish_soft_delete = _finish(SOFT_DELETING, SOFT_DELETED, "soft_delete_instance")
    restore = _request(SOFT_DELETED, RESTORING, "finish_restore", "restore")
    finish_restore = _finish(RESTORING, ACTIVE, "restore_instance")
    finish_delete = _finish(ANY, DELETED, "_complete_deletion")
    reset_state = ServerVerb(
        ANY,
        ANY,
        {"vm_state": "active error", "task_state": None},
        locked=True,
        source="nova/api/openstack/compute/admin_actions.py: _reset_state",
    )


API_VERBS: Mapping[str, ServerVerb] = {verb.action: verb for verb in ServerStates.verbs if isinstance(verb, ServerVerb)}
"""The verbs by the API actions' names."""

POWER = {"pending": 0, "running": 1, "paused": 3, "shutdown": 4, "crashed": 6, "suspended": 7}
"""``power_state`` as Nova counts it (``nova/compute/power_state.py``)."""
