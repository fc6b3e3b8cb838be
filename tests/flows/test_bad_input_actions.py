"""What the compute API refuses of servers that exist, of lists and versions: rows 54 and 160-170."""

from typing import Any

import pytest

from flows.test_server_api import sysmeta
from support.bad_input import UNKNOWN, filled, refused, row, state, whole
from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, a_server, from_volume, request_server, server_action
from support.builders.volumes import a_volume
from support.cloud import ASharedCloud, JsonClient, TestCloud

Things = dict[str, Any]


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture(scope="module")
async def things(a_shared_cloud: ASharedCloud) -> Things:
    """A server on an image, one on a volume, one in error, one deleted; volumes that are free, used and of others."""
    cloud = await a_shared_cloud()
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    made: Things = {"unknown": UNKNOWN, "image": await an_image(demo), "other": await an_image(demo)}
    made["alien"] = await a_volume(cloud, alt)
    made["free"] = await a_volume(cloud, demo)
    made["used"] = await a_volume(cloud, demo, imageRef=made["image"])
    made["server"] = await a_server(cloud, demo, imageRef=made["image"])
    made["on volume"] = await a_server(cloud, demo, block_device_mapping_v2=from_volume(made["used"]))
    made["failed"] = await a_server(cloud, demo, imageRef=made["image"])
    (await server_action(admin, made["failed"], **{"os-resetState": {"state": "error"}})).ok(202)
    made["gone"] = await a_server(cloud, demo, imageRef=made["image"])
    (await demo.delete("compute", f"/v2.1/servers/{made['gone']}")).ok(204)
    await cloud.settle()
    return made


async def left(demo: JsonClient) -> Any:
    return await state(demo, "compute"), await state(demo, "volume"), await state(demo, "image")


REBUILD = {"rebuild": {"imageRef": "$other"}}
BAD = {"rebuild": {"imageRef": "$image", "metadata": {"k": 1}}}
ACTIONS = [
    row(160, "snapshot without a name", "server", {"createImage": {}}, 400),
    row(160, "snapshot of a server in error", "failed", {"createImage": {"name": "s"}}, 409),
    row(161, "another image before 2.93", "on volume", REBUILD, 400),
    row(162, "bad metadata", "server", BAD, 400),
    row(162, "unknown image", "server", {"rebuild": {"imageRef": "$unknown"}}, 400),
    row(162, "unknown key", "server", {"rebuild": {"imageRef": "$image", "colour": "red"}}, 400),
    *(row(165, f"action {body!r}", "server", body, 400)
      for body in ({}, {"os-fly": None}, {"os-stop": None, "os-start": None}, [], "xy")),
    *(row(165, f"action {body!r}", "server", body, 404) for body in ("x", 5)),
    row(165, "a server that is gone", "gone", {"os-stop": None}, 404),
    row(165, "an unknown server", "unknown", {"os-stop": None}, 404),
]  # fmt: skip


@pytest.mark.parametrize(("server", "body", "status"), ACTIONS)
async def test_an_action_that_cannot_be_changes_nothing(
    demo: JsonClient, things: Things, server: str, body: Any, status: int
) -> None:
    before = await left(demo)
    path, headers = f"/v2.1/servers/{things[server]}/action", {"OpenStack-API-Version": "compute 2.92"}
    refused("compute", await demo.post("compute", path, json=filled(body, things), headers=headers), status)
    assert await left(demo) == before


ATTACHES = [
    row(163, "a volume in use", "server", "used", 400),
    row(163, "a volume of others", "server", "alien", 404),
    row(163, "an unknown volume", "server", "unknown", 404),
    row(163, "a server that is gone", "gone", "free", 404),
    row(163, "an unknown server", "unknown", "free", 404),
]


@pytest.mark.parametrize(("server", "volume", "status"), ATTACHES)
async def test_a_volume_that_cannot_be_attached_is_left_alone(
    demo: JsonClient, things: Things, server: str, volume: str, status: int
) -> None:
    before = await left(demo)
    wish = {"volumeAttachment": {"volumeId": things[volume]}}
    path = f"/v2.1/servers/{things[server]}/os-volume_attachments"
    refused("compute", await demo.post("compute", path, json=wish, headers=SERVER_VERSION), status)
    assert await left(demo) == before


DETACHES = [row(164, "the root volume", "on volume", "used", 400), row(163, "a volume of none", "server", "free", 404),
            row(163, "a volume of another server", "server", "used", 404)]  # fmt: skip


@pytest.mark.parametrize(("server", "volume", "status"), DETACHES)
async def test_a_volume_that_cannot_be_detached_stays(
    demo: JsonClient, things: Things, server: str, volume: str, status: int
) -> None:
    before = await left(demo)
    path = f"/v2.1/servers/{things[server]}/os-volume_attachments/{things[volume]}"
    refused("compute", await demo.delete("compute", path, headers=SERVER_VERSION), status)
    assert await left(demo) == before


VERSIONS = [row(166, version[:16], version, status) for version, status in (
    ("compute 2.x", 400), ("compute 2", 400), ("compute 2.01", 400), ("compute " + "9" * 5000, 400),
    ("compute 2.9999", 406), ("volume 3.0", 200))]  # fmt: skip


@pytest.mark.parametrize(("version", "status"), VERSIONS)
async def test_versions_that_are_none(demo: JsonClient, version: str, status: int) -> None:
    answer = await demo.get("compute", "/v2.1/servers", headers={"OpenStack-API-Version": version})
    assert answer.status == status
    assert version != "volume 3.0" or answer.headers["OpenStack-API-Version"] == "compute 2.1"


QUERIES = ("marker=x", "limit=-1", "limit=x", "sort_key=bogus", "sort_dir=up", "changes-since=junk")
LISTS = [row(169, query[:20], query) for query in (f"marker={UNKNOWN}", *QUERIES)]


@pytest.mark.parametrize("query", LISTS)
async def test_a_list_that_makes_no_sense_is_refused(demo: JsonClient, query: str) -> None:
    refused("compute", await demo.get("compute", f"/v2.1/servers?{query}", headers=SERVER_VERSION), 400)


async def test_a_status_nobody_has_finds_nothing_before_2_38_and_is_refused_from_then_on(demo: JsonClient) -> None:
    """Row 170."""
    answer = await demo.get("compute", "/v2.1/servers?status=BOGUS")
    assert (answer.status, answer.json) == (200, {"servers": []})
    refused("compute", await demo.get("compute", "/v2.1/servers?status=BOGUS", headers=SERVER_VERSION), 400)


async def test_long_properties_are_cut_between_characters_and_many_of_them_boot(
    cloud: TestCloud, demo: JsonClient
) -> None:
    """Rows 167 and 168: what fits into 255 bytes of UTF-8 (nova: safe_truncate), never half a character."""
    many = {f"p{n}": "v" * 255 for n in range(127)}
    image_id = await an_image(demo, long="\U0001f4be" * 300, **many)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    rows = await sysmeta(cloud, server_id)
    assert rows["image_long"] == "\U0001f4be" * (255 // 4)
    assert {name: rows[f"image_{name}"] for name in many} == many
    assert server_id in {each["id"] for each in (await state(demo, "compute"))["servers"]}
    (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()


JUNK = [row(54, junk[:12], junk) for junk in ("{", "[]", '"x"', "[1]", '[{"source_type": "moon"}]', "[" * 5000,
                                              '[{"uuid": NaN}]')]  # fmt: skip


@pytest.mark.parametrize("junk", JUNK)
async def test_junk_for_an_images_own_devices_is_no_failure_of_ours(
    cloud: TestCloud, demo: JsonClient, junk: str
) -> None:
    image_id = await an_image(demo, block_device_mapping=junk, bdm_v2="True", root_device_name="\u200f")
    answer = await request_server(demo, imageRef=image_id)
    assert answer.status in (202, 400), answer.body
    await cloud.settle()
    if answer.status == 202:
        (await demo.delete("compute", f"/v2.1/servers/{answer.json['server']['id']}")).ok(204)
        await cloud.settle()
    else:
        refused("compute", answer, 400)


HERE = "flows/test_bad_input_actions.py: "
CUT = HERE + "test_long_properties_are_cut_between_characters_and_many_of_them_boot"
ELSEWHERE = {
    160: "the second at once: flows/test_server_api_races.py: test_of_two_snapshots_at_once_one_is_refused",
    167: CUT,
    168: CUT,
    170: HERE + "test_a_status_nobody_has_finds_nothing_before_2_38_and_is_refused_from_then_on",
}


def test_no_row_is_forgotten() -> None:
    whole(range(160, 171), (ACTIONS, ATTACHES, DETACHES, VERSIONS, LISTS), ELSEWHERE)
