"""Images that are not raw become raw volumes, by the qemu-img of the machine."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cloud import TestCloud
from support.postgres import skip_or_fail

DISK = b"stackwire".ljust(512, b"\0") + bytes(range(256)) * 4096


@pytest.fixture
def a_disk_in(tmp_path: Path):
    if shutil.which("qemu-img") is None:
        skip_or_fail("qemu-img is not installed (Debian: qemu-utils)")

    def convert(disk_format: str) -> bytes:
        raw, made = tmp_path / "disk.raw", tmp_path / "disk.made"
        raw.write_bytes(DISK)
        name = {"vhd": "vpc"}.get(disk_format, disk_format)
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", name, str(raw), str(made)], check=True, timeout=60)
        return made.read_bytes()

    return convert


@pytest.mark.parametrize("disk_format", ["qcow2", "vmdk", "vdi", "vhdx"])
async def test_an_image_in_another_format_becomes_a_volume_of_its_content(
    cloud: TestCloud, a_disk_in, disk_format: str
):
    demo = await cloud.http("demo")
    wish = {"name": "disk", "disk_format": disk_format, "container_format": "bare", "team": "storage"}
    image = (await demo.post("image", "/v2/images", json=wish)).ok(201).json
    data = await asyncio.to_thread(a_disk_in, disk_format)
    headers = {"Content-Type": "application/octet-stream"}
    (await demo.put("image", f"/v2/images/{image['id']}/file", data=data, headers=headers)).ok(204)
    body = {"volume": {"size": 1, "imageRef": image["id"]}}
    made = (await demo.post("volume", "/v3/{project_id}/volumes", json=body)).ok(202).json["volume"]
    await cloud.settle()
    volume = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{made['id']}")).ok().json["volume"]
    assert volume["status"] == "available", volume
    assert volume["volume_image_metadata"]["disk_format"] == disk_format
    stored = next(path for path in cloud.cloud.options.data_dir.rglob(f"volume-{made['id']}"))
    assert stored.stat().st_size == 1024**3
    with stored.open("rb") as file:
        assert file.read(len(DISK)) == DISK
