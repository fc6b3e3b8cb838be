"""What an image really is, looked at again where it is used: a host believes no record about bytes it is to open.

An image may have got past the image service unseen (in a container that is not looked into, or before there was an
inspection). ``nova/virt/images.py: do_image_deep_inspection``.
"""

import asyncio
from pathlib import Path

from oslo_utils.imageutils import format_inspector

from stackwire.compute.domain.errors import ImageUnacceptable

_RAW_LOOKS = frozenset({"raw", "gpt", "mbr", "iso", "luks"})
"""What a whole disk looks like, of which nothing more is said than that it is one."""
_ALIASES = {"ami": "raw", "ari": "raw", "aki": "raw"}


async def inspected(path: Path, image_id: str, declared: str | None) -> None:
    """ImageUnacceptable unless the file is what its image says, and points at nothing outside itself."""
    await asyncio.to_thread(_inspect, path, image_id, _ALIASES.get(declared or "raw", declared or "raw"))


def _inspect(path: Path, image_id: str, declared: str) -> None:
    try:
        found = format_inspector.detect_file_format(str(path))
        if found is not None and str(found) != "raw":
            found.safety_check()
    except format_inspector.ImageFormatError as broken:
        raise ImageUnacceptable(image_id=image_id, reason="the format of its content cannot be told") from broken
    except format_inspector.SafetyCheckFailed as unsafe:
        failed = ", ".join(sorted(unsafe.failures))
        raise ImageUnacceptable(image_id=image_id, reason=f"its content fails the safety checks: {failed}") from unsafe
    looks = "raw" if found is None else str(found)
    if looks != declared and not (declared == "raw" and looks in _RAW_LOOKS) and _is_known(declared):
        raise ImageUnacceptable(image_id=image_id, reason=f"it says {declared} but its content is {looks}")


def _is_known(declared: str) -> bool:
    """Of others, nobody can tell what they look like."""
    return format_inspector.get_inspector(declared) is not None
