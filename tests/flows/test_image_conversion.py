"""Imports brought into one disk format on their way, by the machine's qemu-img."""

import asyncio
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.test_image_import import DIRECT, files, said, tasks_of
from stackwire.image.settings import ImageSettings
from support.builders.images import a_staged_image, get_image
from support.cloud import ACloud, TestCloud
from support.postgres import skip_or_fail

DISK = b"stackwire".ljust(512, b"\0") + bytes(range(256)) * 4096
LEAKS = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0x200, 1, 16, 1 << 30).ljust(65536, b"\0")
HUGE = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 40).ljust(65536, b"\0")


@pytest.fixture
def a_disk_in(tmp_path: Path) -> Callable[[str], bytes]:
    if shutil.which("qemu-img") is None:
        skip_or_fail("qemu-img is not installed (Debian: qemu-utils)")

    def convert(disk_format: str) -> bytes:
        raw, made = tmp_path / "disk.raw", tmp_path / "disk.made"
        raw.write_bytes(DISK)
        name = {"vhd": "vpc"}.get(disk_format, disk_format)
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", name, str(raw), str(made)], check=True, timeout=60)
        return made.read_bytes()

    return convert


async def converting(a_cloud: ACloud, into: str = "raw") -> TestCloud:
    settings = {
        "image_import_plugins": "[image_conversion]",
        "image_conversion_output_format": into,
        "image_size_cap": 50_000_000,
    }
    return await a_cloud(services=("identity", "image"), settings={"image": settings})


async def imported(cloud: TestCloud, data: bytes, **wish: Any) -> tuple[Any, Any]:
    """The image, and its task."""
    demo = await cloud.http("demo")
    image_id = await a_staged_image(demo, data, **wish)
    (await demo.post("image", f"/v2/images/{image_id}/import", json=DIRECT)).ok(202)
    await cloud.settle()
    (task,) = await tasks_of(demo, image_id)
    return await get_image(demo, image_id), task


async def test_imports_of_any_format_end_in_one(a_cloud: ACloud, a_disk_in: Callable[[str], bytes]) -> None:
    cloud = await converting(a_cloud)
    demo = await cloud.http("demo")
    for disk_format in ("qcow2", "vmdk", "vdi", "vhdx", "raw"):
        data = await asyncio.to_thread(a_disk_in, disk_format)
        image, task = await imported(cloud, data, disk_format=disk_format)
        assert task["status"] == "success", task
        assert (image["status"], image["disk_format"], image["container_format"]) == ("active", "raw", "bare")
        assert image["size"] == image["virtual_size"] >= len(DISK)
        bytes_now = (await demo.get("image", f"/v2/images/{image['id']}/file")).ok(200).body
        assert bytes_now == DISK.ljust(len(bytes_now), b"\0")
        assert files(cloud).count(image["id"]) == 1
    events = [name for name in await said(cloud, image["id"]) if name != "image.send"]
    assert events.count("image.activate") == 1


async def test_raw_becomes_qcow2(a_cloud: ACloud, a_disk_in: Callable[[str], bytes]) -> None:
    cloud = await converting(a_cloud, "qcow2")
    image, task = await imported(cloud, await asyncio.to_thread(a_disk_in, "raw"))
    assert task["status"] == "success", task
    assert (image["disk_format"], image["virtual_size"]) == ("qcow2", -(-len(DISK) // 512) * 512)


async def test_what_cannot_be_converted_is_not_imported(a_cloud: ACloud, a_disk_in: Callable[[str], bytes]) -> None:
    cloud = await converting(a_cloud)
    qcow2 = await asyncio.to_thread(a_disk_in, "qcow2")
    for data, wish, why in (
        (LEAKS, {"disk_format": "qcow2"}, "unsafe"),
        (b"no qcow2", {"disk_format": "qcow2"}, "not acceptable"),
        (HUGE, {"disk_format": "qcow2"}, "more than 50000000 bytes"),
        (qcow2[:40] + b"\1" * 8 + qcow2[48:], {"disk_format": "qcow2"}, "qemu-img: Could not open"),
        (b"x" * 512, {"disk_format": "ploop"}, "no converting from ploop"),
        (qcow2, {"disk_format": "qcow2", "container_format": "ovf"}, "ovf container"),
    ):
        image, task = await imported(cloud, data, **wish)
        assert (task["status"], image["status"], image["disk_format"]) == ("failure", "queued", wish["disk_format"])
        assert why in task["message"]
        assert str(cloud.cloud.options.data_dir) not in task["message"]
    assert files(cloud) == []


async def test_without_qemu_img_a_task_says_so(
    a_cloud: ACloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    cloud = await converting(a_cloud)
    small = bytearray(HUGE)
    small[24:32] = (1 << 20).to_bytes(8, "big")
    image, task = await imported(cloud, bytes(small), disk_format="qcow2")
    assert (task["status"], image["status"]) == ("failure", "queued")
    assert task["message"] == "The image could not be converted from qcow2 to raw: qemu-img is not installed"
    image, task = await imported(cloud, DISK)  # what is raw already needs none
    assert (task["status"], image["status"]) == ("success", "active")


def test_other_plugins_are_not_accepted_and_ignored() -> None:
    assert ImageSettings(image_import_plugins="image_conversion").converts_to == "raw"
    assert ImageSettings().converts_to is None
    with pytest.raises(ValidationError, match="image_conversion"):
        ImageSettings(image_import_plugins="[inject_image_metadata]")
