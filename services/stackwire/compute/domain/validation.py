"""May this image run on this flavor? Every refusal is a 400 that leaves nothing behind, but for the zero-disk rule.

``nova/compute/api.py: _validate_flavor_image``; hardware constraints are in ``validation_hardware``.
"""

import base64
from collections.abc import Mapping
from typing import Any, Protocol

from stackwire.compute.domain import image_props
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.errors import (
    FlavorDiskSmallerThanImage,
    FlavorDiskSmallerThanMinDisk,
    FlavorImageConflict,
    FlavorMemoryTooSmall,
    ImageNotActive,
    ImageUnacceptable,
    InvalidConfigDrive,
    InvalidImageMetadata,
    VolumeSmallerThanMinDisk,
    ZeroDiskForbidden,
)
from stackwire.compute.domain.travel import GIBIBYTE
from stackwire.compute.domain.validation_hardware import check_hardware
from stackwire.core.errors import BadRequest

USER_DATA_LIMIT = 65535  # bytes of base64 text
NO_KERNEL = ("nokernel", "")
ENCRYPTED = "Direct booting of an image uploaded from an encrypted volume is unsupported."


class FlavorLike(Protocol):
    """What the checks read of a flavor."""

    @property
    def memory_mb(self) -> int: ...
    @property
    def root_gb(self) -> int: ...
    @property
    def vcpus(self) -> int: ...
    @property
    def extra_specs(self) -> Mapping[str, str]: ...


def check_image(
    image: Mapping[str, Any],
    image_id: str | None,
    flavor: FlavorLike,
    root: BlockDeviceRequest | None,
    *,
    zero_disk_allowed: bool,
) -> dict[str, Any]:
    """All checks of an image (or of what a bootable volume tells) against a flavor; the typed properties.

    ``root`` is the root device; None or a local one means the flavor's disk. An empty image passes: nothing is known.
    """
    if not image:
        return {}
    name = image_id or "of the volume"
    if image.get("status", "active") != "active":
        raise ImageNotActive(image_id=name)
    properties = image.get("properties") or {}
    direct = root is None or not root.is_volume
    if direct and image_id and properties.get("cinder_encryption_key_id"):
        raise ImageUnacceptable(image_id=name, reason=ENCRYPTED)
    typed = check_properties(properties)
    if flavor.memory_mb < _figure(image.get("min_ram")):
        raise FlavorMemoryTooSmall(min_ram=image["min_ram"], memory_mb=flavor.memory_mb)
    if root is not None and root.is_volume:
        check_volume_size(image, root.volume_size)
    else:
        check_flavor_disk(image, flavor, zero_disk_allowed=zero_disk_allowed)
    check_hardware(typed, flavor)
    return typed


def check_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The typed view; 400 for a value its type does not have."""
    drive = properties.get("img_config_drive")
    if drive not in (None, "optional", "mandatory"):
        raise InvalidConfigDrive(value=drive)
    try:
        return image_props.typed(properties)
    except image_props.BadProperty as bad:
        raise InvalidImageMetadata(reason=str(bad)) from None


def check_volume_size(image: Mapping[str, Any], volume_size: int | None) -> None:
    """The image's own size is not compared with a volume: the volume service does that."""
    least = _figure(image.get("min_disk"))
    if volume_size is not None and least > volume_size:
        raise VolumeSmallerThanMinDisk(min_disk=least, volume_size=volume_size)


def check_flavor_disk(image: Mapping[str, Any], flavor: FlavorLike, *, zero_disk_allowed: bool) -> None:
    """A flavor without a disk lets the image decide its size, which an administrator may allow.

    The virtual size counts where Glance knows it: a small file can unfold into more than the flavor's disk.
    """
    if flavor.root_gb == 0:
        if not zero_disk_allowed:
            raise ZeroDiskForbidden
        return
    size = max(_figure(image.get("size")), _figure(image.get("virtual_size")))
    if size > flavor.root_gb * GIBIBYTE:
        raise FlavorDiskSmallerThanImage(image_size=size, flavor_size=flavor.root_gb * GIBIBYTE)
    least = _figure(image.get("min_disk"))
    if least > flavor.root_gb:
        raise FlavorDiskSmallerThanMinDisk(min_disk=least, root_gb=flavor.root_gb)


def check_certificates(*, volume_backed: bool) -> None:
    """Certificates can be named for images that the host reads itself."""
    if volume_backed:
        raise BadRequest("Image certificate validation is not supported when booting from volume")


def check_same_numa(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """A rebuild stays on its host, so that its layout of memory and processors may not change."""
    names = (
        "hw_numa_nodes",
        "hw_numa_cpus",
        "hw_numa_mem",
        "hw_cpu_policy",
        "hw_cpu_thread_policy",
        "hw_mem_page_size",
    )
    if any(old.get(name) != new.get(name) for name in names):
        raise FlavorImageConflict(reason="a rebuild cannot change the NUMA layout")


def kernel_and_ramdisk(properties: Mapping[str, Any]) -> tuple[str, str]:
    """The ids of a kernel and a ramdisk image, empty for none; that they exist is the flow's to ask."""
    kernel, ramdisk = (str(properties.get(key) or "") for key in ("kernel_id", "ramdisk_id"))
    return ("" if kernel in NO_KERNEL else kernel), ("" if kernel in NO_KERNEL else ramdisk)


def check_user_data(text: str | None) -> None:
    """Base64 of at most 65,535 characters."""
    if text is None:
        return
    if len(text) > USER_DATA_LIMIT:
        raise BadRequest(f"user_data is longer than {USER_DATA_LIMIT} characters.")
    try:
        base64.b64decode(text)  # letters that are none of its alphabet do not count, as in Nova
    except ValueError:
        raise BadRequest("user_data is not base64.") from None


def _figure(value: Any) -> int:
    return int(value or 0)
