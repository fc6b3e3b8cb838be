"""What the volume API refuses, and to whom: the code and body of the original, nothing changed, never a 5xx."""

import asyncio
from typing import Any

import aiohttp
import pytest

from support.builders.volumes import a_volume
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}
NOBODY = "11111111-1111-4111-8111-111111111111"
NAMES = {400: "badRequest", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest", 413: "overLimit"}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "volume"))


def refused(answer: Answer, status: int) -> None:
    assert answer.status == status, answer.body[:500]
    (name,) = answer.json
    assert name == NAMES[status]
    assert answer.json[name]["code"] == status
    assert "Traceback" not in answer.json[name]["message"]


VOLUMES: list[tuple[Any, int]] = [
    *(({"volume": {"size": size}}, 400) for size in (0, -1, "abc", 1.5, None, True, 2**31, 2**62, "")),
    ({}, 400),
    ({"size": 1}, 400),
    ({"volume": {"size": 1, "colour": "red"}}, 400),
    ({"volume": {"size": 1, "imageRef": NOBODY}}, 400),
    ({"volume": {"size": 1, "imageRef": ".."}}, 400),
    ({"volume": {"size": 1, "imageRef": 5}}, 400),
    ({"volume": {"size": 1, "imageRef": NOBODY, "snapshot_id": NOBODY}}, 400),
    ({"volume": {"size": 1, "source_volid": NOBODY, "snapshot_id": NOBODY}}, 400),
    ({"volume": {"size": 1, "snapshot_id": NOBODY}}, 404),
    ({"volume": {"size": 1, "source_volid": NOBODY}}, 404),
    ({"volume": {"size": 1, "volume_type": "gold"}}, 404),
    ({"volume": {"size": 1, "availability_zone": "mars"}}, 400),
    ({"volume": {"size": 1, "name": "n" * 256}}, 400),
    ({"volume": {"size": 1, "name": "a\u0000b"}}, 400),
    *(({"volume": {"size": 1, "metadata": given}}, 400)
      for given in ({"k": 1}, {"k" * 256: "v"}, {"k": "v" * 256}, {"": "v"}, [])),
    ({"volume": {"size": 1001}}, 413),
]  # fmt: skip


async def test_a_volume_that_cannot_be_is_refused_and_nothing_is_left(cloud: TestCloud, demo: JsonClient) -> None:
    for body, status in VOLUMES:
        refused(await demo.post("volume", f"{V}/volumes", json=body, headers=NEW), status)
    assert await cloud.rows("volume", "SELECT id FROM volumes") == []
    assert await cloud.rows("volume", "SELECT 1 AS n FROM quota_usages WHERE in_use <> 0") == []


async def test_digits_are_a_size(cloud: TestCloud, demo: JsonClient) -> None:
    volume_id = await a_volume(cloud, demo, size="2")
    assert (await demo.get("volume", f"{V}/volumes/{volume_id}")).ok(200).json["volume"]["size"] == 2


ACTIONS: list[tuple[Any, int]] = [
    ({}, 400),
    ({"os-fly": {}}, 400),
    ({"os-reserve": {}, "os-unreserve": {}}, 400),
    ([], 400),
    ({"os-volume_upload_image": {}}, 400),
    ({"os-volume_upload_image": {"image_name": "x", "container_format": "junk"}}, 400),
    ({"os-volume_upload_image": {"image_name": "x", "visibility": "public"}}, 403),
    ({"os-unset_image_metadata": {"key": "nothing"}}, 404),
    *(({"os-set_image_metadata": {"metadata": given}}, 400)
      for given in ({"a\nb": "v"}, {"é": "v"}, {"k" * 256: "v"}, {"k": "v" * 65536}, {"k": None}, [])),
    ({"os-show_image_metadata": None}, 404),
    ({"os-extend": {"new_size": 1}}, 400),
    ({"os-extend": {"new_size": 2000}}, 413),
    ({"os-reset_status": {"status": "error"}}, 403),
    ({"os-force_delete": None}, 403),
    ({"os-set_bootable": {"bootable": "perhaps"}}, 400),
    ({"os-reimage": {"image_id": NOBODY}}, 404),
    ({"os-begin_detaching": None}, 400),
]  # fmt: skip


async def test_actions_that_cannot_be_are_refused(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    for body, status in ACTIONS:
        refused(await demo.post("volume", f"{V}/volumes/{volume}/action", json=body, headers=NEW), status)
    shown = (await demo.get("volume", f"{V}/volumes/{volume}", headers=NEW)).ok().json["volume"]
    assert (shown["status"], shown["size"], "volume_image_metadata" in shown) == ("available", 1, False)


LISTS = [
    (f"marker={NOBODY}", 404), ("limit=-1", 400), ("limit=x", 400), ("sort=bogus", 400), (f"offset={10**30}", 400),
    ("sort_key=size;drop", 400), ("bootable=perhaps", 400), ("colour=red", 400),
    ("created_at=gt:yesterday", 400),
    ("created_at=gt:0001-01-01T00:00:00%2B14:00", 400),
]  # fmt: skip


async def test_a_list_that_makes_no_sense_is_refused(demo: JsonClient) -> None:
    for query, status in LISTS:
        refused(await demo.get("volume", f"{V}/volumes/detail?{query}", headers=NEW), status)


async def test_versions_are_echoed_or_refused(demo: JsonClient) -> None:
    for version, status in (("abc", 400), ("3.9999", 406), ("latest", 200), ("3.0", 200)):
        answer = await demo.get("volume", f"{V}/volumes", headers={"OpenStack-API-Version": f"volume {version}"})
        assert answer.status == status
        if status == 200:
            assert answer.headers["OpenStack-API-Version"] == f"volume {version.replace('latest', '3.71')}"
            assert "OpenStack-API-Version" in answer.headers["Vary"]


async def test_another_projects_path_is_refused_and_its_things_are_not_there(
    cloud: TestCloud, demo: JsonClient
) -> None:
    volume = await a_volume(cloud, demo)
    alt, reader, admin = await cloud.http("alt"), await cloud.http("reader", "demo"), await cloud.http("admin")
    refused(await alt.get("volume", f"/v3/{demo.project_id}/volumes"), 400)
    for method, path, json in (
        ("GET", f"{V}/volumes/{volume}", None),
        ("PUT", f"{V}/volumes/{volume}", {"volume": {"name": "x"}}),
        ("DELETE", f"{V}/volumes/{volume}", None),
        ("POST", f"{V}/volumes/{volume}/action", {"os-set_image_metadata": {"metadata": {"k": "v"}}}),
        ("POST", f"{V}/snapshots", {"snapshot": {"volume_id": volume}}),
        ("POST", f"{V}/attachments", {"attachment": {"volume_uuid": volume}}),
    ):
        refused(await alt.request(method, "volume", path, json=json, headers=NEW), 404)
        if method != "GET":
            refused(await reader.request(method, "volume", path, json=json, headers=NEW), 403)
    (await reader.get("volume", f"{V}/volumes/{volume}")).ok(200)
    (await admin.get("volume", f"{V}/volumes/{volume}")).ok(200)
    for query in ("all_tenants=1", f"all_tenants=1&project_id={demo.project_id}"):
        assert (await alt.get("volume", f"{V}/volumes/detail?{query}")).ok().json["volumes"] == []
        assert len((await admin.get("volume", f"{V}/volumes/detail?{query}")).ok().json["volumes"]) == 1


async def test_an_attachment_that_a_server_uses_is_cut_by_a_service_only(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    wish = {"attachment": {"volume_uuid": volume, "instance_uuid": NOBODY, "connector": {"host": "h"}}}
    made = (await demo.post("volume", f"{V}/attachments", json=wish, headers=NEW)).ok().json["attachment"]
    path = f"{V}/attachments/{made['id']}"
    refused(await demo.delete("volume", path, headers=NEW), 409)
    refused(await (await cloud.http("admin")).delete("volume", path, headers=NEW), 409)
    for body in ({"os-detach": {}}, {"os-terminate_connection": {"connector": {}}}):
        refused(await demo.post("volume", f"{V}/volumes/{volume}/action", json=body, headers=NEW), 409)
    service = (await cloud.http("nova", "service")).token
    (await demo.delete("volume", path, headers={**NEW, "X-Service-Token": service})).ok(200)
    shown = (await demo.get("volume", f"{V}/volumes/{volume}")).ok().json["volume"]
    assert (shown["status"], shown["attachments"]) == ("available", [])


async def test_exactly_as_many_volumes_as_the_quota_allows_win_a_race(cloud: TestCloud, demo: JsonClient) -> None:
    body = {"volume": {"size": 1}}
    answers = await asyncio.gather(*(demo.post("volume", f"{V}/volumes", json=body) for _ in range(24)))
    assert sorted(answer.status for answer in answers) == [202] * 10 + [413] * 14
    await cloud.settle()
    limits = (await demo.get("volume", f"{V}/limits")).ok().json["limits"]["absolute"]
    assert (limits["totalVolumesUsed"], limits["totalGigabytesUsed"]) == (10, 10)


async def test_paths_that_are_not_simulated_are_501(cloud: TestCloud) -> None:
    answer = await (await cloud.http("admin")).get("volume", f"{V}/os-hosts/nope/action")
    assert (answer.status, list(answer.json)) == (501, ["notImplemented"])


async def test_an_unencrypted_volume_has_no_key(demo: JsonClient) -> None:
    volume = (await demo.post("volume", f"{V}/volumes", json={"volume": {"size": 1}})).ok(202).json["volume"]["id"]
    path = f"{V}/volumes/{volume}/encryption"
    assert (await demo.get("volume", path)).ok(200).json == {"encryption_key_id": None}
    statuses = [(await demo.get("volume", f"{path}/{key}")).status for key in ("encryption_key_id", "cipher")]
    assert statuses == [200, 404]
    assert (await demo.get("volume", f"{V}/volumes/nope/encryption")).status == 404


async def test_the_list_of_versions_needs_no_token_and_all_below_it_does(cloud: TestCloud) -> None:
    token = {"X-Auth-Token": await cloud.token()}
    async with aiohttp.ClientSession() as session:
        for path, status, headers in (("/", 300, {}), ("/v3/", 200, token), ("/v3", 200, token)):
            async with session.get(f"{cloud.endpoint('volume')}{path}", headers=headers) as answer:
                assert answer.status == status
                (version,) = (await answer.json())["versions"]
                assert (version["min_version"], version["version"]) == ("3.0", "3.71")
        async with session.get(f"{cloud.endpoint('volume')}/v3/volumes") as answer:
            assert answer.status == 401
