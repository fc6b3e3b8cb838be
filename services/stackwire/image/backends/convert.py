"""Staged data in another disk format. What is converted was inspected before, and is again when it is stored."""

import asyncio
from pathlib import Path

from stackwire.disk_image import qemu_img
from stackwire.image.domain.errors import ConversionFailed
from stackwire.image.domain.inspection import Inspection

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
    try:
        await qemu_img.convert(source, goal, was, becomes, max_bytes=largest)
    except qemu_img.QemuImgFailed as failed:
        raise ConversionFailed(was=was, becomes=becomes, reason=str(failed)) from failed
