"""Bytes that lie where somebody else will be: what was deleted, what was written by a guest, what came past the door.

CVE-2013-4183, OSSN-0016, CVE-2017-15139 (old data in new volumes); CVE-2024-32498, CVE-2022-47951 (unsafe images
looked at again where they are used).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.builders.images import a_queued_image, an_image
from support.builders.servers import SERVER_VERSION, a_server, get_server, request_server
from support.builders.volumes import a_volume, create_volume, get_volume
from support.cloud import ACloud, ASharedCloud, JsonClient, TestCloud
from support.stores import AnyStore
from unit.image.test_inspection import qcow2, vmdk

OCTETS = {"Content-Type": "application/octet-stream"}
GIBIBYTE = 1 << 30


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud(settings={"image": {"image_cache": True}})


@pytest.fixture
def mark() -> bytes:
    """What somebody keeps, in this test and in no other."""
    return b"kept-%s-" % uuid4().hex.encode() * 100


def files(cloud: TestCloud) -> list[Path]:
    return sorted(path for path in cloud.cloud.options.data_dir.rglob("*") if path.is_file())


def data(path: Path) -> Iterator[bytes]:
    """The pieces of a file that are not all zeroes; holes are passed over."""
    with path.open("rb") as file:
        at, size = 0, path.stat().st_size
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:  # there is none any more
                return
            file.seek(at)
            piece = file.read(1 << 22)
            if piece.strip(b"\0"):
                yield piece
            at += len(piece)


def bearing(cloud: TestCloud, mark: bytes) -> list[str]:
    """The names of the files it is in."""
    return [path.name for path in files(cloud) if any(mark in piece for piece in data(path))]


def disk_of(cloud: TestCloud, name: str) -> Path:
    (found,) = [path for path in files(cloud) if path.name == name]
    return found


def write(path: Path, at: int, mark: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(mark)


async def gone(cloud: TestCloud, client: JsonClient, kind: str, ident: str) -> None:
    (await client.delete("volume", f"/v3/{{project_id}}/{kind}/{ident}")).ok(202)
    await cloud.settle()


async def test_what_was_deleted_is_in_no_new_volume(cloud: TestCloud, demo: JsonClient, mark: bytes) -> None:
    alt = await cloud.http("alt")
    old = await a_volume(cloud, demo)
    for at in (0, 700_000_000, GIBIBYTE - len(mark)):
        write(disk_of(cloud, f"volume-{old}"), at, mark)
    wish = {"snapshot": {"volume_id": old, "name": "s"}}
    snapshot = (await demo.post("volume", "/v3/{project_id}/snapshots", json=wish)).ok(202).json["snapshot"]["id"]
    await cloud.settle()
    assert len(bearing(cloud, mark)) == 2
    await gone(cloud, demo, "snapshots", snapshot)
    await gone(cloud, demo, "volumes", old)
    assert bearing(cloud, mark) == []
    new = await a_volume(cloud, alt)
    path = disk_of(cloud, f"volume-{new}")
    assert path.stat().st_size == GIBIBYTE
    assert list(data(path)) == []


async def test_what_a_volume_has_beyond_its_source_reads_as_zeroes(
    cloud: TestCloud, demo: JsonClient, mark: bytes
) -> None:
    """Grown, of a smaller image, a larger clone, written over with a smaller image: nothing old shows through."""
    image_id = await an_image(demo)
    grown = await a_volume(cloud, demo)
    write(disk_of(cloud, f"volume-{grown}"), GIBIBYTE - len(mark), mark)
    extend = {"os-extend": {"new_size": 2}}
    (await demo.post("volume", f"/v3/{{project_id}}/volumes/{grown}/action", json=extend)).ok(202)
    await cloud.settle()
    path = disk_of(cloud, f"volume-{grown}")
    assert path.stat().st_size == 2 * GIBIBYTE
    assert b"".join(data(path)).count(mark) == 1
    with path.open("rb") as file, pytest.raises(OSError, match="No such device"):
        os.lseek(file.fileno(), GIBIBYTE, os.SEEK_DATA)  # nothing but a hole
    filled = await a_volume(cloud, demo, imageRef=image_id, size=1)
    assert b"".join(data(disk_of(cloud, f"volume-{filled}"))).strip(b"\0") == b"x" * 4096
    write(disk_of(cloud, f"volume-{filled}"), 500_000_000, mark)
    reimage = {"os-reimage": {"image_id": image_id, "reimage_reserved": False}}
    newest = {"OpenStack-API-Version": "volume 3.68"}
    action = f"/v3/{{project_id}}/volumes/{filled}/action"
    (await demo.post("volume", action, json=reimage, headers=newest)).ok(202)
    await cloud.settle()
    assert b"".join(data(disk_of(cloud, f"volume-{filled}"))).strip(b"\0") == b"x" * 4096


async def test_a_deleted_image_is_in_no_store_cache_or_volume(cloud: TestCloud, demo: JsonClient, mark: bytes) -> None:
    admin = await cloud.http("admin")
    wish = {"disk_format": "raw", "container_format": "bare"}
    image_id = (await demo.post("image", "/v2/images", json=wish)).ok(201).json["id"]
    path = f"/v2/images/{image_id}"
    (await demo.put("image", f"{path}/file", data=mark, headers=OCTETS)).ok(204)
    (await demo.get("image", f"{path}/file")).ok(200)
    await cloud.settle()
    assert len(bearing(cloud, mark)) == 2, "in the store and in the cache"
    staged = (await demo.post("image", "/v2/images", json=wish)).ok(201).json["id"]
    (await demo.put("image", f"/v2/images/{staged}/stage", data=mark, headers=OCTETS)).ok(204)
    for ident in (image_id, staged):
        (await demo.delete("image", f"/v2/images/{ident}")).ok(204)
    for sweep in cloud.cloud.services["image"]._sweeps._sweeps:
        await sweep.run()
    await cloud.settle()
    assert bearing(cloud, mark) == []
    for client in (demo, admin):
        for answer in (await client.get("image", f"{path}/file"), await client.get("image", path)):
            assert (answer.status, mark in answer.body) == (404, False)


async def test_a_deleted_image_is_in_no_store_of_any_type(a_cloud: ACloud, any_store: AnyStore, mark: bytes) -> None:
    """Nor is one whose upload was refused."""
    settings = any_store.settings(image_size_cap=len(mark) * 2)
    cloud = await a_cloud(services=any_store.services, settings=settings)
    client = await cloud.http()
    image_id, refused = await an_image(client, mark, store="far"), await a_queued_image(client)
    assert mark in await any_store.contents(cloud)
    headers = {**OCTETS, "x-image-meta-store": "far"}
    (await client.put("image", f"/v2/images/{refused}/file", data=mark * 3, headers=headers)).ok(413)
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    await cloud.settle()
    assert await any_store.left(cloud) == []
    assert mark not in await any_store.contents(cloud)
    assert bearing(cloud, mark) == []


async def test_bytes_that_changed_in_the_store_are_used_by_nobody(
    cloud: TestCloud, demo: JsonClient, mark: bytes
) -> None:
    """Neither a volume nor a server takes what is not what was uploaded; and nothing of it stays, nor is it told."""
    image_id = await an_image(demo)
    (stored,) = [path for path in files(cloud) if path.name.startswith(image_id)]
    stored.write_bytes(mark.ljust(4096, b"x")[:4096])
    await used_in_vain(cloud, demo, image_id, mark)
    assert bearing(cloud, mark[:4096]) == [stored.name]


@pytest.mark.parametrize(
    ("declared", "unsafe"),
    [
        ("qcow2", qcow2(features=0x4)), ("qcow2", qcow2(backing=0x200)), ("raw", qcow2(features=0x4)),
        ("vmdk", vmdk("monolithicFlat")), ("vmdk", vmdk(extent="/etc/passwd")), ("raw", b"QED\0".ljust(65536, b"\0")),
        ("qcow2", b"no qcow2" * 1000), ("raw", qcow2()),
    ],
    ids=["data file", "backing file", "called raw", "flat", "a file of the host", "qed", "no qcow2", "qcow2 as raw"],
)  # fmt: skip
async def test_unsafe_images_that_came_past_the_door_are_used_by_nobody(
    cloud: TestCloud, demo: JsonClient, declared: str, unsafe: bytes, mark: bytes
) -> None:
    """In a container that the image service does not look into."""
    wish = {"name": "u", "disk_format": declared, "container_format": "ovf"}
    image_id = (await demo.post("image", "/v2/images", json=wish)).ok(201).json["id"]
    (await demo.put("image", f"/v2/images/{image_id}/file", data=unsafe, headers=OCTETS)).ok(204)
    fault = await used_in_vain(cloud, demo, image_id, mark)
    assert "unacceptable" in fault["message"]


async def used_in_vain(cloud: TestCloud, client: JsonClient, image_id: str, mark: bytes) -> Any:
    """The fault of a server that should be of the image; nothing of it is left behind."""
    before = files(cloud)
    made = (await request_server(client, imageRef=image_id)).ok(202).json["server"]["id"]
    volume_id = (await create_volume(cloud, client, imageRef=image_id))["id"]
    await cloud.settle()
    shown = await get_server(client, made)
    assert shown["status"] == "ERROR"
    assert (await get_volume(client, volume_id))["status"] == "error"
    newest = {"OpenStack-API-Version": "volume 3.70"}
    messages = (await client.get("volume", "/v3/{project_id}/messages", headers=newest)).ok(200)
    for told in (str(shown["fault"]).encode(), messages.body):
        for word in (mark[:20], b"passwd", str(cloud.cloud.options.data_dir).encode()):
            assert word not in told
    await gone(cloud, client, "volumes", volume_id)
    (await client.delete("compute", f"/v2.1/servers/{made}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()
    ours = [path for path in files(cloud) if path not in before and "cache" not in str(path)]
    assert ours == []
    return shown["fault"]


async def test_a_servers_disk_is_its_own_and_goes_with_it(cloud: TestCloud, demo: JsonClient, mark: bytes) -> None:
    image_id = await an_image(demo)
    first, second = [await a_server(cloud, demo, imageRef=image_id) for _ in range(2)]
    for path in files(cloud):
        if path.name == "disk" and path.parent.name == first:
            path.write_bytes(mark)
    assert len(bearing(cloud, mark)) == 1, "the image the host keeps for others is not the server's disk"
    (await demo.delete("compute", f"/v2.1/servers/{first}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()
    assert bearing(cloud, mark) == []
    third = await a_server(cloud, demo, imageRef=image_id)
    for server_id in (second, third):
        (disk,) = [path for path in files(cloud) if path.name == "disk" and path.parent.name == server_id]
        assert disk.read_bytes() == b"x" * 4096
