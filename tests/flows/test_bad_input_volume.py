"""What the volume API refuses, in its own shape, nothing made: rows 104-123.

test_volume_refusals looks at plain values too, and behind the API: no row, no quota is left.
"""

from typing import Any

import pytest

from support.bad_input import UNKNOWN, filled, images_in_every_state, refused, row, state, whole
from support.builders.images import an_image
from support.builders.volumes import a_volume
from support.cloud import ASharedCloud, JsonClient, TestCloud

V = "/v3/{project_id}/volumes"
NEW = {"OpenStack-API-Version": "volume 3.70"}
NOBODY = UNKNOWN
BIG = 3  # gigabytes of the volume that is copied from

Things = dict[str, Any]


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture(scope="module")
async def things(a_shared_cloud: ASharedCloud) -> Things:
    """Images, volumes and a snapshot in the states the rows speak of, by name."""
    cloud = await a_shared_cloud()
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    made: Things = dict(await images_in_every_state(cloud))
    made["alien"] = await a_volume(cloud, alt)
    made["big"] = await a_volume(cloud, demo, size=BIG)
    made["free"] = await a_volume(cloud, demo)
    made["reserved"] = await a_volume(cloud, demo)
    (await demo.post("volume", f"{V}/{made['reserved']}/action", json={"os-reserve": {}})).ok(202)
    made["used"] = await a_volume(cloud, demo)
    wish = {"attachment": {"volume_uuid": made["used"], "instance_uuid": NOBODY, "connector": {"host": "h"}}}
    used = (await demo.post("volume", "/v3/{project_id}/attachments", json=wish, headers=NEW)).ok().json["attachment"]
    path = f"/v3/{{project_id}}/attachments/{used['id']}/action"
    (await demo.post("volume", path, json={"os-complete": {}}, headers=NEW)).ok(204)
    snapshot = {"snapshot": {"volume_id": made["big"]}}
    made["snapshot"] = (
        (await demo.post("volume", "/v3/{project_id}/snapshots", json=snapshot)).ok(202).json["snapshot"]["id"]
    )
    await cloud.settle()
    return made


def wish(**fields: Any) -> Any:
    return {"volume": {"size": 1, **fields}}


CREATES = [
    *(row(104, f"size {size!r}", wish(size=size), 400) for size in (0, -1, "abc", 1.5, None, True, "", [], "1.5")),
    *(row(105, f"size {size!r}", wish(size=size), 400) for size in (2**31, 2**63 - 1, str(2**63))),
    *(row(107, f"body {body!r}", body, 400) for body in ({}, {"size": 1}, {"volume": []}, {"volume": None}, [])),
    row(107, "unknown key", wish(colour="red"), 400),
    row(108, "unknown image", wish(imageRef="$unknown"), 400),
    row(108, "unseen image", wish(imageRef="$foreign"), 400),
    *(row(108, f"imageRef {value!r}", wish(imageRef=value), 400)
      for value in ("..", 5, "../../etc/passwd", {}, "a\0b")),
    row(109, "a name borne twice", wish(imageRef="borne-twice"), 409),
    row(110, "image and snapshot", wish(imageRef="$image", snapshot_id="$snapshot", size=BIG), 400),
    row(110, "snapshot and volume", wish(source_volid="$free", snapshot_id="$snapshot", size=BIG), 400),
    row(110, "image and volume", wish(source_volid="$free", imageRef="$image"), 400),
    *(row(111, f"unknown {name}", wish(**{name: "$unknown"}), 404) for name in ("snapshot_id", "source_volid")),
    row(111, "volume of others", wish(source_volid="$alien"), 404),
    row(112, "min_disk", wish(imageRef="$min_disk"), 400),
    row(112, "virtual size", wish(imageRef="$huge"), 400),
    *(row(113, f"{kind} image", wish(imageRef=f"${kind}"), 400) for kind in ("queued", "deactivated", "deleted")),
    row(114, "smaller than the snapshot", wish(snapshot_id="$snapshot"), 400),
    row(114, "smaller than the source", wish(source_volid="$big"), 400),
    *(row(115, f"metadata {str(given)[:12]}", wish(metadata=given), 400)
      for given in ({"k": 1}, {"k": None}, {"k" * 256: "v"}, {"k": "v" * 256}, {"": "v"}, [], "x")),
    row(123, "more than the quota", wish(size=1001), 413),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status"), CREATES)
async def test_a_volume_that_cannot_be_is_refused(demo: JsonClient, things: Things, body: Any, status: int) -> None:
    before = await state(demo, "volume")
    refused("volume", await demo.post("volume", V, json=filled(body, things), headers=NEW), status)
    assert await state(demo, "volume") == before


def upload(**fields: Any) -> Any:
    return {"os-volume_upload_image": {"image_name": "x", **fields}}


ACTIONS = [
    *(row(116, f"metadata {str(given)[:12]!r}", "free", {"os-set_image_metadata": {"metadata": given}}, 400)
      for given in ({"a\nb": "v"}, {"\u00e9": "v"}, {"k" * 256: "v"}, {"k": "v" * 65536}, {"k": None}, [], {"": "v"})),
    row(117, "a key that is not there", "free", {"os-unset_image_metadata": {"key": "nothing"}}, 404),
    *(row(118, f"action {body!r}", "free", body, 400)
      for body in ({}, {"os-fly": {}}, {"os-reserve": {}, "os-unreserve": {}}, [], {"os-extend": None})),
    row(119, "no name", "free", {"os-volume_upload_image": {}}, 400),
    row(119, "container format", "free", upload(container_format="junk"), 400),
    row(119, "disk format", "free", upload(disk_format="exe"), 400),
    row(119, "public", "free", upload(visibility="public"), 403),
    row(119, "in use", "used", upload(), 400),
    row(119, "reserved", "reserved", upload(), 400),
    row(114, "extended to less", "free", {"os-extend": {"new_size": 1}}, 400),
    row(105, "extended to 2^63", "free", {"os-extend": {"new_size": 2**63 - 1}}, 400),
    row(123, "extended over the quota", "free", {"os-extend": {"new_size": 2000}}, 413),
    row(111, "of others", "alien", {"os-extend": {"new_size": 2}}, 404),
    row(111, "of nobody", "unknown", {"os-reserve": {}}, 404),
]  # fmt: skip


@pytest.mark.parametrize(("volume", "body", "status"), ACTIONS)
async def test_an_action_that_cannot_be_changes_nothing(
    demo: JsonClient, things: Things, volume: str, body: Any, status: int
) -> None:
    before = await state(demo, "volume"), await state(demo, "image")
    refused("volume", await demo.post("volume", f"{V}/{things[volume]}/action", json=body, headers=NEW), status)
    assert (await state(demo, "volume"), await state(demo, "image")) == before


DELETES = [  # a volume that is uploading is as little available as one reserved, and seen for a moment only
    row(120, "in use", "used", 400), row(120, "with a snapshot", "big", 400), row(120, "reserved", "reserved", 400),
    row(111, "of others", "alien", 404),
]  # fmt: skip


@pytest.mark.parametrize(("volume", "status"), DELETES)
async def test_a_volume_that_is_needed_is_not_deleted(
    demo: JsonClient, things: Things, volume: str, status: int
) -> None:
    before = await state(demo, "volume")
    refused("volume", await demo.delete("volume", f"{V}/{things[volume]}", headers=NEW), status)
    assert await state(demo, "volume") == before


LISTS = [
    row(121, "unknown marker", f"marker={NOBODY}", 404),
    *(row(121, query, query, 400) for query in ("limit=-1", "limit=x", "sort=bogus", f"offset={10**30}", "offset=-1",
      "sort_key=size;drop", "bootable=perhaps", "colour=red", "created_at=gt:yesterday")),
]  # fmt: skip


@pytest.mark.parametrize(("query", "status"), LISTS)
async def test_a_list_that_makes_no_sense_is_refused(demo: JsonClient, query: str, status: int) -> None:
    refused("volume", await demo.get("volume", f"{V}/detail?{query}", headers=NEW), status)


@pytest.mark.parametrize(
    "path", [f"{V}/%00", f"{V}/..%2f..%2fetc", f"{V}/{NOBODY}", f"{V}/x", "/v3/{project_id}/snapshots/x",
             "/v3/{project_id}/attachments/x", "/v3/{project_id}/types/x"],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["GET", "DELETE"])
async def test_what_is_not_there_is_not_found(demo: JsonClient, verb: str, path: str) -> None:
    assert (await demo.request(verb, "volume", path, headers=NEW)).status in (403, 404)


SNAPSHOTS = [
    {}, {"snapshot": {}}, {"snapshot": {"volume_id": 5}}, {"snapshot": {"volume_id": "x", "colour": "red"}},
    {"snapshot": []}, {"snapshot": {"volume_id": NOBODY, "name": "n" * 256}},
    {"snapshot": {"volume_id": NOBODY, "force": "perhaps"}}, {"snapshot": {"volume_id": NOBODY, "metadata": {"k": 1}}},
]  # fmt: skip


@pytest.mark.parametrize("body", SNAPSHOTS)
async def test_a_snapshot_that_cannot_be_is_refused(demo: JsonClient, body: Any) -> None:
    refused("volume", await demo.post("volume", "/v3/{project_id}/snapshots", json=body, headers=NEW), 400)


@pytest.mark.parametrize("junk", ["{", "[]", "1", "[" * 5000, '[{"source_type": "snapshot", "boot_index": 0}]'])
async def test_an_images_devices_that_cannot_be_read_are_no_failure_of_ours(
    cloud: TestCloud, demo: JsonClient, junk: str
) -> None:
    image_id = await an_image(demo, block_device_mapping=junk)
    volume_id = await a_volume(cloud, demo, imageRef=image_id)
    assert (await demo.delete("volume", f"{V}/{volume_id}")).status == 202
    await cloud.settle()


async def test_others_reserve_nothing_and_snap_nothing(cloud: TestCloud, demo: JsonClient, things: Things) -> None:
    alt = await cloud.http("alt")
    before = await state(alt, "volume")
    for action in ("os-reserve", "os-show_image_metadata", "os-volume_upload_image"):
        arguments = {"os-volume_upload_image": {"image_name": "x"}}.get(action, {})
        answer = await demo.post("volume", f"{V}/{things['alien']}/action", json={action: arguments}, headers=NEW)
        refused("volume", answer, 404)
    body = {"snapshot": {"volume_id": things["alien"]}}
    refused("volume", await demo.post("volume", "/v3/{project_id}/snapshots", json=body), 404)
    assert await state(alt, "volume") == before


REFUSALS = "flows/test_volume_refusals.py: "
ELSEWHERE = {
    106: REFUSALS + "test_digits_are_a_size",
    122: REFUSALS + "test_versions_are_echoed_or_refused",
    123: REFUSALS + "test_exactly_as_many_volumes_as_the_quota_allows_win_a_race",
}


def test_no_row_is_forgotten() -> None:
    whole(range(104, 124), (CREATES, ACTIONS, DELETES, LISTS), ELSEWHERE)
