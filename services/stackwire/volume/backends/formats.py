"""What a downloaded file really is, and its conversion: a volume is raw, whatever the image was or is to be.

The format comes from the image's record and is checked against the content, never guessed: an image that says raw and
is qcow2 is refused, as is any that points at files outside itself (``cinder/image/image_utils.py: fetch_to_raw``).
"""

import asyncio
from pathlib import Path

from stackwire.disk_image import qemu_img
from stackwire.disk_image.inspection import AMI_FORMATS, RAW_CONTENT, UnreadableFormat, UnsafeContent, detect
from stackwire.volume.domain.errors import ImageConversionNotAllowed, ImageCopyFailure, ImageUnacceptable

PACKED_HEADROOM_BYTES = 64 * 1024**2
"""What tables and headers may add to the bytes of a volume that is all data."""
_CONTENT = {**AMI_FORMATS, "iso": "raw"}


async def inspect(path: Path, image_id: str, declared: str, largest: int) -> None:
    """ImageUnacceptable unless the file is what its image says, safe, and at most ``largest`` bytes unpacked."""
    reason = await asyncio.to_thread(_refusal, path, declared, largest)
    if reason is not None:
        raise ImageUnacceptable(image_id=image_id, reason=reason)


def _refusal(path: Path, declared: str, largest: int) -> str | None:
    """Why the file is no such image; None when it is."""
    try:
        detected = detect(path)
    except UnreadableFormat:
        return "the format of its content is not recognised."
    expected = _CONTENT.get(declared, declared)
    if detected.name not in (RAW_CONTENT if expected == "raw" else {expected}):
        return f"it says {declared} but its content is {detected.name}."
    if expected == "raw":
        return None
    try:
        detected.check_safe()
    except UnsafeContent as unsafe:
        return f"its content fails the safety checks: {', '.join(unsafe.failures)}."
    return "its virtual size does not fit in the volume." if detected.virtual_size > largest else None


def is_raw(declared: str | None) -> bool:
    """Whether the bytes of such an image are the volume's as they are."""
    return _CONTENT.get(declared or "raw", declared) == "raw"


async def convert(source: Path, goal: Path, image_id: str, declared: str, largest: int) -> None:
    """To raw. ``largest`` bounds what is written, in bytes: a header at an image's end may say another size than the
    one that was inspected. ImageConversionNotAllowed without qemu-img; ImageUnacceptable.
    """
    if not qemu_img.is_installed():
        reason = f"it is {declared}, a volume is raw, and qemu-img is not installed."
        raise ImageConversionNotAllowed(image_id=image_id, reason=reason)
    try:
        await qemu_img.convert(source, goal, declared, "raw", max_bytes=largest, cache_mode="writeback")
    except qemu_img.QemuImgFailed as failed:
        raise ImageUnacceptable(image_id=image_id, reason=f"qemu-img could not convert it: {failed}") from failed


async def pack(source: Path, goal: Path, image_id: str, disk_format: str, size: int) -> None:
    """From raw, of ``size`` bytes, to the format of an image (``cinder/image/image_utils.py: upload_volume``).

    ImageConversionNotAllowed without qemu-img, ImageCopyFailure where it fails.
    """
    if not qemu_img.is_installed():
        reason = f"a volume is raw, the image is to be {disk_format}, and qemu-img is not installed."
        raise ImageConversionNotAllowed(image_id=image_id, reason=reason)
    try:
        await qemu_img.convert(source, goal, "raw", disk_format, max_bytes=size + PACKED_HEADROOM_BYTES)
    except qemu_img.QemuImgFailed as failed:
        raise ImageCopyFailure(reason=f"qemu-img could not convert it to {disk_format}: {failed}") from failed
