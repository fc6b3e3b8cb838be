"""Messages that put servers aside and bring them back: shelve, rescue, backup, soft deletion.

Nova's topics, methods and arguments, between API, ``conductor`` and ``compute.<host>``.
"""

from typing import Any

from stackwire.contracts.base import Cast, Contract, Target
from stackwire.contracts.compute_workers import COMPUTE_HOST, NovaObject

CONDUCTOR_UNSHELVE = Target(exchange="nova", topic="conductor", namespace="compute_task", version="1.14")


class _OfInstance(Contract):
    """The arguments of a message about one server."""

    instance: NovaObject


class UnshelveInstance(_OfInstance, Cast, target=CONDUCTOR_UNSHELVE, method="unshelve_instance"):
    """Start a shelved server on its host, or find a host for an offloaded one."""

    request_spec: NovaObject | None = None


class ShelveInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="shelve_instance"):
    """Stop the server and upload its disk to the queued image ``image_id``; offload it, when that is to be at once."""

    image_id: str
    clean_shutdown: bool = True
    accel_uuids: list[str] = []


class ShelveOffloadInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="shelve_offload_instance"):
    """Take a shelved server, or one on volumes, off its host."""

    clean_shutdown: bool = True
    accel_uuids: list[str] = []


class UnshelveInstanceOnHost(_OfInstance, Cast, target=COMPUTE_HOST, method="unshelve_instance"):
    """Run an offloaded server again, from the image it was shelved to (none: from its volumes)."""

    image: dict[str, Any] | None = None
    filter_properties: dict[str, Any] = {}
    node: str | None = None
    request_spec: NovaObject | None = None
    accel_uuids: list[str] = []


class RescueInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="rescue_instance"):
    """Boot the server from ``rescue_image_ref`` (None: its base image), its own disk beside that."""

    rescue_password: str | None = None
    rescue_image_ref: str | None = None
    clean_shutdown: bool = True


class UnrescueInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="unrescue_instance"):
    """Boot the server from its own disk again."""


class BackupInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="backup_instance"):
    """Upload the server's disk to the queued image ``image_id``; keep ``rotation`` backups of this type."""

    image_id: str
    backup_type: str
    rotation: int


class SoftDeleteInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="soft_delete_instance"):
    """Switch the server off, and leave the rest of its deletion for later."""


class RestoreInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="restore_instance"):
    """Switch a soft-deleted server on again."""
