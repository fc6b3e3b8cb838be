"""The payloads of events about a server, in both of Nova's notification formats.

``legacy``: flat dictionaries under ``compute.instance.*`` (``nova/notifications/base.py: info_from_instance``).
``versioned``: objects under ``instance.*`` (``nova/notifications/objects/instance.py``), which carry no properties of
the image. Which fields an event has is in the contracts: ``events_compute``, ``events_versioned``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stackwire.compute.domain import travel
from stackwire.compute.domain.model import Instance, KeyPair
from stackwire.compute.domain.names import names
from stackwire.compute.domain.notification_payloads import (
    flavor_payload,
    ip_payload,
    key_payload,
    printed,
    volume_payloads,
)
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER
from stackwire.contracts.events_versioned import CLASSES, PLAIN, AuditPeriodPayload, InstanceStateUpdatePayload

POWER_NAMES: Mapping[int, str] = {number: name for name, number in POWER.items()}
# the events whose payload lists the volumes; in the others the field is null
WITH_DEVICES = frozenset(
    names(
        "create delete shutdown rebuild reboot resume shelve shelve_offload unshelve"
        " resize resize_finish resize_revert live_migration_pre"
    )
)
COPIED = [
    "uuid",
    "user_id",
    "reservation_id",
    "display_name",
    "display_description",
    "host",
    "node",
    "os_type",
    "architecture",
    "availability_zone",
    "key_name",
    "kernel_id",
    "ramdisk_id",
    "task_state",
    "progress",
    "locked",
]
"""Fields of versioned payloads that are columns of the instance."""
TIMES = ("created_at", "launched_at", "terminated_at", "deleted_at", "updated_at")
WITHOUT_FAULT = frozenset({"exists", "update"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationContext:
    """What the payloads carry beside the server: the request, and the image API's address. ``now``: aware, UTC."""

    now: datetime
    request_id: str
    user_id: str | None
    project_id: str | None
    image_url: str


def _seconds(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micros(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _whole_second(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(microsecond=0)


def _month(now: datetime) -> datetime:
    """The audit period is a month: it began with this one."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


# ---- legacy


def legacy(server: Server, context: NotificationContext, **more: Any) -> dict[str, Any]:
    """The common fields, and ``more``."""
    instance = server.instance
    return {
        "tenant_id": instance.project_id,
        "user_id": instance.user_id,
        "instance_id": instance.uuid,
        "display_name": instance.display_name,
        "reservation_id": instance.reservation_id,
        "hostname": instance.hostname,
        "instance_type": server.flavor.name,
        "instance_type_id": instance.instance_type_id,
        "instance_flavor_id": server.flavor.flavorid,
        "architecture": instance.architecture,
        "memory_mb": server.flavor.memory_mb,
        "disk_gb": server.flavor.root_gb + server.flavor.ephemeral_gb,
        "vcpus": server.flavor.vcpus,
        "root_gb": server.flavor.root_gb,
        "ephemeral_gb": server.flavor.ephemeral_gb,
        "host": instance.host,
        "node": instance.node,
        "availability_zone": instance.availability_zone,
        "cell_name": "",
        "created_at": str(_whole_second(instance.created_at)),
        "terminated_at": _micros(instance.terminated_at),
        "deleted_at": _micros(_whole_second(instance.deleted_at)),
        "launched_at": _micros(_whole_second(instance.launched_at)),
        "image_ref_url": f"{context.image_url}/images/{instance.image_ref}",
        "os_type": instance.os_type,
        "kernel_id": instance.kernel_id,
        "ramdisk_id": instance.ramdisk_id,
        "state": instance.vm_state,
        "state_description": instance.task_state or "",
        "progress": instance.progress or "",
        "access_ip_v4": instance.access_ip_v4,
        "access_ip_v6": instance.access_ip_v6,
        "image_meta": _image_meta(server.system_metadata),
        "metadata": dict(server.metadata),
        **more,
    }


def fixed_ips(server: Server) -> list[dict[str, Any]]:
    """The addresses as the unversioned ends of a build and a rebuild list them (``info_from_instance``)."""
    return [
        {
            "address": each.address,
            "type": "fixed",
            "version": each.version,
            "meta": {},
            "floating_ips": [],
            "label": each.label,
            "vif_mac": each.mac,
        }
        for each in server.addresses
    ]


def _image_meta(rows: Mapping[str, str]) -> dict[str, str]:
    prefix = travel.PREFIX
    return {key.removeprefix(prefix): value for key, value in rows.items() if key.startswith(prefix)}


def legacy_update(before: Instance, server: Server, context: NotificationContext) -> dict[str, Any]:
    """``compute.instance.update``. For a server that was at rest the new task state is the old one too."""
    instance = server.instance
    return legacy(
        server,
        context,
        audit_period_beginning=_micros(_month(context.now)),
        audit_period_ending=_micros(context.now),
        old_state=before.vm_state,
        old_task_state=before.task_state or instance.task_state,
        new_task_state=instance.task_state,
        **({"old_display_name": before.display_name} if _renamed(before, instance) else {}),
    )


def _renamed(before: Instance, instance: Instance) -> bool:
    """The name changed, and nothing of the state."""
    same_state = (before.vm_state, before.task_state) == (instance.vm_state, instance.task_state)
    return same_state and before.display_name != instance.display_name


def legacy_exists(server: Server, context: NotificationContext) -> dict[str, Any]:
    """``compute.instance.exists``, for this month."""
    beginning, ending = _month(context.now), context.now
    return legacy(
        server,
        context,
        audit_period_beginning=beginning.strftime("%Y-%m-%d %H:%M:%S"),
        audit_period_ending=ending.strftime("%Y-%m-%d %H:%M:%S.%f"),
    )


def legacy_error(server: Server, context: NotificationContext, error: BaseException, **more: Any) -> dict[str, Any]:
    """An event with priority ERROR has the error's text, as users may read it."""
    return legacy(
        server, context, **more, message=str(error), exception=printed(error), code=getattr(error, "status", 500)
    )


# ---- versioned


def versioned(server: Server, context: NotificationContext, event: str, **more: Any) -> dict[str, Any]:
    """The payload of ``instance.<event>``; ``more`` are the event's own fields."""
    instance = server.instance
    data: dict[str, Any] = {
        **{name: getattr(instance, name) for name in COPIED},
        **{name: _seconds(getattr(instance, name)) for name in TIMES},
        "tenant_id": instance.project_id,
        "host_name": instance.hostname,
        "flavor": flavor_payload(server.flavor),
        "image_uuid": instance.image_ref,
        "state": instance.vm_state,
        "power_state": POWER_NAMES.get(instance.power_state, "pending"),
        "ip_addresses": [ip_payload(each) for each in server.addresses],
        "block_devices": volume_payloads(server) if event in WITH_DEVICES else None,
        "metadata": dict(server.metadata),
        "auto_disk_config": "AUTO" if instance.auto_disk_config else "MANUAL",
        "request_id": context.request_id,
        "action_initiator_user": context.user_id,
        "action_initiator_project": context.project_id,
        "locked_reason": server.locked_reason,
        "shares": None,
    }
    if event not in WITHOUT_FAULT:
        data["fault"] = None
    return CLASSES.get(event, PLAIN).around(data | more)


def versioned_update(before: Instance, server: Server, context: NotificationContext) -> dict[str, Any]:
    """``instance.update``: the state before and after."""
    instance = server.instance
    moves = {
        "old_state": before.vm_state,
        "state": instance.vm_state,
        "old_task_state": before.task_state or instance.task_state,
        "new_task_state": instance.task_state,
    }
    return versioned(
        server,
        context,
        "update",
        audit_period=_audit_period(context.now),
        state_update=InstanceStateUpdatePayload.around(moves),
        old_display_name=before.display_name if _renamed(before, instance) else None,
        tags=list(server.tags),
    )


def versioned_exists(server: Server, context: NotificationContext) -> dict[str, Any]:
    """``instance.exists``, for this month."""
    return versioned(server, context, "exists", audit_period=_audit_period(context.now))


def certificates(server: Server) -> dict[str, Any]:
    """What events of creations and rebuilds have of the certificates that the client trusts."""
    return {"trusted_image_certificates": server.trusted_certificates}


def create_fields(server: Server, key: KeyPair | None, **more: Any) -> dict[str, Any]:
    """What only ``instance.create.*`` carries."""
    return {
        "keypairs": [] if key is None else [key_payload(key)],
        "tags": list(server.tags),
        **certificates(server),
        "instance_name": f"instance-{server.instance.id:08x}",
        **more,
    }


def _audit_period(now: datetime) -> dict[str, Any]:
    period = {"audit_period_beginning": _seconds(_month(now)), "audit_period_ending": _seconds(now)}
    return AuditPeriodPayload.around(period)
