"""Images into volumes and back: bytes that prove themselves, metadata by the rules, failures that leave nothing."""

import gzip
import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image, get_image
from support.builders.volumes import create_volume, get_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud
from support.signatures import certificate, signed_as

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}
DISK = b"boot sector".ljust(512, b"\0") + bytes(200_000) + b"the end".ljust(512, b"\0")
MIB, GIBIBYTE = 1024**2, 1024**3
SIGNER = "0a0b0c0d-0000-4000-8000-000000000009"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "volume"))


async def a_disk_image(client: JsonClient, data: bytes = DISK, **fields: Any) -> Any:
    """A new active image of the disk, as the API shows it."""
    return await get_image(client, await an_image(client, data, **{"name": "disk", **fields}))


def bytes_of(cloud: TestCloud, volume_id: str) -> bytes:
    (file,) = cloud.cloud.options.data_dir.rglob(f"volume-{volume_id}")
    with file.open("rb") as handle:
        return handle.read(len(DISK))


def event_of(record: WireRecord) -> list[str]:
    """The name of a notification when it is published."""
    if record.kind != "publish" or "notifications." not in record.routing_key:
        return []
    return [str(unwrap(record.body, record.properties)["event_type"])]


def files(cloud: TestCloud) -> list[str]:
    return sorted(path.name for path in cloud.cloud.options.data_dir.rglob("*volume-*"))


async def test_a_volume_holds_its_image_byte_for_byte_and_knows_where_it_came_from(
    cloud: TestCloud, demo: JsonClient
) -> None:
    image = await a_disk_image(demo, hw_disk_bus="scsi", min_ram=64)
    volume = await create_volume(cloud, demo, imageRef=image["id"])
    assert (volume["status"], volume["bootable"]) == ("available", "true")
    assert volume["volume_image_metadata"] == {
        "signature_verified": "False", "hw_disk_bus": "scsi", "image_id": image["id"], "image_name": "disk",
        "checksum": image["checksum"], "container_format": "bare", "disk_format": "raw", "min_disk": "0",
        "min_ram": "64", "size": str(len(DISK)),
    }  # fmt: skip
    assert bytes_of(cloud, volume["id"]) == DISK


async def test_an_image_may_be_asked_for_by_its_name_when_only_one_bears_it(cloud: TestCloud, demo: JsonClient) -> None:
    image = await a_disk_image(demo, name="one of a kind")
    volume = await create_volume(cloud, demo, imageRef="one of a kind")
    assert volume["volume_image_metadata"]["image_id"] == image["id"]
    await a_disk_image(demo, name="one of a kind")
    again = await demo.post("volume", f"{V}/volumes", json={"volume": {"size": 1, "imageRef": "one of a kind"}})
    assert again.status == 409


async def test_a_clone_of_a_volume_that_does_not_boot_learns_nothing(cloud: TestCloud, demo: JsonClient) -> None:
    image = await a_disk_image(demo, team="storage")
    volume = await create_volume(cloud, demo, imageRef=image["id"])
    twin = await create_volume(cloud, demo, source_volid=volume["id"])
    assert twin["volume_image_metadata"] == volume["volume_image_metadata"]
    assert bytes_of(cloud, twin["id"]) == DISK
    (await volume_action(demo, volume["id"], "os-set_bootable", {"bootable": False})).ok(200)
    other = await create_volume(cloud, demo, source_volid=volume["id"])
    assert (other["bootable"], "volume_image_metadata" in other) == ("false", False)


async def test_a_snapshot_keeps_what_the_volume_knew_then(cloud: TestCloud, demo: JsonClient) -> None:
    image = await a_disk_image(demo, team="storage")
    volume = await create_volume(cloud, demo, imageRef=image["id"])
    wish = {"snapshot": {"volume_id": volume["id"]}}
    snapshot = (await demo.post("volume", f"{V}/snapshots", json=wish)).ok(202).json["snapshot"]
    await cloud.settle()
    (await volume_action(demo, volume["id"], "os-set_image_metadata", {"metadata": {"team": "other"}})).ok(200)
    copy = await create_volume(cloud, demo, snapshot_id=snapshot["id"])
    assert copy["volume_image_metadata"]["team"] == "storage"


async def test_an_uploaded_image_has_the_volumes_bytes_and_inherits_its_properties(
    cloud: TestCloud, demo: JsonClient
) -> None:
    image = await a_disk_image(demo, team="storage")
    volume = await create_volume(cloud, demo, imageRef=image["id"])
    wish = {"image_name": "up", "disk_format": "raw", "container_format": "bare"}
    told = (
        (await volume_action(demo, volume["id"], "os-volume_upload_image", wish)).ok(202).json["os-volume_upload_image"]
    )
    assert told["status"] == "uploading"
    await cloud.settle(timeout=90)
    made = (await demo.get("image", f"/v2/images/{told['image_id']}")).ok().json
    assert (made["status"], made["size"]) == ("active", GIBIBYTE)
    digest = hashlib.sha512(DISK)
    for _ in range((GIBIBYTE - len(DISK)) // 2**20):
        digest.update(bytes(2**20))
    digest.update(bytes((GIBIBYTE - len(DISK)) % 2**20))
    assert made["os_hash_value"] == digest.hexdigest()
    assert {"team", "signature_verified"} & made.keys() == {"team"}
    assert (await get_volume(demo, volume["id"]))["status"] == "available"


async def test_an_upload_is_refused_for_what_no_image_may_be(cloud: TestCloud, demo: JsonClient) -> None:
    """Names of the arguments of Cinder's own client, as image metadata, fail there too; so do compressed containers."""
    volume = await create_volume(cloud, demo)
    wish = {"image_name": "up", "disk_format": "raw", "container_format": "compressed"}
    refused = (await volume_action(demo, volume["id"], "os-volume_upload_image", wish)).ok(400)
    assert "Image compression upload disallowed" in refused.json["badRequest"]["message"]
    for name in ("self", "context", "method", "controller"):
        (await volume_action(demo, volume["id"], "os-set_image_metadata", {"metadata": {name: "x"}})).ok(200)
        (await volume_action(demo, volume["id"], "os-volume_upload_image", {"image_name": "up"})).ok(400)
        (await volume_action(demo, volume["id"], "os-unset_image_metadata", {"key": name})).ok(200)
    assert (await get_volume(demo, volume["id"]))["status"] == "available"
    assert (await demo.get("image", "/v2/images")).ok().json["images"] == []


async def test_image_metadata_may_be_set_as_the_recorded_cloud_lets_it(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await create_volume(cloud, demo)
    for properties, status in (({"k": "v" * 256}, 200), ({"k" * 256: "v"}, 400), ({"": "v"}, 400), ({}, 200)):
        answer = await volume_action(demo, volume["id"], "os-set_image_metadata", {"metadata": properties})
        answer.ok(status)
    assert answer.json["metadata"] == {"k": "v" * 256}


@pytest.mark.parametrize(
    ("data", "attributes"),
    [
        (b"QFI\xfb\0\0\0\3".ljust(65536, b"\0"), {"disk_format": "qcow2"}),
        (gzip.compress(DISK), {"container_format": "compressed"}),
        (DISK, {"container_format": "compressed"}),
        (DISK, {"disk_format": "ploop"}),
    ],
    ids=["a format that cannot be unpacked here", "compressed", "said to be compressed", "said to be ploop"],
)
async def test_a_volume_that_cannot_be_filled_is_in_error_without_bytes_or_rows(
    cloud: TestCloud, demo: JsonClient, data: bytes, attributes: dict[str, Any]
) -> None:
    wish = {"name": "disk", "container_format": "bare", "disk_format": "raw", **attributes}
    image = (await demo.post("image", "/v2/images", json=wish)).ok(201).json
    path = f"/v2/images/{image['id']}/file"
    (await demo.put("image", path, data=data, headers={"Content-Type": "application/octet-stream"})).ok(204)
    volume = await create_volume(cloud, demo, imageRef=image["id"])
    assert volume["status"] == "error"
    assert "volume_image_metadata" not in volume
    assert files(cloud) == []
    messages = (await demo.get("volume", f"{V}/messages", headers=NEW)).ok().json["messages"]
    assert [one["resource_uuid"] for one in messages] == [volume["id"]]


@pytest.fixture
async def believing(a_cloud: ACloud, tmp_path: Path) -> TestCloud:
    """A cloud whose image and volume services find certificates in a folder."""
    (tmp_path / SIGNER).write_bytes(certificate("RSA-PSS"))
    settings = {service: {"certificate_dir": tmp_path} for service in ("image", "volume")}
    return await a_cloud(services=("identity", "image", "volume"), settings=settings)


async def test_a_signed_image_becomes_a_volume_once_its_signature_is_verified(believing: TestCloud) -> None:
    demo = await believing.http("demo")
    signature = signed_as("RSA-PSS", "SHA-256", SIGNER, DISK)
    volume = await create_volume(believing, demo, imageRef=(await a_disk_image(demo, **signature))["id"])
    assert volume["status"] == "available"
    metadata = volume["volume_image_metadata"]
    assert metadata["signature_verified"] == "True"
    assert signature.items() <= metadata.items()
    assert bytes_of(believing, volume["id"]) == DISK


@pytest.mark.parametrize("change", [{"img_signature": "AAAA"}, {"img_signature_hash_method": "SHA-512"}, None])
async def test_what_is_not_signed_as_it_says_is_tried_three_times_and_ends_in_error(
    believing: TestCloud, change: dict[str, str] | None
) -> None:
    """As recorded for half a signature: three downloads, no host, no rows, and ``scheduler.create_volume``."""
    demo = await believing.http("demo")
    assert believing.cloud.broker is not None
    signature = signed_as("RSA-PSS", "SHA-256", SIGNER, DISK)
    if change is None:
        del signature["img_signature_key_type"]
    image = await a_disk_image(demo, **signature)
    patch = [{"op": "replace", "path": f"/{key}", "value": value} for key, value in (change or {}).items()]
    kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    (await demo.patch("image", f"/v2/images/{image['id']}", json=patch, headers=kind)).ok(200)
    events: list[str] = []
    watch = believing.cloud.broker.watch(lambda record: events.extend(event_of(record)))
    volume = await create_volume(believing, demo, imageRef=image["id"])
    await watch.cancel()
    assert (volume["status"], "volume_image_metadata" in volume) == ("error", False)
    counted = Counter(name for name in events if name in ("image.send", "scheduler.create_volume"))
    assert counted == {"image.send": 3, "scheduler.create_volume": 1}, events  # of two services: in any order
    assert await believing.rows("volume", "SELECT host FROM volumes") == [{"host": None}]
    assert files(believing) == []
    messages = (await demo.get("volume", f"{V}/messages", headers=NEW)).ok().json["messages"]
    told = Counter(message["event_id"] for message in messages)
    assert told == {"VOLUME_VOLUME_001_003": 1, **({} if change is None else {"VOLUME_VOLUME_005_011": 3})}


async def test_image_bytes_that_changed_on_the_way_fail_the_volume(cloud: TestCloud, demo: JsonClient) -> None:
    image = await a_disk_image(demo)
    planted = [p for p in cloud.cloud.options.data_dir.rglob("*") if p.is_file() and p.stat().st_size == len(DISK)]
    for path in planted:
        path.chmod(0o600)
        path.write_bytes(b"x" * len(DISK))
    assert planted
    volume = await create_volume(cloud, demo, imageRef=image["id"])
    assert volume["status"] == "error"
    assert files(cloud) == []


async def test_an_image_of_many_pieces_becomes_a_volume_unless_one_of_its_last_bytes_changed(
    cloud: TestCloud, demo: JsonClient
) -> None:
    data = os.urandom(3 * MIB) + bytes(MIB) + os.urandom(3 * MIB + 5) + bytes(MIB)
    image = await a_disk_image(demo, data)
    whole = await create_volume(cloud, demo, imageRef=image["id"])
    assert whole["status"] == "available"
    (file,) = cloud.cloud.options.data_dir.rglob(f"volume-{whole['id']}")
    with file.open("rb") as handle:
        assert handle.read(len(data) + 1) == data + b"\0"
    assert file.stat().st_blocks * 512 < 7 * MIB
    (stored,) = [p for p in cloud.cloud.options.data_dir.rglob("*") if p.is_file() and p.stat().st_size == len(data)]
    stored.chmod(0o600)
    with stored.open("r+b") as handle:
        handle.seek(len(data) - 1)
        handle.write(b"x")
    assert (await create_volume(cloud, demo, imageRef=image["id"]))["status"] == "error"
    assert files(cloud) == [file.name]


async def test_reimage_replaces_bytes_and_rows_together(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await create_volume(cloud, demo, imageRef=(await a_disk_image(demo, only_one="1"))["id"])
    second = await a_disk_image(demo, b"second".ljust(4096, b"\0"), only_two="2")
    (await volume_action(demo, volume["id"], "os-reimage", {"image_id": second["id"]})).ok(202)
    await cloud.settle()
    shown = await get_volume(demo, volume["id"])
    assert shown["status"] == "available"
    assert shown["volume_image_metadata"]["image_id"] == second["id"]
    assert not {"only_one", "signature_verified"} & shown["volume_image_metadata"].keys()
    assert bytes_of(cloud, volume["id"]).startswith(b"second")


async def test_the_halves_talk_over_cinders_topics(cloud: TestCloud, demo: JsonClient) -> None:
    heard: list[tuple[str, str]] = []

    def hear(record: WireRecord) -> None:
        if record.kind == "publish" and record.exchange == "cinder" and "notifications" not in record.routing_key:
            heard.append((record.routing_key, unwrap(record.body, record.properties)["method"]))

    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    await create_volume(cloud, demo)
    await watch.cancel()
    assert heard == [
        ("cinder-scheduler", "create_volume"),
        ("cinder-volume.stackwire@files.stackwire", "create_volume"),
    ]


async def test_images_become_volumes_and_volumes_images_over_http_too(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=("identity", "image", "volume"), settings={"volume": {"image_api": "http"}})
    demo = await cloud.http("demo")
    image = await a_disk_image(demo, name="the one", hw_disk_bus="scsi", min_ram=64)
    for reference in (image["id"], "the one"):
        volume = await create_volume(cloud, demo, imageRef=reference)
        assert bytes_of(cloud, volume["id"]) == DISK
        kept = volume["volume_image_metadata"]
        assert (kept["hw_disk_bus"], kept["min_ram"], kept["size"]) == ("scsi", "64", str(len(DISK)))
        assert not kept.keys() & {"self", "file", "schema", "owner", "visibility"}
    uploaded = await volume_action(demo, volume["id"], "os-volume_upload_image", {"image_name": "back"})
    await cloud.settle(120.0)
    back = await get_image(demo, uploaded.ok(202).json["os-volume_upload_image"]["image_id"])
    assert (back["status"], back["hw_disk_bus"], back["size"]) == ("active", "scsi", GIBIBYTE)
    missing = {"volume": {"size": 1, "imageRef": "11111111-2222-4333-8444-555555555555"}}
    (await demo.post("volume", f"{V}/volumes", json=missing)).ok(400)


async def test_data_that_may_be_read_directly_is_copied_by_the_kernel_and_nobody_sends_it(a_cloud: ACloud) -> None:
    """Its rows are the same; an image that lies elsewhere, or is another size than it says, is no volume's."""
    cloud = await a_cloud(
        services=("identity", "image", "volume"), settings={"volume": {"allowed_direct_url_schemes": "file"}}
    )
    demo = await cloud.http()
    image = await a_disk_image(demo, team="storage")
    events: list[str] = []
    watch = cloud.cloud.broker.watch(lambda record: events.extend(event_of(record)))
    volume = await create_volume(cloud, demo, imageRef=image["id"])
    await watch.cancel()
    assert (volume["status"], "image.send" in events) == ("available", False)
    assert volume["volume_image_metadata"]["team"] == "storage"
    (disk,) = cloud.cloud.options.data_dir.rglob(f"volume-{volume['id']}")
    with disk.open("rb") as file:
        assert file.read(len(DISK)) == DISK
        assert os.fstat(file.fileno()).st_size == 1024**3
    for path in cloud.cloud.options.data_dir.rglob("*"):
        if path.is_file() and path.stat().st_size == len(DISK):
            path.chmod(0o600)
            path.write_bytes(b"x" * 512)
    assert (await create_volume(cloud, demo, imageRef=image["id"]))["status"] == "error"
