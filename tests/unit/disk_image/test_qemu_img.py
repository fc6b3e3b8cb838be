"""Conversions by the machine's qemu-img, within the limits they are given."""

import asyncio
import filecmp
import os
import subprocess
from pathlib import Path

import pytest

from stackwire.disk_image import qemu_img
from support.postgres import skip_or_fail

MIB = 1024**2


async def test_conversions_with_many_threads_need_a_third_of_the_memory_they_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not qemu_img.is_installed():
        skip_or_fail("qemu-img is not installed (Debian: qemu-utils)")
    monkeypatch.setattr(qemu_img, "MEMORY_LIMIT_BYTES", qemu_img.MEMORY_LIMIT_BYTES // 3)
    raw, disk = tmp_path / "raw", tmp_path / "disk"
    raw.write_bytes(os.urandom(MIB) * 64)
    subprocess.run([qemu_img.PROGRAM, "convert", "-f", "raw", "-O", "vmdk", raw, disk], check=True, timeout=60)

    async def convert(target: Path) -> None:
        for _ in range(5):
            await qemu_img.convert(disk, target, "vmdk", "raw", max_bytes=128 * MIB)

    converted = [tmp_path / f"made-{each}" for each in range(4)]
    await asyncio.gather(*map(convert, converted))
    assert all(filecmp.cmp(raw, each, shallow=False) for each in converted)
