"""What an image really is, inspected again where it is used: a host trusts no record about bytes it opens.

The image service may not have inspected it (in a container that is not opened, or before there was an inspection).
``nova/virt/images.py: do_image_deep_inspection``.
"""

import asyncio
from pathlib import Path

from stackwire.compute.domain.errors import ImageUnacceptable
from stackwire.disk_image.inspection import AMI_FORMATS, UnreadableFormat, UnsafeContent, detect, is_known


async def check_image_file(path: Path, image_id: str, declared: str | None) -> None:
    """ImageUnacceptable unless the file is what its image says, and refers to nothing outside itself."""
    await asyncio.to_thread(_inspect, path, image_id, declared or "raw")


def _inspect(path: Path, image_id: str, declared: str) -> None:
    if declared not in AMI_FORMATS and not is_known(declared):
        raise ImageUnacceptable(image_id=image_id, reason="Image not in a supported format")
    try:
        detected = detect(path)
        detected.check_safe()
    except UnsafeContent as unsafe:
        reason = f"its content fails the safety checks: {', '.join(unsafe.failures)}"
        raise ImageUnacceptable(image_id=image_id, reason=reason) from unsafe
    except UnreadableFormat as broken:
        raise ImageUnacceptable(image_id=image_id, reason="the format of its content is unknown") from broken
    if declared not in AMI_FORMATS and detected.name not in ({"raw", "gpt"} if declared == "raw" else {declared}):
        raise ImageUnacceptable(image_id=image_id, reason=f"it says {declared} but its content is {detected.name}")
