"""Messages that move servers between hosts: resize and cold migration. Nova's topics, methods and arguments.

API -> ``conductor`` -> the host that a server goes to -> the one it leaves -> the first again. What has begun goes
over the hosts' topic ``compute-alt``, which Nova serves until the last while a host shuts down.
"""

from typing import Any

from stackwire.contracts.base import Cast, Contract, Target
from stackwire.contracts.compute_workers import COMPUTE_ALT, COMPUTE_HOST, NovaObject

CONDUCTOR_MOVES = Target(exchange="nova", topic="conductor", namespace="compute_task", version="1.20")


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
