"""What a downloaded file really is, and what is made of it: a volume is raw, whatever the image was.

The format comes from the image's record and is checked against the content, never guessed: an image that says raw and
is qcow2 is refused, as is any that points at files outside itself.
"""

import asyncio
import resource
import shutil
from functools import partial
from pathlib import Path

from oslo_utils.imageutils import format_inspector

from stackwire.volume.domain.errors import ImageConversionNotAllowed, ImageUnacceptable

# what the content of an image that says "raw" may look like: partition tables and file systems on a whole disk
_RAW_LOOKS = frozenset({"raw", "gpt", "mbr", "iso", "luks"})
_ALIASES = {"ami": "raw", "ari": "raw", "aki": "raw", "iso": "raw"}
_QEMU = {"vhd": "vpc"}
_SECONDS = 600
_MEMORY = 1024**3  # bytes
_CPU = 300  # seconds


def _inspect(path: Path, image_id: str, declared: str, largest: int) -> None:
    try:
        found = format_inspector.detect_file_format(str(path))
    except format_inspector.ImageFormatError as broken:
        raise ImageUnacceptable(image_id=image_id, reason="the format of its content cannot be told.") from broken
    looks = "raw" if found is None else str(found)
    expected = _ALIASES.get(declared, declared)
    if expected == "raw":
        if looks not in _RAW_LOOKS:
            raise ImageUnacceptable(image_id=image_id, reason=f"it says {declared} but its content is {looks}.")
        return
    if looks != expected or found is None:
        raise ImageUnacceptable(image_id=image_id, reason=f"it says {declared} but its content is {looks}.")
    try:
        found.safety_check()
    except format_inspector.SafetyCheckFailed as unsafe:
        raise ImageUnacceptable(
            image_id=image_id, reason=f"its content fails the safety checks: {', '.join(sorted(unsafe.failures))}."
        ) from unsafe
    if found.virtual_size > largest:
        raise ImageUnacceptable(image_id=image_id, reason="its virtual size does not fit in the volume.")


async def inspected(path: Path, image_id: str, declared: str, largest: int) -> None:
    """ImageUnacceptable unless the file is what its image says, safe, and at most ``largest`` bytes unpacked."""
    await asyncio.to_thread(_inspect, path, image_id, declared, largest)


def is_raw(declared: str | None) -> bool:
    return _ALIASES.get(declared or "raw", declared) == "raw"


def convertible() -> bool:
    return shutil.which("qemu-img") is not None


async def convert(source: Path, goal: Path, image_id: str, declared: str, largest: int) -> None:
    """To raw, by qemu-img: formats given, never probed; bounded in time, memory, processor and size; no shell.

    ``largest`` bounds what it writes: a header at an image's end may say another size than the one that was looked at.
    """
    program = shutil.which("qemu-img")
    if program is None:
        raise ImageConversionNotAllowed(
            image_id=image_id, reason=f"it is {declared}, a volume is raw, and qemu-img is not installed."
        )
    process = await asyncio.create_subprocess_exec(
        program, "convert", "-f", _QEMU.get(declared, declared), "-O", "raw", "-t", "writeback", "-S", "4k",
        str(source), str(goal),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        preexec_fn=partial(_bounded, largest), env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(_SECONDS):
            _, told = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        last = told.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
        said = last[0].replace(f"{source.parent}/", "").replace(f"{goal.parent}/", "")  # no path of the machine
        raise ImageUnacceptable(image_id=image_id, reason=f"qemu-img could not convert it: {said[:200]}")


def _bounded(largest: int) -> None:
    limits = {resource.RLIMIT_AS: _MEMORY, resource.RLIMIT_CPU: _CPU, resource.RLIMIT_FSIZE: largest}
    for limit, most in limits.items():
        _, hard = resource.getrlimit(limit)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))
