"""The way of the bytes: what may come in under which name, what breaks off or is left behind, what goes out."""

import asyncio
import hashlib
import io
import struct
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.builders.images import a_queued_image, get_image, upload_image
from support.cloud import ASharedCloud, JsonClient, TestCloud
from support.polling import until
from unit.image.test_inspection import KB64, qcow2, vmdk

OCTETS = {"Content-Type": "application/octet-stream"}
DISK = bytes(range(251)) * 300


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


def kept(cloud: TestCloud) -> list[str]:
    """Every file of the image service."""
    root = Path(cloud.cloud.options.data_dir) / "image"
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def iso(*, bootable: bool = False, also: bytes = b"") -> bytes:
    """A volume descriptor; with a partition table, or with another format's beginning."""
    made = bytearray(also.ljust(20 * 2048, b"\0"))
    made[0x8000:0x8006] = b"\x01CD001"
    made[0x8050:0x8058] = struct.pack("<I", 20) + struct.pack(">I", 20)
    made[0x8080:0x8084] = struct.pack("<H", 2048) + struct.pack(">H", 2048)
    if bootable:
        made[0x1BE:0x1CE] = struct.pack("<BBBBBBBBII", 0x80, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF, 1, 79)
        made[0x1FE:0x200] = b"\x55\xaa"
    return bytes(made)


TEXT = b"# Disk DescriptorFile\nversion=1\n".ljust(KB64, b"\0")
MAKERS: dict[str, tuple[str, bytes, int, int | None]] = {
    "qcow2 v3": ("qcow2", qcow2(), 204, 1 << 30),
    "qcow2 v2": ("qcow2", qcow2(version=2), 204, 1 << 30),
    "qcow2 v1": ("qcow2", qcow2(version=1), 415, None),
    "qcow2 v9": ("qcow2", qcow2(version=9), 415, None),
    "qcow2 with a backing file": ("qcow2", qcow2(backing=0x200), 415, None),
    "qcow2 with a backing file, called raw": ("raw", qcow2(backing=0x200), 415, None),
    "qcow2 with a data file": ("qcow2", qcow2(features=0x4), 415, None),
    "qcow2 with a data file, called raw": ("raw", qcow2(features=0x4), 415, None),
    "qcow2 compressed": ("qcow2", qcow2(features=0x8), 204, 1 << 30),
    "qcow2 with extended L2": ("qcow2", qcow2(features=0x10), 415, None),
    "qcow2 with a feature of tomorrow": ("qcow2", qcow2(features=1 << 40), 415, None),
    "qcow2 as large as can be": ("qcow2", qcow2(size=2**63 - 1), 204, 2**63 - 1),
    "qcow2 larger than that": ("qcow2", qcow2(size=2**64 - 1), 415, None),
    "qcow2, called raw": ("raw", qcow2(), 204, KB64),
    "qcow2, called vhd": ("vhd", qcow2(), 415, None),
    "vmdk sparse": ("vmdk", vmdk(), 204, 2048 * 512),
    "vmdk streamed": ("vmdk", vmdk("streamOptimized"), 204, 2048 * 512),
    "vmdk flat": ("vmdk", vmdk("monolithicFlat"), 415, None),
    "vmdk flat, called raw": ("raw", vmdk("monolithicFlat"), 415, None),
    "vmdk that names a file": ("vmdk", vmdk(extent="/etc/passwd"), 415, None),
    "vmdk as text": ("vmdk", TEXT, 415, None),
    "vmdk as text, called raw": ("raw", TEXT, 204, KB64),
    "qed": ("raw", b"QED\0".ljust(KB64, b"\0"), 415, None),
    "iso": ("iso", iso(), 204, 20 * 2048),
    "iso that boots": ("iso", iso(bootable=True), 204, 20 * 2048),
    "iso that is qcow2 too": ("iso", iso(also=qcow2()), 415, None),
    "qcow2 that is iso too": ("qcow2", iso(also=qcow2()), 415, None),
    "both, called raw": ("raw", iso(also=qcow2()), 415, None),
    "ten bytes of qcow2": ("qcow2", b"QFI\xfb" + b"x" * 6, 415, None),
    "ten bytes of qcow2, called raw": ("raw", b"QFI\xfb" + b"x" * 6, 204, 10),
    "nothing": ("qcow2", b"", 415, None),
    "nothing, called raw": ("raw", b"", 204, None),
    "gzip": ("qcow2", b"\x1f\x8b".ljust(KB64, b"\0"), 415, None),
    "gzip, called raw": ("raw", b"\x1f\x8b".ljust(KB64, b"\0"), 204, KB64),
}


@pytest.mark.parametrize("what", MAKERS)
async def test_what_bytes_may_be_called(cloud: TestCloud, demo: JsonClient, what: str) -> None:
    declared, data, status, virtual_size = MAKERS[what]
    image_id, before = await a_queued_image(demo, disk_format=declared), kept(cloud)
    (await upload_image(demo, image_id, data)).ok(status)
    image = await get_image(demo, image_id)
    if status == 204:
        assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(data), virtual_size)
        assert image["checksum"] == hashlib.md5(data).hexdigest()
        assert (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200).body == data
    else:
        told = (image["status"], image["size"], image["virtual_size"], image["checksum"], image["os_hash_value"])
        assert told == ("queued", None, None, None, None)
        assert kept(cloud) == before


async def test_a_disk_larger_than_any_volume_fits_nowhere(cloud: TestCloud, demo: JsonClient) -> None:
    image_id = await a_queued_image(demo, disk_format="qcow2")
    (await upload_image(demo, image_id, qcow2(size=2**63 - 1))).ok(204)
    wish = {"volume": {"size": 1, "imageRef": image_id}}
    (await demo.post("volume", "/v3/{project_id}/volumes", json=wish)).ok(400)
    assert (await demo.get("volume", "/v3/{project_id}/volumes")).ok(200).json["volumes"] == []


BEGIN = (
    "PUT /v2/images/{id}/file HTTP/1.1\r\nHost: h\r\nX-Auth-Token: {token}\r\n"
    "Content-Type: application/octet-stream\r\n"
)
BROKEN = {
    "a length that was promised": "Content-Length: 100\r\n\r\n0123456789",
    "chunks without an end": "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n",
    "half a chunk": "Transfer-Encoding: chunked\r\n\r\nff\r\n0123456789",
    "nonsense for a chunk": "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\nZZ\r\n",
}


@pytest.mark.parametrize("what", BROKEN)
async def test_bytes_that_break_off_are_not_an_image(cloud: TestCloud, demo: JsonClient, what: str) -> None:
    image_id, before = await a_queued_image(demo), kept(cloud)
    there = urlsplit(cloud.urls["image"])
    _, writer = await asyncio.open_connection(there.hostname, there.port)
    writer.write((BEGIN.format(id=image_id, token=demo.token) + BROKEN[what]).encode())
    await writer.drain()
    begun = {"saving", "queued"} if what.startswith("nonsense") else {"saving"}  # refused before or after the beginning

    async def received() -> bool:
        return (await get_image(demo, image_id))["status"] in begun

    async def given_up() -> bool:
        return (await get_image(demo, image_id))["status"] == "queued" and kept(cloud) == before

    await until(received)
    writer.close()
    await until(given_up)
    assert (await get_image(demo, image_id))["size"] is None
    (await upload_image(demo, image_id, DISK)).ok(204)


async def sweep(cloud: TestCloud) -> None:
    """All the image service does from time to time, done now."""
    for each in cloud.cloud.services["image"]._sweeps._sweeps:
        await each.run()


@pytest.mark.parametrize("status", ["saving", "uploading", "importing"])
async def test_what_a_dead_worker_left_is_queued_again_and_its_bytes_go(
    cloud: TestCloud, demo: JsonClient, status: str
) -> None:
    image_id, before = await a_queued_image(demo), kept(cloud)
    root = Path(cloud.cloud.options.data_dir) / "image"
    object_name, staged = f"{image_id}.object", f"{image_id}.staged"
    await cloud.rows(
        "image",
        "UPDATE images SET status = $2, object = $3, staged = $4, size = $5, reserved = 7"
        " WHERE id = $1",
        image_id, status, None if status == "uploading" else object_name, None if status == "saving" else staged,
        10 if status == "importing" else None,
    )  # fmt: skip
    if status != "uploading":
        (root / "incoming" / object_name).write_bytes(b"half")
    if status != "saving":
        (next(path for path in root.iterdir() if path.name.startswith("stag")) / staged).write_bytes(b"half")
    assert kept(cloud) != before
    await sweep(cloud)
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"], kept(cloud)) == ("queued", None, before)
    assert await cloud.rows("image", "SELECT 1 FROM images WHERE id = $1 AND reserved <> 0", image_id) == []
    (await upload_image(demo, image_id, DISK)).ok(204)


async def test_what_a_living_worker_holds_and_what_waits_is_left_alone(cloud: TestCloud, demo: JsonClient) -> None:
    let_go = asyncio.Event()

    async def slowly() -> Any:
        yield DISK[:1000]
        await let_go.wait()
        yield DISK[1000:]

    waiting, held = await a_queued_image(demo), await a_queued_image(demo)
    (await demo.put("image", f"/v2/images/{waiting}/stage", data=io.BytesIO(DISK), headers=OCTETS)).ok(204)
    path = f"/v2/images/{held}/file"
    sending = asyncio.create_task(demo.put("image", path, data=slowly(), headers=OCTETS))

    async def saving() -> bool:
        return (await get_image(demo, held))["status"] == "saving"

    await until(saving)
    await sweep(cloud)
    let_go.set()
    (await sending).ok(204)
    (await demo.post("image", f"/v2/images/{waiting}/import", json={"method": {"name": "glance-direct"}})).ok(202)
    await cloud.settle()
    for image_id in (waiting, held):
        assert (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200).body == DISK


@pytest.mark.parametrize(
    ("headers", "status", "first", "last"),
    [
        ({}, 200, 0, len(DISK)),
        ({"Range": "bytes=100-199"}, 206, 100, 200),
        ({"Range": "bytes=-100"}, 206, len(DISK) - 100, len(DISK)),
        ({"Content-Range": "bytes 100-199/*"}, 206, 100, 200),
        ({"Content-Range": f"bytes 0-9/{len(DISK)}"}, 206, 0, 10),
        ({"Range": "bytes=0-9", "Content-Range": "bytes 100-199/*"}, 206, 0, 10),
        ({"Content-Range": f"bytes {len(DISK)}-/*"}, 416, 0, 0),
        ({"Content-Range": f"bytes {len(DISK)}-{len(DISK) + 1}/*"}, 416, 0, 0),
        ({"Content-Range": "bytes 9-1/*"}, 416, 0, 0),
        ({"Content-Range": "nonsense"}, 416, 0, 0),
    ],
)
async def test_what_goes_out_says_what_it_is(
    cloud: TestCloud, demo: JsonClient, headers: dict[str, str], status: int, first: int, last: int
) -> None:
    image_id = await a_queued_image(demo)
    (await upload_image(demo, image_id, DISK)).ok(204)
    answer = (await demo.get("image", f"/v2/images/{image_id}/file", headers=headers)).ok(status)
    if status == 416:
        return
    assert answer.body == DISK[first:last]
    assert answer.headers["Content-MD5"] == hashlib.md5(DISK).hexdigest()
    assert answer.headers["Content-Length"] == str(last - first)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert {name.lower() for name in answer.headers} >= {"x-openstack-request-id"}
    assert answer.headers.get("Content-Range") == (f"bytes {first}-{last - 1}/{len(DISK)}" if status == 206 else None)
