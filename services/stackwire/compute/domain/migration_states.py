"""Which verb is allowed in which state of a migration. ``nova/objects/migration.py``.

No verb has an ``on_crash``: recovery asks the moving server's own state, and its migration follows that.
"""

from stackwire.core.states import Machine, Verb

_MANAGER = "nova/compute/manager.py"
RESIZE, MIGRATION, LIVE_MIGRATION, EVACUATION = "resize", "migration", "live-migration", "evacuation"
"""``migration_type``."""
LIVE_IN_PROGRESS = ("queued", "preparing", "running", "post-migrating")
"""Of a live migration, where it is shown as one (``nova/db/main/api.py: migration_get_in_progress_by_instance``)."""
MOVING = "accepted pre-migrating migrating post-migrating reverting queued preparing running"
"""The server is on its way."""


class MigrationStates(Machine, noun="migration", columns=("status",), initial="accepted pre-migrating"):
    """``migrations.status``."""

    # ---- resize and cold migration
    migrate_disk = Verb("pre-migrating", "migrating", source=f"{_MANAGER}: _resize_instance")
    leave_host = Verb("migrating", "post-migrating", source=f"{_MANAGER}: _resize_instance")
    finish = Verb("post-migrating", "finished", source=f"{_MANAGER}: _finish_resize")
    begin_confirm = Verb("finished", "confirming", source="nova/compute/api.py: confirm_resize")
    confirm = Verb("finished confirming", "confirmed", source="nova/compute/resource_tracker.py: drop_move_claim")
    begin_revert = Verb("finished", "reverting", source="nova/compute/api.py: revert_resize")
    revert = Verb("reverting", "reverted", source="nova/compute/resource_tracker.py: drop_move_claim_at_dest")

    # ---- live migration
    queue = Verb("accepted", "queued", source=f"{_MANAGER}: live_migration")
    prepare = Verb("queued", "preparing", source=f"{_MANAGER}: _do_live_migration")
    run = Verb("preparing", "running", source=f"{_MANAGER}: _do_pre_live_migration_from_source")
    complete = Verb("running", "completed", source=f"{_MANAGER}: _post_live_migration")
    cancel = Verb("queued preparing running", "cancelled", source=f"{_MANAGER}: live_migration_abort")
    fail_live = Verb("accepted queued preparing running", "failed", source=f"{_MANAGER}: _rollback_live_migration")

    # ---- evacuation
    begin_evacuation = Verb("accepted", "pre-migrating", source="nova/compute/resource_tracker.py: rebuild_claim")
    finish_evacuation = Verb("pre-migrating", "done", source=f"{_MANAGER}: rebuild_instance")
    end_evacuation = Verb("done", "completed", source=f"{_MANAGER}: _destroy_evacuated_instances")

    fail = Verb(f"{MOVING} confirming", "error", source=f"{_MANAGER}: errors_out_migration")
