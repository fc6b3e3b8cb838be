"""Attachments: several of them, of another volume, not yet attached; what is shown and what refused."""

import uuid
from typing import Any

import pytest

from support.builders.volumes import a_volume, get_volume, volume_action
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "volume"))


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


async def an_attachment(client: JsonClient, volume: str, *, connected: bool = False) -> str:
    wish = {"volume_uuid": volume, "instance_uuid": str(uuid.uuid4())}
    wished = {"attachment": {**wish, "connector": {"host": "h"}} if connected else wish}
    answer = (await client.post("volume", f"{V}/attachments", json=wished, headers=NEW)).ok(200)
    return str(answer.json["attachment"]["id"])


async def a_shared_volume(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> tuple[str, list[str]]:
    """A multiattach volume in use by two servers of which no host has connected it."""
    wish = {"volume_type": {"name": "shared", "extra_specs": {"multiattach": "<is> True"}}}
    (await admin.post("volume", f"{V}/types", json=wish)).ok(200)
    volume = await a_volume(cloud, demo, volume_type="shared")
    for _ in range(2):
        attach = {"instance_uuid": str(uuid.uuid4()), "mountpoint": "/dev/vdb"}
        (await volume_action(demo, volume, "os-attach", attach)).ok(202)
    return volume, [one["attachment_id"] for one in (await get_volume(demo, volume))["attachments"]]


def refused(answer: Answer, status: int, message: str) -> None:
    (fault,) = answer.json.values()
    assert (answer.status, message in fault["message"]) == (status, True), answer.json


async def test_of_several_attachments_one_is_to_be_named(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> None:
    volume, (first, second) = await a_shared_volume(cloud, admin, demo)
    conflict = "Detach volume from instance  using the Compute API"
    refused(await volume_action(demo, volume, "os-detach", {}), 409, conflict)
    refused(await volume_action(demo, volume, "os-terminate_connection", {"connector": None}), 409, conflict)
    refused(await volume_action(admin, volume, "os-force_detach", {"attachment_id": first}), 409, conflict)
    (await volume_action(demo, volume, "os-detach", {"attachment_id": first})).ok(202)
    shown = await get_volume(demo, volume)
    assert (shown["status"], [one["attachment_id"] for one in shown["attachments"]]) == ("in-use", [second])
    service = (await cloud.http("nova", "service")).token
    await volume_action(demo, volume, "os-attach", {"instance_uuid": str(uuid.uuid4()), "mountpoint": "/dev/vdc"})
    path, headers = f"{V}/volumes/{volume}/action", {**NEW, "X-Service-Token": service}
    answer = await demo.post("volume", path, json={"os-detach": {}}, headers=headers)
    refused(answer, 400, "More than one attachment, but no attachment_id provided")


async def test_an_attachment_of_another_volume_or_none_is_refused(cloud: TestCloud, demo: JsonClient) -> None:
    volume, other = await a_volume(cloud, demo), await a_volume(cloud, demo)
    of_the_other = await an_attachment(demo, other)
    (await volume_action(demo, volume, "os-attach", {"host_name": "h", "mountpoint": "/dev/vdb"})).ok(202)
    answer = await volume_action(demo, volume, "os-detach", {"attachment_id": of_the_other})
    refused(answer, 400, "Mismatched volume and attachment")
    answer = await volume_action(demo, volume, "os-detach", {"attachment_id": UNKNOWN})
    refused(answer, 409, "using the Compute API")
    (await volume_action(demo, volume, "os-detach", {})).ok(202)
    assert (await get_volume(demo, volume))["status"] == "available"


async def test_a_volume_shows_what_is_attached_to_it_only(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    reserved = await an_attachment(demo, volume)
    assert (await get_volume(demo, volume))["attachments"] == []
    connector = {"attachment": {"connector": {"host": "h"}}}
    (await demo.put("volume", f"{V}/attachments/{reserved}", json=connector, headers=NEW)).ok(200)
    shown = await get_volume(demo, volume)
    assert (shown["status"], shown["attachments"]) == ("attaching", [])
    complete = await demo.post("volume", f"{V}/attachments/{reserved}/action", json={"os-complete": {}}, headers=NEW)
    assert complete.status == 204
    shown = await get_volume(demo, volume)
    assert (shown["status"], [one["attachment_id"] for one in shown["attachments"]]) == ("in-use", [reserved])


async def test_a_connected_volume_is_taken_from_its_server_by_a_service_only(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    volume = await a_volume(cloud, demo)
    attachment = await an_attachment(demo, volume, connected=True)
    for client, action in ((demo, "os-detach"), (admin, "os-force_detach")):
        answer = await volume_action(client, volume, action, {"attachment_id": attachment})
        refused(answer, 409, "using the Compute API")
    service = (await cloud.http("nova", "service")).token
    path, headers = f"{V}/volumes/{volume}/action", {**NEW, "X-Service-Token": service}
    (await demo.post("volume", path, json={"os-detach": {}}, headers=headers)).ok(202)
    assert (await get_volume(demo, volume))["status"] == "available"


async def test_a_connector_says_whether_paths_are_enforced(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    for connector, enforced in (({"host": "h"}, False), ({"enforce_multipath": True}, True)):
        answer = await volume_action(demo, volume, "os-initialize_connection", {"connector": connector})
        info = answer.ok(200).json["connection_info"]
        assert (info["enforce_multipath"], info["data"]["enforce_multipath"]) == (enforced, enforced)
    nothing: Any
    for nothing in ("h", None, {}):
        (await volume_action(demo, volume, "os-terminate_connection", {"connector": nothing})).ok(202)
    assert (await volume_action(demo, volume, "os-initialize_connection", {"connector": "h"})).status == 400


async def test_a_volume_that_is_read_only_is_attached_to_be_read(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    (await volume_action(demo, volume, "os-update_readonly_flag", {"readonly": True})).ok(202)
    attach = {"host_name": "h", "mountpoint": "/dev/vdb"}
    refused(await volume_action(demo, volume, "os-attach", attach), 400, "Invalid attaching mode 'rw' for volume")
    (await volume_action(demo, volume, "os-attach", {**attach, "mode": "ro"})).ok(202)
