"""A server's devices as the ``block_device_mapping`` of its snapshot image."""

from typing import Any, Protocol

# nova/block_device.py: what of a device goes into a snapshot image's block_device_mapping, as the recordings show it
MAPPING_FIELDS = (
    "boot_index", "delete_on_termination", "destination_type", "device_name", "device_type", "disk_bus", "encrypted",
    "encryption_format", "encryption_options", "encryption_secret_uuid", "guest_format", "image_id", "no_device",
    "snapshot_id", "source_type", "tag", "volume_id", "volume_size", "volume_type",
)  # fmt: skip


class Device(Protocol):
    """What a snapshot asks of a server's device."""

    @property
    def boot_index(self) -> int | None: ...
    @property
    def delete_on_termination(self) -> bool: ...
    @property
    def destination_type(self) -> str: ...
    @property
    def device_name(self) -> str | None: ...
    @property
    def device_type(self) -> str | None: ...
    @property
    def disk_bus(self) -> str | None: ...
    @property
    def guest_format(self) -> str | None: ...
    @property
    def image_id(self) -> str | None: ...
    @property
    def no_device(self) -> bool | None: ...
    @property
    def source_type(self) -> str: ...
    @property
    def tag(self) -> str | None: ...
    @property
    def volume_size(self) -> int | None: ...


def snapshot_mapping(device: Device, snapshot_id: str, size: int) -> dict[str, Any]:
    """A volume of a server as an entry of its snapshot's ``block_device_mapping``."""
    told: dict[str, Any] = dict.fromkeys(MAPPING_FIELDS)
    kept = ("boot_index", "delete_on_termination", "device_name", "device_type", "disk_bus", "guest_format", "tag")
    told |= {key: getattr(device, key) for key in kept}
    return told | {
        "source_type": "snapshot", "destination_type": "volume", "snapshot_id": snapshot_id, "volume_size": size,
    }  # fmt: skip


def local_mapping(device: Device) -> dict[str, Any]:
    """A local disk of a volume-backed server as an entry of its snapshot's ``block_device_mapping``."""
    return dict.fromkeys(MAPPING_FIELDS) | {key: getattr(device, key, None) for key in MAPPING_FIELDS}
