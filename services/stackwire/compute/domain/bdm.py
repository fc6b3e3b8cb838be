"""Block devices as requested: the two syntaxes, and what the image and the flavor add.

``BlockDeviceRequest`` is a device before it exists. Looking up the volumes, snapshots and images that devices name is
the flow's work. ``nova/block_device.py``; ``nova/compute/api.py: _check_and_transform_bdm``.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from stackwire.compute.domain.errors import InvalidBDM
from stackwire.compute.domain.model import Flavor

SOURCES = ("volume", "image", "snapshot", "blank")
DESTINATIONS = ("local", "volume")
DEFAULT_ROOT = "vda"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDeviceRequest:
    """A block device as requested. ``volume_size`` is GiB (MiB for swap); ``boot_index`` None or -1: not bootable."""

    source_type: str
    destination_type: str
    volume_id: str | None = None
    snapshot_id: str | None = None
    image_id: str | None = None
    volume_size: int | None = None
    volume_type: str | None = None
    boot_index: int | None = None
    device_name: str | None = None
    device_type: str | None = None
    disk_bus: str | None = None
    guest_format: str | None = None
    delete_on_termination: bool = False
    tag: str | None = None
    no_device: bool = False

    @property
    def is_root(self) -> bool:
        return self.boot_index == 0

    @property
    def is_volume(self) -> bool:
        return self.destination_type == "volume" and not self.no_device

    @property
    def is_swap(self) -> bool:
        return self.source_type == "blank" and self.destination_type == "local" and self.guest_format == "swap"

    @property
    def is_ephemeral(self) -> bool:
        return self.source_type == "blank" and self.destination_type == "local" and self.guest_format != "swap"


_FIELDS = frozenset(field.name for field in fields(BlockDeviceRequest))


# ---- the two syntaxes


def from_v2(entries: Iterable[Mapping[str, Any]], *, has_image: bool) -> list[BlockDeviceRequest]:
    """``block_device_mapping_v2`` of a request, entries already of the right types; InvalidBDM names what is wrong."""
    return [_from_v2(_with_dev(entry), has_image) for entry in entries]


def _with_dev(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """``nova/block_device.py: prepend_dev``."""
    name = entry.get("device_name")
    return {**entry, "device_name": f"/dev/{strip_dev(name)}"} if isinstance(name, str) and name else entry


def _from_v2(entry: Mapping[str, Any], has_image: bool) -> BlockDeviceRequest:
    source, uuid = entry.get("source_type"), entry.get("uuid")
    if entry.get("no_device"):
        return _local(source or "blank", device_name=entry.get("device_name"), no_device=True)
    if source not in SOURCES:
        raise InvalidBDM(reason=f"source_type must be one of {', '.join(SOURCES)}")
    if source == "blank" and uuid:
        raise InvalidBDM(reason="a blank device has no uuid")
    if source != "blank" and not uuid:
        raise InvalidBDM(reason=f"a device from a source of type {source} needs its uuid")
    device = _request(entry, source, {f"{source}_id": uuid} if uuid else {})
    _check_v2(device, has_image)
    return device


def _check_v2(device: BlockDeviceRequest, has_image: bool) -> None:
    source, is_local = device.source_type, device.destination_type == "local"
    if source == "image" and is_local and not (has_image and device.is_root):
        raise InvalidBDM(reason="an image can only be mapped to the local disk as the image the server boots from")
    if device.volume_type and is_local:
        raise InvalidBDM(reason="volume_type has no meaning for a local device")
    if device.volume_type and source == "volume":
        raise InvalidBDM(reason="volume_type cannot be given for a volume that exists")


def _request(entry: Mapping[str, Any], source: str, ids: Mapping[str, str]) -> BlockDeviceRequest:
    given = {key: value for key, value in entry.items() if key in _FIELDS and value is not None}
    given |= {"source_type": source, **ids}
    given.setdefault("destination_type", "volume" if source in ("volume", "snapshot") else "local")
    if source == "volume" and given["destination_type"] == "local":
        raise InvalidBDM(reason="a volume can only be mapped to a volume")
    if given.get("volume_size") in (None, ""):
        given.pop("volume_size", None)
    return BlockDeviceRequest(**given)


def _local(source: str, **fields: Any) -> BlockDeviceRequest:
    return BlockDeviceRequest(source_type=source, destination_type="local", **fields)


def from_v1(
    entries: Iterable[Mapping[str, Any]], image_id: str, root_device: str, *, no_root: bool
) -> list[BlockDeviceRequest]:
    """``block_device_mapping`` of a request (or of an old image), and the image's own disk when nothing else is root.

    ``no_root``: the image defines its root device, none is to be added.
    """
    devices = [_from_v1(_with_dev(entry)) for entry in entries]
    devices = [_placed(device, root_device) for device in devices]
    if image_id and not no_root and not any(device.is_root for device in devices):
        devices.insert(0, image_disk(image_id))
    return devices


def _from_v1(entry: Mapping[str, Any]) -> BlockDeviceRequest:
    rest = {
        key: entry[key]
        for key in ("device_name", "delete_on_termination", "volume_size")
        if entry.get(key) not in (None, "")
    }
    virtual = entry.get("virtual_name")
    if entry.get("no_device"):
        return _local("blank", device_name=rest.get("device_name"), no_device=True)
    if virtual and is_swap_or_ephemeral(virtual):
        guest_format = "swap" if virtual == "swap" else None
        return _local("blank", guest_format=guest_format, **rest | {"delete_on_termination": True})
    for source in ("snapshot", "volume"):
        if entry.get(f"{source}_id"):
            return _request(rest, source, {f"{source}_id": entry[f"{source}_id"]})
    raise InvalidBDM(reason="an entry names neither a volume, nor a snapshot, nor swap or ephemeral storage")


def _placed(device: BlockDeviceRequest, root_device: str) -> BlockDeviceRequest:
    if device.no_device:
        return device
    named = device.device_name is not None and strip_dev(device.device_name) == strip_dev(root_device)
    return replace(device, boot_index=0 if named and device.source_type != "blank" else -1)


def image_disk(image_id: str) -> BlockDeviceRequest:
    """The local disk a server gets from the image it boots from."""
    return _local("image", image_id=image_id, boot_index=0, device_type="disk", delete_on_termination=True)


# ---- what the image and the flavor add


def assembled(
    requested: Callable[[bool], list[BlockDeviceRequest]], image: Mapping[str, Any], flavor: Flavor, *, legacy: bool
) -> list[BlockDeviceRequest]:
    """All devices of a server: the image's, overridden by the request's, and the flavor's swap and ephemeral disks.

    ``requested(no_root)`` reads the client's devices; ``no_root``: the image defines a root device, which then replaces
    the client's own image disk.
    """
    own = from_image(image, flavor)
    defines_root = any(device.is_root for device in own)
    devices = requested(defines_root)
    if defines_root and not legacy:
        devices = [device for device in devices if not (device.source_type == "image" and device.is_root)]
    return with_flavor_disks(_overridden(own, devices), flavor)


def from_image(image: Mapping[str, Any], flavor: Flavor) -> list[BlockDeviceRequest]:
    """The devices an image defines: ``block_device_mapping`` (``bdm_v2`` decides the syntax), and ``mappings``."""
    properties = image.get("properties") or {}
    root = root_device_of(properties) or DEFAULT_ROOT
    listed = properties.get("block_device_mapping") or []
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise InvalidBDM(reason="the image's block_device_mapping is not a list of objects")
    try:
        own = (
            [_stored(entry) for entry in listed]
            if properties.get("bdm_v2")
            else from_v1(listed, "", root, no_root=True)
        )
    except TypeError as error:
        raise InvalidBDM(reason=f"the image's block_device_mapping cannot be read: {error}") from None
    return _overridden(_virtual_devices(properties, flavor), own)


def _stored(entry: Mapping[str, Any]) -> BlockDeviceRequest:
    """An entry of a snapshot image: in the form that Nova keeps devices in, ids and all."""
    source = entry.get("source_type")
    ids = {key: entry[key] for key in ("volume_id", "snapshot_id", "image_id") if entry.get(key)}
    if source not in SOURCES:
        raise InvalidBDM(reason="the image defines a device without a source")
    size, index = entry.get("volume_size"), entry.get("boot_index")
    if any(value is not None and (isinstance(value, bool) or not isinstance(value, int)) for value in (size, index)):
        raise InvalidBDM(reason="the image defines a device with a size or a boot index that is no number")
    if not all(isinstance(value, str) for value in ids.values()):
        raise InvalidBDM(reason="the image defines a device with an id that is no text")
    device = _request(_with_dev(entry), source, ids)
    return replace(device, delete_on_termination=bool(device.delete_on_termination), no_device=bool(device.no_device))


def _virtual_devices(properties: Mapping[str, Any], flavor: Flavor) -> list[BlockDeviceRequest]:
    listed = properties.get("mappings") or []
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise InvalidBDM(reason="the image's mappings are not a list of objects")
    devices = []
    for entry in listed:
        virtual, name = entry.get("virtual"), entry.get("device")
        if not isinstance(virtual, str) or not isinstance(name, str) or not is_swap_or_ephemeral(virtual):
            continue
        size = flavor.swap if virtual == "swap" else flavor.ephemeral_gb
        if size:
            devices.append(replace(blank_disk(size, swap=virtual == "swap"), device_name=f"/dev/{strip_dev(name)}"))
    return devices


def with_flavor_disks(devices: Sequence[BlockDeviceRequest], flavor: Flavor) -> list[BlockDeviceRequest]:
    """The flavor's ephemeral and swap disks, unless some are requested already."""
    added = []
    if flavor.ephemeral_gb and not any(device.is_ephemeral for device in devices):
        added.append(blank_disk(flavor.ephemeral_gb))
    if flavor.swap and not any(device.is_swap for device in devices):
        added.append(blank_disk(flavor.swap, swap=True))
    return [*devices, *added]


def blank_disk(size: int, *, swap: bool = False) -> BlockDeviceRequest:
    """An empty local disk: GiB, or MiB of swap."""
    disk = _local("blank", volume_size=size, boot_index=-1, device_type="disk", delete_on_termination=True)
    return replace(disk, guest_format="swap") if swap else disk


def _overridden(weak: Sequence[BlockDeviceRequest], strong: Sequence[BlockDeviceRequest]) -> list[BlockDeviceRequest]:
    """All of ``strong``, and those of ``weak`` whose names it does not use."""
    used = {strip_dev(device.device_name) for device in strong if device.device_name}
    return [*strong, *(device for device in weak if strip_dev(device.device_name or "") not in used)]


# ---- lookups


def boot_candidate(devices: Sequence[BlockDeviceRequest], *, legacy: bool) -> BlockDeviceRequest | None:
    """The device whose image, volume or snapshot is booted: boot index 0, or in the old syntax letter a.

    ``nova/block_device.py: get_bdm_image_metadata``.
    """
    for device in devices:
        is_boot_device = device_letter(device.device_name or "") == "a" if legacy else device.is_root
        if is_boot_device:
            return device
    return None


def root_of(devices: Sequence[BlockDeviceRequest]) -> BlockDeviceRequest | None:
    """The device with boot index 0, unless it is suppressed."""
    return next((device for device in devices if device.is_root and not device.no_device), None)


def root_device_of(properties: Mapping[str, Any]) -> str | None:
    """The root device an image names: in ``mappings`` under ``root``, or as ``root_device_name``."""
    listed = properties.get("mappings")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, Mapping) and entry.get("virtual") == "root" and isinstance(entry.get("device"), str):
            return f"/dev/{strip_dev(entry['device'])}"
    name = properties.get("root_device_name")
    return name if isinstance(name, str) and name else None


def is_swap_or_ephemeral(virtual: str) -> bool:
    """Whether a virtual name is ``swap`` or ``ephemeral<n>``."""
    return re.fullmatch(r"swap|ephemeral[0-9]{1,3}", virtual) is not None


def strip_dev(name: str) -> str:
    """``/dev/vda`` -> ``vda``."""
    return name.removeprefix("/dev/")


def device_letter(name: str) -> str:
    """``/dev/sda1`` -> ``a``; of several letters the last ones, as in ``xvdba`` -> ``ba``."""
    bare = strip_dev(name).rstrip("0123456789")
    return re.sub(r"^(xvd|vd|sd|hd|ubd)", "", bare)
