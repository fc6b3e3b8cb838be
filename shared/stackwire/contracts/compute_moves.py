"""Messages that move servers between hosts: resize, cold and live migration. Nova's topics, methods and arguments.

API -> ``conductor`` -> the host that a server goes to -> the one it leaves -> the first again. What has begun goes
over the hosts' topic ``compute-alt``, which Nova serves until the last while a host shuts down.
"""

from typing import Any

from stackwire.contracts.base import Call, Cast, Contract, Target
from stackwire.contracts.compute_workers import COMPUTE_ALT, COMPUTE_HOST, NovaObject

CONDUCTOR_MOVES = Target(exchange="nova", topic="conductor", namespace="compute_task", version="1.20")


CONDUCTOR_LIVE = Target(exchange="nova", topic="conductor", namespace="compute_task", version="1.15")


class _OfInstance(Contract):
    """The arguments of a message about one server."""

    instance: NovaObject


class _OfMigration(_OfInstance):
    """The arguments of a message about one move of a server."""

    migration: NovaObject


class MigrateServer(_OfInstance, Cast, target=CONDUCTOR_MOVES, method="migrate_server"):
    """Find another host and move the server there, with this flavor."""

    scheduler_hint: dict[str, Any]
    live: bool = False
    rebuild: bool = False
    flavor: NovaObject | None
    block_migration: bool | None = None
    disk_over_commit: bool | None = None
    reservations: list[Any] | None = None
    clean_shutdown: bool = True
    request_spec: NovaObject
    host_list: list[Any] | None = None


class PrepResize(_OfMigration, Cast, target=COMPUTE_HOST, method="prep_resize"):
    """The host the server goes to claims it. ``host_list``: others that would do."""

    flavor: NovaObject
    image: dict[str, Any]
    request_spec: NovaObject
    filter_properties: dict[str, Any]
    node: str | None
    clean_shutdown: bool = True
    host_list: list[Any] | None = None


class ResizeInstance(_OfMigration, Cast, target=COMPUTE_ALT, method="resize_instance"):
    """The host the server is on switches it off and sends its disk."""

    image: dict[str, Any]
    flavor: NovaObject
    clean_shutdown: bool = True
    request_spec: NovaObject


class FinishResize(_OfMigration, Cast, target=COMPUTE_ALT, method="finish_resize"):
    """The host the server went to starts it from the disk that has come."""

    image: dict[str, Any]
    disk_info: str | None = None
    request_spec: NovaObject


class ConfirmResize(_OfMigration, Cast, target=COMPUTE_HOST, method="confirm_resize"):
    """The host the server left deletes what it kept of it."""


class RevertResize(_OfMigration, Cast, target=COMPUTE_HOST, method="revert_resize"):
    """The host the server went to deletes what it has of it."""

    request_spec: NovaObject


class FinishRevertResize(_OfMigration, Cast, target=COMPUTE_ALT, method="finish_revert_resize"):
    """The host the server had left starts it again, as it was."""

    request_spec: NovaObject


# ---- live migration


class _LiveMigrate(_OfInstance):
    """``block_migration`` null: as the hosts find it necessary. ``scheduler_hint``: the ``host`` that is not asked."""

    scheduler_hint: dict[str, Any]
    block_migration: bool | None
    disk_over_commit: bool | None
    request_spec: NovaObject


class LiveMigrateInstance(_LiveMigrate, Cast, target=CONDUCTOR_LIVE, method="live_migrate_instance"):
    """Find another host, ask both whether it can be done, and have it done."""


class LiveMigrateServer(_LiveMigrate, Call[None], target=CONDUCTOR_MOVES, method="migrate_server"):
    """The same, answered when both hosts have been asked: the way of versions before 2.34."""

    live: bool = True
    rebuild: bool = False
    flavor: None = None
    reservations: None = None


class CheckCanLiveMigrateDestination(
    _OfMigration, Call[NovaObject], target=COMPUTE_HOST, method="check_can_live_migrate_destination"
):
    """What the host the server goes to, and through it the one it is on, know of the way; MigrationPreCheckError."""

    block_migration: bool | None
    disk_over_commit: bool | None
    limits: NovaObject


class CheckCanLiveMigrateSource(
    _OfInstance, Call[NovaObject], target=COMPUTE_HOST, method="check_can_live_migrate_source"
):
    """The same object, completed by the host the server is on."""

    dest_check_data: NovaObject


class LiveMigration(_OfMigration, Cast, target=COMPUTE_ALT, method="live_migration"):
    """Move the running server to the host ``dest``."""

    dest: str
    block_migration: bool | None
    migrate_data: NovaObject


class PreLiveMigration(_OfInstance, Call[NovaObject], target=COMPUTE_ALT, method="pre_live_migration"):
    """Prepare for the server's arrival; answers with what the way needs to know."""

    disk: str | None = None
    migrate_data: NovaObject


class PostLiveMigrationAtDestination(
    _OfInstance, Call[None], target=COMPUTE_ALT, method="post_live_migration_at_destination"
):
    """The server runs here from now on."""

    block_migration: bool | None


class ForceCompleteLiveMigration(_OfInstance, Cast, target=COMPUTE_HOST, method="live_migration_force_complete"):
    """Do not wait any longer for the server's memory."""


class AbortLiveMigration(_OfInstance, Cast, target=COMPUTE_HOST, method="live_migration_abort"):
    """The server stays where it is."""

    migration_id: int
