"""Consistency groups, by the addresses that groups of volumes had first; and clusters. Answers are a Cinder 29's."""

from typing import Any

import pytest

from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
NONE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "volume"))


async def got(client: JsonClient, path: str, version: str = "3.70") -> Answer:
    return await client.get("volume", f"{V}{path}", headers={"OpenStack-API-Version": f"volume {version}"})


async def sent(client: JsonClient, verb: str, path: str, body: Any, version: str = "3.70") -> Answer:
    headers = {"OpenStack-API-Version": f"volume {version}"}
    return await client.request(verb, "volume", f"{V}{path}", json=body, headers=headers)


async def test_a_consistency_group_is_one_that_no_back_end_can_have(cloud: TestCloud, demo: JsonClient) -> None:
    wish = {"consistencygroup": {"name": " cg ", "volume_types": "__DEFAULT__,", "anything": 1}}
    made = (await sent(demo, "POST", "/consistencygroups", wish, "3.0")).ok(202).json["consistencygroup"]
    assert made == {"id": made["id"], "name": "cg"}
    await cloud.settle()
    shown = (await got(demo, f"/consistencygroups/{made['id']}", "3.0")).ok(200).json["consistencygroup"]
    assert (shown["status"], shown["name"], len(shown["volume_types"])) == ("error", "cg", 1)
    assert (await got(demo, f"/groups/{made['id']}")).status == 400
    assert [len((await got(demo, f"/{name}")).json[name]) for name in ("groups", "consistencygroups")] == [0, 1]
    assert (await got(demo, "/consistencygroups/detail?name=x")).ok(200).json == {"consistencygroups": []}
    path = f"/consistencygroups/{made['id']}"
    for version, status in (("3.5", 400), ("3.6", 202)):
        assert (await sent(demo, "PUT", path, {"consistencygroup": {"name": ""}}, version)).status == status
    source = {"consistencygroup-from-src": {"source_cgid": made["id"]}}
    assert (await sent(demo, "POST", "/consistencygroups/create_from_src", source)).status == 400
    snapshot = {"cgsnapshot": {"consistencygroup_id": made["id"]}}
    assert (await sent(demo, "POST", "/cgsnapshots", snapshot)).status == 400
    (await sent(demo, "POST", f"{path}/delete", {"consistencygroup": {"force": True}})).ok(202)
    await cloud.settle()
    assert (await got(demo, path)).status == 404


async def test_what_is_no_consistency_group_is_refused(demo: JsonClient) -> None:
    for verb, path, body, status in (
        ("POST", "/consistencygroups", {}, 400),
        ("POST", "/consistencygroups", {"consistencygroup": {"volume_types": 1}}, 400),
        ("POST", "/consistencygroups", {"consistencygroup": {"volume_types": "nope"}}, 404),
        ("POST", "/consistencygroups/create_from_src", {"consistencygroup-from-src": {}}, 400),
        ("POST", "/consistencygroups/create_from_src", {"consistencygroup-from-src": {"source_cgid": NONE}}, 404),
        ("PUT", f"/consistencygroups/{NONE}/update", {"consistencygroup": {"name": "x"}}, 404),
        ("POST", f"/consistencygroups/{NONE}/delete", {}, 404),
        ("POST", f"/consistencygroups/{NONE}/delete", {"consistencygroup": {"force": "x"}}, 400),
        ("POST", "/cgsnapshots", {"cgsnapshot": {}}, 400),
        ("POST", "/cgsnapshots", {"cgsnapshot": {"consistencygroup_id": NONE}}, 404),
        ("GET", f"/cgsnapshots/{NONE}", None, 404),
        ("DELETE", f"/cgsnapshots/{NONE}", None, 404),
    ):
        assert (await sent(demo, verb, path, body)).status == status, (verb, path, body)
    assert (await got(demo, "/cgsnapshots/detail")).ok(200).json == {"cgsnapshots": []}


async def test_there_are_no_clusters(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    assert [(await got(admin, "/clusters", version)).status for version in ("3.6", "3.7")] == [404, 200]
    assert (await got(admin, "/clusters/detail?name=x&is_up=true")).ok(200).json == {"clusters": []}
    for path, version, status in (
        ("/clusters?foo=1", "3.70", 400), ("/clusters?is_up=x", "3.70", 400), ("/clusters?frozen=1", "3.25", 400),
        ("/clusters?frozen=1", "3.26", 200), ("/clusters/x", "3.70", 404),
    ):  # fmt: skip
        assert (await got(admin, path, version)).status == status, path
    for body, status in (({}, 400), ({"name": "x"}, 404), ({"name": "x", "foo": 1}, 400), ({"name": ""}, 400)):
        assert (await sent(admin, "PUT", "/clusters/disable", body)).status == status, body
    assert (await sent(admin, "PUT", "/clusters/enable", {"name": "x", "disabled_reason": "r"})).status == 400
    assert [(await got(demo, path)).status for path in ("/clusters", "/clusters/x")] == [403, 403]
