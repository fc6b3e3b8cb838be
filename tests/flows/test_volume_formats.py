"""Images that are not raw become raw volumes, and volumes such images, by the qemu-img of the machine."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from support.builders.images import an_image
from support.builders.volumes import create_volume
from support.cloud import TestCloud
from support.postgres import skip_or_fail

DISK = b"stackwire".ljust(512, b"\0") + bytes(range(256)) * 4096


class Disks:
    """The test's disk in other formats, and back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, disk_format: str) -> bytes:
        return self._convert(DISK, "raw", disk_format)

    def content(self, data: bytes, disk_format: str) -> bytes:
        return self._convert(data, disk_format, "raw")[: len(DISK)]

    def _convert(self, data: bytes, source: str, target: str) -> bytes:
        given, made = self._folder / "disk.given", self._folder / "disk.made"
        given.write_bytes(data)
        names = [{"vhd": "vpc"}.get(each, each) for each in (source, target)]
        command = ["qemu-img", "convert", "-f", names[0], "-O", names[1], str(given), str(made)]
        subprocess.run(command, check=True, timeout=60)
        return made.read_bytes()


@pytest.fixture
def a_disk_in(tmp_path: Path) -> Disks:
    if shutil.which("qemu-img") is None:
        skip_or_fail("qemu-img is not installed (Debian: qemu-utils)")
    return Disks(tmp_path)


@pytest.mark.parametrize("disk_format", ["qcow2", "vmdk", "vdi", "vhdx"])
async def test_an_image_in_another_format_becomes_a_volume_of_its_content(
    cloud: TestCloud, a_disk_in: Disks, disk_format: str
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


@pytest.mark.parametrize("disk_format", ["qcow2", "vmdk", "vhd"])
async def test_a_volume_becomes_an_image_in_another_format_with_its_properties(
    cloud: TestCloud, a_disk_in: Disks, disk_format: str
):
    demo = await cloud.http("demo")
    image_id = await an_image(demo, data=DISK, team="storage")
    volume = await create_volume(cloud, demo, imageRef=image_id)
    path = f"/v3/{{project_id}}/volumes/{volume['id']}"
    upload = {"os-volume_upload_image": {"image_name": "packed", "disk_format": disk_format}}
    accepted = (await demo.post("volume", f"{path}/action", json=upload)).ok(202).json["os-volume_upload_image"]
    await cloud.settle()
    packed = (await demo.get("image", f"/v2/images/{accepted['image_id']}")).ok().json
    assert (packed["status"], packed["disk_format"], packed["team"]) == ("active", disk_format, "storage")
    assert len(DISK) < packed["size"] < 1024**2 * 64
    assert not list(cloud.cloud.options.data_dir.rglob("*.packed"))
    data = (await demo.get("image", f"/v2/images/{packed['id']}/file")).ok().body
    assert await asyncio.to_thread(a_disk_in.content, data, disk_format) == DISK
    assert (await demo.get("volume", path)).ok().json["volume"]["status"] == "available"


async def test_without_qemu_img_the_volume_is_as_before_and_a_message_says_why(
    cloud: TestCloud, monkeypatch: pytest.MonkeyPatch
):
    demo = await cloud.http("demo")
    volume = await create_volume(cloud, demo)
    monkeypatch.setenv("PATH", "")
    path = f"/v3/{{project_id}}/volumes/{volume['id']}"
    upload = {"os-volume_upload_image": {"image_name": "packed", "disk_format": "qcow2"}}
    accepted = (await demo.post("volume", f"{path}/action", json=upload)).ok(202).json["os-volume_upload_image"]
    await cloud.settle()
    assert (await demo.get("image", f"/v2/images/{accepted['image_id']}")).status == 404
    assert (await demo.get("volume", path)).ok().json["volume"]["status"] == "available"
    newest = {"OpenStack-API-Version": "volume 3.70"}
    (message,) = (await demo.get("volume", "/v3/{project_id}/messages", headers=newest)).ok().json["messages"]
    assert message["resource_uuid"] == volume["id"]
