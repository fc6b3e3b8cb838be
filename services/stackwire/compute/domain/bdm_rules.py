"""Which sets of block devices are legal: one bootable server that its flavor has room for.

``nova/compute/api.py: _validate_bdm, _validate_bdm_boot_index``; every refusal is a 400.
"""

import re
from collections.abc import Iterable, Sequence

from stackwire.compute.domain.bdm import BlockDeviceRequest, strip_dev
from stackwire.compute.domain.errors import InvalidBDM
from stackwire.compute.domain.image_props import DISK_BUSES
from stackwire.compute.domain.model import Flavor

MAX_LOCAL = 3  # nova/conf: max_local_block_devices
DEVICE_TYPES = frozenset({"cdrom", "disk", "floppy", "fs", "lun"})  # nova/objects/fields.py: BlockDeviceType
MAX_DISKS = 26  # ours; Nova's max_disk_devices_to_attach is unlimited by default, the letters are not
MAX_VOLUME_GB = 2**31 - 1
_DEVICE_NAME = re.compile(r"[a-zA-Z0-9._/-]{1,260}", re.ASCII)


def check(devices: Sequence[BlockDeviceRequest], flavor: Flavor, *, count: int, image_ref: str) -> None:
    """InvalidBDM unless the devices make one bootable server that the flavor has room for."""
    present = [device for device in devices if not device.no_device]
    _check_boot_indexes(present)
    for device in present:
        _check_device(device)
    if image_ref:
        _check_single_root(present)
    if count > 1 and any(device.source_type == "volume" for device in present):
        raise InvalidBDM(reason="one volume cannot be attached to several new servers")
    _check_unique((device.volume_id for device in present), "a volume is named twice")
    _check_unique((device.tag for device in present), "a tag is given to two devices")
    _check_local(present, flavor)
    if len(present) > MAX_DISKS:
        raise InvalidBDM(reason=f"a server can have {MAX_DISKS} disks at most")


def _check_boot_indexes(devices: Sequence[BlockDeviceRequest]) -> None:
    given = (device.boot_index for device in devices)
    indexes = sorted(index for index in given if index is not None and index >= 0)
    if not indexes or indexes != list(range(len(indexes))):
        raise InvalidBDM(reason="boot indexes must be 0, 1, 2 and so on, each once, and one device must have 0")


def _check_single_root(devices: Sequence[BlockDeviceRequest]) -> None:
    from_image = {device.is_volume for device in devices if device.source_type == "image" and device.is_root}
    if len(from_image) > 1:
        raise InvalidBDM(reason="two devices claim to be the root disk")


def _check_device(device: BlockDeviceRequest) -> None:
    size = device.volume_size
    if device.source_type in ("image", "blank") and device.destination_type == "volume" and not size:
        raise InvalidBDM(reason=f"a volume made from a source of type {device.source_type} needs a size")
    if size is not None and not 0 <= size <= MAX_VOLUME_GB:
        raise InvalidBDM(reason=f"{size} is no size a volume can have")
    if device.device_type is not None and device.device_type not in DEVICE_TYPES:
        raise InvalidBDM(reason=f"{device.device_type} is no type of device")
    if device.disk_bus and device.disk_bus not in DISK_BUSES:
        raise InvalidBDM(reason=f"{device.disk_bus} is no disk bus")
    if device.device_name and not _DEVICE_NAME.fullmatch(device.device_name):
        raise InvalidBDM(reason="a device name is not one")


def _check_unique(names: Iterable[str | None], reason: str) -> None:
    given = [name for name in names if name]
    if len(given) != len(set(given)):
        raise InvalidBDM(reason=reason)


def _check_local(devices: Sequence[BlockDeviceRequest], flavor: Flavor) -> None:
    ephemeral_gb = [device.volume_size or flavor.ephemeral_gb for device in devices if device.is_ephemeral]
    swap_mb = [device.volume_size or 0 for device in devices if device.is_swap]
    if sum(ephemeral_gb) > flavor.ephemeral_gb:
        raise InvalidBDM(reason="more ephemeral storage than the flavor has")
    if len(swap_mb) > 1 or sum(swap_mb) > flavor.swap:
        raise InvalidBDM(reason="more swap than the flavor has, or more than one swap device")
    if sum(device.destination_type == "local" for device in devices) > MAX_LOCAL:
        raise InvalidBDM(reason=f"more than {MAX_LOCAL} local devices")


def check_root_name(devices: Sequence[BlockDeviceRequest], image_ref: str, root_device: str) -> None:
    """InvalidBDM for a volume that takes the root disk's name from the image the server boots from."""
    for device in devices if image_ref else ():
        if device.is_volume and device.device_name and strip_dev(device.device_name) == strip_dev(root_device):
            raise InvalidBDM(reason=f"the root disk is on {root_device} already")
