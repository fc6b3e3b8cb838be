"""Which sets of block devices are legal: one bootable server that its flavor has room for.

``nova/compute/api.py: _validate_bdm, _validate_bdm_boot_index``; every refusal is a 400.
"""

import re
from collections.abc import Iterable, Sequence

from stackwire.compute.domain.bdm import Disks, Wish, strip_dev
from stackwire.compute.domain.errors import InvalidBDM
from stackwire.compute.domain.image_props import DISK_BUSES

MAX_LOCAL = 3  # nova/conf: max_local_block_devices
MAX_DISKS = 26  # ours; Nova's max_disk_devices_to_attach is unlimited by default, the letters are not
MAX_SIZE_GB = 2**31 - 1
_DEVICE_NAME = re.compile(r"(/dev/)?[a-zA-Z]{1,16}[0-9]{0,3}", re.ASCII)


def check(wishes: Sequence[Wish], flavor: Disks, *, count: int, image_ref: str) -> None:
    """InvalidBDM unless the devices make one bootable server that the flavor has room for."""
    present = [wish for wish in wishes if not wish.no_device]
    indexes = sorted(wish.boot_index for wish in present if wish.boot_index is not None and wish.boot_index >= 0)
    if not indexes or indexes != list(range(len(indexes))):
        raise InvalidBDM(reason="boot indexes must be 0, 1, 2 and so on, each once, and one device must have 0")
    for wish in present:
        _check_one(wish)
    if (
        image_ref
        and any(wish.source_type == "image" and wish.is_root and wish.is_volume for wish in present)
        and any(wish.source_type == "image" and wish.is_root and not wish.is_volume for wish in present)
    ):
        raise InvalidBDM(reason="two devices claim to be the root disk")
    if count > 1 and any(wish.source_type == "volume" for wish in present):
        raise InvalidBDM(reason="one volume cannot be attached to several new servers")
    _check_unique([wish.volume_id for wish in present], "a volume is named twice")
    _check_unique([wish.tag for wish in present], "a tag is given to two devices")
    _check_local(present, flavor)
    if len(present) > MAX_DISKS:
        raise InvalidBDM(reason=f"a server can have {MAX_DISKS} disks at most")


def _check_one(wish: Wish) -> None:
    size = wish.volume_size
    if wish.source_type in ("image", "blank") and wish.destination_type == "volume" and not size:
        raise InvalidBDM(reason=f"a volume made from a source of type {wish.source_type} needs a size")
    if size is not None and not 0 <= size <= MAX_SIZE_GB:
        raise InvalidBDM(reason=f"{size} is no size a volume can have")
    if wish.disk_bus is not None and wish.disk_bus not in DISK_BUSES:
        raise InvalidBDM(reason=f"{wish.disk_bus} is no disk bus")
    if wish.device_name and not _DEVICE_NAME.fullmatch(wish.device_name):
        raise InvalidBDM(reason="a device name is not one")


def _check_unique(names: Iterable[str | None], why: str) -> None:
    given = [name for name in names if name]
    if len(given) != len(set(given)):
        raise InvalidBDM(reason=why)


def _check_local(wishes: Sequence[Wish], flavor: Disks) -> None:
    ephemerals = [wish for wish in wishes if wish.is_ephemeral]
    swaps = [wish for wish in wishes if wish.is_swap]
    if sum(wish.volume_size or flavor.ephemeral_gb for wish in ephemerals) > flavor.ephemeral_gb:
        raise InvalidBDM(reason="more ephemeral storage than the flavor has")
    if len(swaps) > 1 or sum(wish.volume_size or 0 for wish in swaps) > flavor.swap:
        raise InvalidBDM(reason="more swap than the flavor has, or more than one swap device")
    if sum(wish.destination_type == "local" for wish in wishes) > MAX_LOCAL:
        raise InvalidBDM(reason=f"more than {MAX_LOCAL} local devices")


def check_root_name(wishes: Sequence[Wish], image_ref: str, root_device: str) -> None:
    """A volume may not take the root disk's name from the image the server boots from."""
    for wish in wishes if image_ref else ():
        if wish.is_volume and wish.device_name and strip_dev(wish.device_name) == strip_dev(root_device):
            raise InvalidBDM(reason=f"the root disk is on {root_device} already")
