"""A server's devices as the ``block_device_mapping`` of its snapshot image."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.names import names

# nova/block_device.py: the fields of an entry in a snapshot image's block_device_mapping
MAPPING_FIELDS = names(
    "boot_index delete_on_termination destination_type device_name device_type disk_bus encrypted "
    "encryption_format encryption_options encryption_secret_uuid guest_format image_id no_device "
    "snapshot_id source_type tag volume_id volume_size volume_type"
)


def snapshot_mapping(device: BlockDevice, snapshot_id: str, size: int) -> dict[str, Any]:
    """A volume of a server as an entry of its snapshot's ``block_device_mapping``."""
    mapping: dict[str, Any] = dict.fromkeys(MAPPING_FIELDS)
    kept = ("boot_index", "delete_on_termination", "device_name", "device_type", "disk_bus", "guest_format", "tag")
    mapping |= {key: getattr(device, key) for key in kept}
    return mapping | {
        "source_type": "snapshot",
        "destination_type": "volume",
        "snapshot_id": snapshot_id,
        "volume_size": size,
    }


ROOT_SCHEME = "cinder://"
ROOT_KEPT = names(
    "delete_on_termination destination_type device_name device_type disk_bus guest_format tag volume_size"
)
"""What of a root device goes with the location that its snapshot becomes."""


def root_apart(mapping: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any] | None, list[Mapping[str, Any]]]:
    """The root's snapshot, if it has one, and the other entries."""
    root = next((entry for entry in mapping if entry["boot_index"] == 0 and entry["snapshot_id"]), None)
    return root, [entry for entry in mapping if entry is not root]


def root_location_metadata(root: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of the location that the root's snapshot becomes."""
    return {name: root[name] for name in ROOT_KEPT if root[name] is not None}


def lacks_root(image: Mapping[str, Any]) -> bool:
    """Whether an image defines a server's devices but its root, which then is its location."""
    properties = image.get("properties") or {}
    listed = properties.get("block_device_mapping")
    if not isinstance(listed, list) or not properties.get("bdm_v2"):
        return False
    return not any(isinstance(entry, Mapping) and entry.get("boot_index") == 0 for entry in listed)


def with_root(image: Mapping[str, Any], locations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The image with its root among its devices, where its first location is a snapshot of a volume.

    Further locations are copies of the first.
    """
    first = locations[0] if locations else {}
    url = str(first.get("url", ""))
    if not url.startswith(ROOT_SCHEME):
        return dict(image)
    root = dict.fromkeys(MAPPING_FIELDS)
    root |= {name: value for name, value in (first.get("metadata") or {}).items() if name in ROOT_KEPT}
    root |= {"boot_index": 0, "source_type": "snapshot", "destination_type": "volume"}
    root["snapshot_id"] = url.rpartition("/")[2]
    properties = image.get("properties") or {}
    listed = [root, *properties["block_device_mapping"]]
    return {**image, "properties": {**properties, "block_device_mapping": listed}}


def local_mapping(device: BlockDevice) -> dict[str, Any]:
    """A local disk of a volume-backed server as an entry of its snapshot's ``block_device_mapping``."""
    return dict.fromkeys(MAPPING_FIELDS) | {key: getattr(device, key, None) for key in MAPPING_FIELDS}
