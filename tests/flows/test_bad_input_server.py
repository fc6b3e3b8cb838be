"""What the compute API refuses of servers and their devices, nothing reserved and nothing left: rows 124-159.

The rules alone are tables of tests/unit/compute; here they are met over HTTP, with images, volumes and snapshots in
every state beside. What is asked of servers that exist is test_bad_input_actions.
"""

import base64
from typing import Any

import pytest

from support.bad_input import UNKNOWN, filled, images_in_every_state, refused, row, state, whole
from support.builders.servers import SERVER_VERSION, a_server, from_volume, request_server
from support.builders.volumes import a_volume
from support.cloud import ASharedCloud, JsonClient, TestCloud

Things = dict[str, Any]


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture(scope="module")
async def things(a_shared_cloud: ASharedCloud) -> Things:
    """Images, volumes, snapshots and flavors in the states the rows speak of, by name."""
    cloud = await a_shared_cloud()
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    made: Things = dict(await images_in_every_state(cloud))
    made["bootable"] = await a_volume(cloud, demo, imageRef=made["image"])
    made["blank"] = await a_volume(cloud, demo)
    made["alien"] = await a_volume(cloud, alt)
    made["broken"] = await a_volume(cloud, demo, imageRef=made["image"])
    made["used"] = await a_volume(cloud, demo, imageRef=made["image"])
    made["server"] = await a_server(cloud, demo, block_device_mapping_v2=from_volume(made["used"]))
    for name, client, volume in (("alien_snapshot", alt, "alien"), ("broken_snapshot", demo, "blank")):
        wish = {"snapshot": {"volume_id": made[volume]}}
        answer = (await client.post("volume", "/v3/{project_id}/snapshots", json=wish)).ok(202)
        made[name] = answer.json["snapshot"]["id"]
    await cloud.settle()
    reset = {"os-reset_status": {"status": "error"}}
    for kind, name in (("volumes", "broken"), ("snapshots", "broken_snapshot")):
        (await admin.post("volume", f"/v3/{{project_id}}/{kind}/{made[name]}/action", json=reset)).ok(202)
    for name, fields in (
        ("private", {"os-flavor-access:is_public": False}), ("cores", {"vcpus": 21}), ("ram", {"ram": 60_000}),
        ("rooms", {"OS-FLV-EXT-DATA:ephemeral": 9, "swap": 512}),
    ):  # fmt: skip
        flavor = {"name": name, "ram": 64, "vcpus": 1, "disk": 1} | fields
        answer = (await admin.post("compute", "/v2.1/flavors", json={"flavor": flavor}, headers=SERVER_VERSION)).ok(200)
        made[name] = answer.json["flavor"]["id"]
    return made


async def left(cloud: TestCloud) -> Any:
    """Everything a refused request could leave behind, whoever asks."""
    admin = await cloud.http("admin")
    volumes = (await admin.get("volume", "/v3/{project_id}/volumes/detail?all_tenants=1")).ok(200).json
    return (
        (await admin.get("compute", "/v2.1/servers/detail?all_tenants=1")).ok(200).json,
        volumes,
        await cloud.rows("compute", "SELECT id FROM block_device_mapping ORDER BY id"),
        await cloud.rows("volume", "SELECT id FROM volume_attachment WHERE NOT deleted ORDER BY id"),
    )


def device(source: str, to: str | None, uuid: str | None = None, index: Any = None, **fields: Any) -> dict[str, Any]:
    made = {"source_type": source, "destination_type": to, "uuid": uuid, "boot_index": index}
    return {name: value for name, value in made.items() if value is not None} | fields


def devices(*given: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"block_device_mapping_v2": list(given), **fields}


def root(**fields: Any) -> dict[str, Any]:
    return device("volume", "volume", "$bootable", 0) | fields


def copy(**fields: Any) -> dict[str, Any]:
    return device("image", "volume", "$image", 0, volume_size=1) | fields


LOCAL = device("image", "local", "$image", 0)
BLANK = device("blank", "local", volume_size=1)
SWAP = BLANK | {"guest_format": "swap"}
FIVE = BLANK | {"volume_size": 5}
WITH_IMAGE = {"imageRef": "$image"}

DEVICES = [
    row(124, "nothing to boot from", {}),
    row(124, "no devices", devices()),
    # The image's own disk comes from the client: to a v2 list Nova adds what image and flavor define, never a disk for
    # imageRef itself (nova/compute/api.py: _check_and_transform_bdm). So only the two together are two boot devices.
    row(125, "an image and a volume of it", devices(LOCAL, copy(), **WITH_IMAGE)),
    row(126, "index 0 twice", devices(root(), copy())),
    row(127, "a gap", devices(root(), copy(boot_index=2))),
    row(128, "index None", devices(root(boot_index=None))),
    row(128, "index -1", devices(root(boot_index=-1))),
    *(row(129, f"index {index!r}", devices(root(boot_index=index))) for index in ("abc", 1.5, True, 2**40, [])),
    row(130, "a volume made local", devices(root(destination_type="local"))),
    row(131, "second image made local", devices(LOCAL, LOCAL | {"boot_index": 1}, **WITH_IMAGE)),
    row(131, "image made local without imageRef", devices(LOCAL)),
    row(132, "blank with a uuid", devices(root(), BLANK | {"uuid": "$blank"})),
    *(row(133, f"{source} without uuid", devices(device(source, "volume", None, 0, volume_size=1)))
      for source in ("volume", "snapshot", "image")),
    row(133, "uuid that is none", devices(root(uuid="x"))),
    row(134, "source", devices(root(source_type="floppy"))),
    row(134, "destination", devices(root(destination_type="moon"))),
    row(134, "key", devices(root(colour="red"))),
    row(134, "a text for a device", {"block_device_mapping_v2": ["x"]}),
    *(row(135, f"size {size!r}", devices(copy(volume_size=size))) for size in (None, 0, -1, 2**31, "x", 1.5)),
    row(136, "blank volume without size", devices(root(), device("blank", "volume"))),
    row(137, "type of a local disk", devices(root(), BLANK | {"volume_type": "lvmdriver-1"})),
    row(137, "type of a volume that exists", devices(root(volume_type="lvmdriver-1"))),
    row(138, "unknown type", devices(copy(volume_type="gold"))),
    row(138, "type that is no name", devices(copy(volume_type="../x"))),
    row(139, "more ephemeral than the flavor", devices(root(), BLANK)),
    row(139, "more ephemeral in sum", devices(root(), FIVE, FIVE, flavorRef="$rooms")),
    row(140, "two swap devices", devices(root(), SWAP, SWAP, flavorRef="$rooms")),
    row(140, "more swap than the flavor", devices(root(), SWAP | {"volume_size": 513}, flavorRef="$rooms")),
    row(141, "four local devices", devices(LOCAL, BLANK, BLANK, BLANK, flavorRef="$rooms", **WITH_IMAGE)),
    row(142, "bus", devices(root(disk_bus="warp"))),
    row(142, "name with a blank", devices(root(device_name="a b"))),
    row(142, "name of 256", devices(root(device_name="d" * 256))),
    row(143, "unknown volume", devices(root(uuid="$unknown"))),
    *(row(143, f"{kind} volume", devices(root(uuid=f"${kind}"))) for kind in ("alien", "blank", "used", "broken")),
    *(row(143, f"{kind} volume behind a good one", devices(root(), root(uuid=f"${kind}", boot_index=1)))
      for kind in ("unknown", "alien", "used", "broken")),
    *(row(144, f"{kind} snapshot", devices(device("snapshot", "volume", f"${kind}", 0)))
      for kind in ("unknown", "alien_snapshot", "broken_snapshot")),
    row(145, "one volume twice", devices(root(), root(boot_index=1))),
    row(146, "one volume for two servers", devices(root(), min_count=2, max_count=2)),
    row(147, "both syntaxes", devices(root(), block_device_mapping=[{"volume_id": "$blank", "device_name": "vdb"}])),
    row(148, "delete on termination", devices(root(delete_on_termination="maybe"))),
    row(149, "tag of 61", devices(root(tag="t" * 61))),
    row(149, "one tag twice", devices(root(tag="t"), device("volume", "volume", "$blank", 1, tag="t"))),
    row(149, "tag with a slash", devices(root(tag="a/b"))),
    row(150, "27 disks", devices(root(), *(device("blank", "volume", volume_size=1) for _ in range(26)))),
]  # fmt: skip


def text(size: int) -> str:
    return base64.b64encode(b"x" * size).decode()


FIELDS = [
    *(row(151, f"{kind} image", {"imageRef": f"${kind}"}, 400)
      for kind in ("unknown", "foreign", "queued", "deactivated", "deleted")),
    *(row(151, f"imageRef {value!r}", {"imageRef": value}, 400) for value in ("x", "../etc", 5, "a\0b", [])),
    *(row(152, kind, {"imageRef": f"${kind}"}, 400) for kind in ("min_ram", "min_disk", "huge")),
    *(row(153, f"name {name[:4]!r}", WITH_IMAGE | {"name": name}, 400) for name in ("", "   ", "n" * 256, "a\0b")),
    row(153, "name of a MB", WITH_IMAGE | {"name": "n" * 2**20}, 413),
    *(row(154, f"flavor {flavor!r}", WITH_IMAGE | {"flavorRef": flavor}, 400)
      for flavor in (None, UNKNOWN, "$private", 2**70 // 2**8, "../x")),
    *(row(155, f"{least!r} to {most!r}", WITH_IMAGE | {"min_count": least, "max_count": most}, 400)
      for least, most in ((3, 2), (1, 0), (1, -1), (1, "x"), (0, 1), (1.5, 2))),
    row(156, "no base64", WITH_IMAGE | {"user_data": "not base64!"}, 400),
    row(156, "64 KB", WITH_IMAGE | {"user_data": text(65536)}, 400),
    *(row(157, f"metadata {str(given)[:12]}", WITH_IMAGE | {"metadata": given}, 400)
      for given in ({"a/b": "v"}, {"k": "v" * 256}, {"k": 1}, {"k" * 256: "v"}, {"": "v"}, [], "x")),
    row(158, "129 metadata", WITH_IMAGE | {"metadata": {str(n): "v" for n in range(129)}}, 403),
    row(159, "instances", WITH_IMAGE | {"min_count": 11, "max_count": 11}, 403),
    row(159, "cores", WITH_IMAGE | {"flavorRef": "$cores"}, 403),
    row(159, "ram", WITH_IMAGE | {"flavorRef": "$ram"}, 403),
]  # fmt: skip


@pytest.mark.parametrize("fields", DEVICES)
async def test_devices_that_cannot_be_are_refused(
    cloud: TestCloud, demo: JsonClient, things: Things, fields: dict[str, Any]
) -> None:
    before = await left(cloud)
    refused("compute", await request_server(demo, **filled(fields, things)), 400)
    assert await left(cloud) == before


async def test_an_image_and_a_volume_of_it_without_the_images_own_disk_is_one_boot_device(
    cloud: TestCloud, demo: JsonClient, things: Things
) -> None:
    """The other side of row 125."""
    fields = filled(devices(copy(delete_on_termination=True), **WITH_IMAGE), things)
    server = f"/v2.1/servers/{(await request_server(demo, **fields)).ok(202).json['server']['id']}"
    await cloud.settle()
    found = (await demo.get("compute", server)).ok(200).json["server"]
    assert found["status"] == "ACTIVE"
    assert len(found["os-extended-volumes:volumes_attached"]) == 1
    (await demo.delete("compute", server)).ok(204)
    await cloud.settle()


@pytest.mark.parametrize(("fields", "status"), FIELDS)
async def test_a_server_that_cannot_be_is_refused(
    cloud: TestCloud, demo: JsonClient, things: Things, fields: dict[str, Any], status: int
) -> None:
    before = await state(demo, "compute"), await state(demo, "volume")
    refused("compute", await request_server(demo, **filled(fields, things)), status)
    assert (await state(demo, "compute"), await state(demo, "volume")) == before


@pytest.mark.parametrize(
    "body", [[], "x", 5, {}, *({"server": value} for value in ([], None, "x")), {"flavorRef": "1"}]
)
async def test_a_body_without_a_server_is_refused(demo: JsonClient, body: Any) -> None:
    refused("compute", await demo.post("compute", "/v2.1/servers", json=body), 400)


def test_no_row_is_forgotten() -> None:
    # Row 151 names killed images too: only the Image API v1 makes them (test_image_v1).
    whole(
        range(124, 160), (DEVICES, FIELDS), {138: "an unknown type fails the server later on, when its volume is made"}
    )
