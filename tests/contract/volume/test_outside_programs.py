"""qemu-img reads what users made: whatever it meets there, it takes no more than it is given."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from stackwire.core.errors import ServiceError
from stackwire.image.backends import convert as of_images
from stackwire.volume.backends import formats as of_volumes

Convert = Callable[[Path, Path], Awaitable[None]]


async def for_a_volume(source: Path, goal: Path) -> None:
    await of_volumes.convert(source, goal, "the-image", "qcow2", 10**9)


async def for_an_image(source: Path, goal: Path) -> None:
    await of_images.convert(source, goal, "qcow2", "raw", 10**9)


@pytest.mark.parametrize("convert", [for_a_volume, for_an_image])
async def test_an_outside_program_is_bounded(convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2015-5162: memory (KiB) and seconds of processor; what it says is told without paths."""
    program = tmp_path / "qemu-img"
    limits = "memory $(ulimit -v) seconds $(ulimit -t) blocks $(ulimit -f)"
    program.write_text(f'#!/bin/sh\necho "{limits} token ${{SECRET:-none}} $*" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SECRET", "a token of ours")
    with pytest.raises(ServiceError) as refused:
        await convert(tmp_path / "in", tmp_path / "out")
    said = str(refused.value)
    found = re.search(r"memory (\d+) seconds (\d+) blocks (\d+) token none convert -f qcow2 -O raw", said)
    assert found is not None, said
    assert int(found[1]) <= 1024 * 1024
    assert int(found[2]) <= 300
    assert int(found[3]) <= 10**9 // 512
    assert str(tmp_path) not in said
