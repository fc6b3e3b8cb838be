"""Conversion of staged data to another disk format. The data is inspected before, and again when it is stored."""

import asyncio
from pathlib import Path

from stackwire.disk_image import qemu_img
from stackwire.image.domain.errors import ConversionFailed
from stackwire.image.domain.inspection import Inspection

_INSPECTION_CHUNK_BYTES = 1024**2  # bytes


async def inspect(path: Path, disk_format: str, container_format: str) -> int | None:
    """The virtual size in bytes, where it is known. Raises ContentRefused by the rules of uploads."""
    return await asyncio.to_thread(_inspect, path, disk_format, container_format)


def _inspect(path: Path, disk_format: str, container_format: str) -> int | None:
    inspection = Inspection(disk_format, container_format)
    with path.open("rb") as file:
        while chunk := file.read(_INSPECTION_CHUNK_BYTES):
            inspection.update(chunk)
    return inspection.finish(path.stat().st_size)


async def convert(source: Path, target: Path, source_format: str, target_format: str, max_bytes: int) -> None:
    """Writes ``target``, of at most ``max_bytes``. Raises ConversionFailed; the caller removes the rest."""
    try:
        await qemu_img.convert(source, target, source_format, target_format, max_bytes=max_bytes)
    except qemu_img.QemuImgFailed as failed:
        raise ConversionFailed(was=source_format, becomes=target_format, reason=str(failed)) from failed
