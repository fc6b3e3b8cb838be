"""Staged data into another disk format, by the machine's qemu-img.

Both formats are given, never probed; bounded in time, memory, processor and size; no shell. What is converted was told
apart before, and is again when it is stored.
"""

import asyncio
import resource
import shutil
from pathlib import Path

from stackwire.image.domain.errors import ConversionFailed
from stackwire.image.domain.inspection import Inspection

_NAMES = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}
"""What qemu-img calls the formats it may be given."""
_SECONDS = 600
_MEMORY = 1024**3  # bytes
_CPU = 300  # seconds
_CHUNK = 1024**2  # bytes


async def examined(path: Path, disk_format: str, container_format: str) -> int | None:
    """The virtual size in bytes, where it can be told. Raises ContentRefused by the rules of uploads."""
    return await asyncio.to_thread(_examine, path, disk_format, container_format)


def _examine(path: Path, disk_format: str, container_format: str) -> int | None:
    inspection = Inspection(disk_format, container_format)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            inspection.eat(chunk)
    return inspection.finish(path.stat().st_size)


async def convert(source: Path, goal: Path, was: str, becomes: str, largest: int) -> None:
    """Writes ``goal``, of at most ``largest`` bytes. Raises ConversionFailed; the caller removes the rest."""
    program = shutil.which("qemu-img")
    if program is None:
        raise ConversionFailed(was=was, becomes=becomes, reason="qemu-img is not installed")
    if was not in _NAMES:
        raise ConversionFailed(was=was, becomes=becomes, reason=f"there is no converting from {was}")

    def bounded() -> None:
        for limit, most in (
            (resource.RLIMIT_AS, _MEMORY),
            (resource.RLIMIT_CPU, _CPU),
            (resource.RLIMIT_FSIZE, largest),
        ):
            _, hard = resource.getrlimit(limit)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (most, most))

    process = await asyncio.create_subprocess_exec(
        program, "convert", "-f", _NAMES[was], "-O", _NAMES[becomes], "-S", "4k", str(source), str(goal),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        preexec_fn=bounded, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(_SECONDS):
            _, told = await process.communicate()
    except BaseException as error:
        process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise ConversionFailed(was=was, becomes=becomes, reason=f"it took more than {_SECONDS} seconds") from error
        raise
    if process.returncode != 0:
        last = told.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
        said = last[0].replace(f"{source.parent}/", "").replace(f"{goal.parent}/", "")
        raise ConversionFailed(was=was, becomes=becomes, reason=f"qemu-img says: {said[:200]}")
