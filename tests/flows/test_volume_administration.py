"""What administrators ask of the volume service: limits by class and type, services, pools, group types, encryption.

Keys and refusals are a Cinder 29's.
"""

from typing import Any

import pytest

from support.builders.volumes import a_volume, volume_action
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}
BACKEND = "stackwire@files"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "volume"))


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


async def got(client: JsonClient, path: str, version: str = "3.70") -> Answer:
    return await client.get("volume", f"{V}{path}", headers={"OpenStack-API-Version": f"volume {version}"})


async def a_type(admin: JsonClient, name: str) -> str:
    answer = await admin.post("volume", f"{V}/types", json={"volume_type": {"name": name}}, headers=NEW)
    return str(answer.ok(200).json["volume_type"]["id"])


@pytest.mark.parametrize(
    "path",
    [
        "/os-services",
        "/os-hosts",
        f"/os-hosts/{BACKEND}",
        "/scheduler-stats/get_pools",
        f"/capabilities/{BACKEND}",
        "/os-quota-class-sets/default",
    ],
)
async def test_only_administrators_see_the_service(demo: JsonClient, admin: JsonClient, path: str) -> None:
    assert (await got(demo, path)).status == 403
    assert (await got(admin, path)).status == 200


async def test_the_limits_of_the_default_class_are_everybodys(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    path = f"{V}/os-quota-class-sets/default"
    before = (await got(admin, "/os-quota-class-sets/default")).ok(200).json["quota_class_set"]
    assert (before["id"], before["volumes"], before["volumes___DEFAULT__"]) == ("default", 10, -1)
    changed = await admin.put("volume", path, json={"quota_class_set": {"volumes": 1, "gigabytes": 7}})
    assert changed.ok(200).json["quota_class_set"]["volumes"] == 1
    limits = (await got(demo, f"/os-quota-sets/{demo.project_id}/defaults")).ok(200).json["quota_set"]
    assert (limits["volumes"], limits["gigabytes"]) == (1, 7)
    await a_volume(cloud, demo)
    assert (await demo.post("volume", f"{V}/volumes", json={"volume": {"size": 1}})).status == 413
    own = {"quota_set": {"volumes": 2}}
    (await admin.put("volume", f"{V}/os-quota-sets/{demo.project_id}", json=own)).ok(200)
    await a_volume(cloud, demo)
    other = (await got(admin, "/os-quota-class-sets/other")).ok(200).json["quota_class_set"]
    assert (other["id"], other["volumes"]) == ("other", 1)
    for wrong in ({"nonsense": 1}, {"volumes": "x"}, {"volumes": -2}, {"volumes": None}, {"volumes": 1.5}):
        assert (await admin.put("volume", path, json={"quota_class_set": wrong})).status == 400, wrong


async def test_what_a_project_has_of_a_type_is_limited(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> None:
    await a_type(admin, "scarce")
    quota = f"{V}/os-quota-sets/{demo.project_id}"
    limits = {"volumes_scarce": 1, "gigabytes_scarce": 3, "snapshots_scarce": 1}
    (await admin.put("volume", quota, json={"quota_set": limits})).ok(200)
    volume = await a_volume(cloud, demo, volume_type="scarce")
    wish = {"volume": {"size": 1, "volume_type": "scarce"}}
    refused = await demo.post("volume", f"{V}/volumes", json=wish)
    assert "volumes_scarce" in refused.json["overLimit"]["message"]
    (await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})).ok(202)
    await cloud.settle()
    assert (await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})).status == 413
    assert (await volume_action(demo, volume, "os-extend", {"new_size": 3})).status == 413
    await a_volume(cloud, demo)
    usage = (await got(demo, f"/os-quota-sets/{demo.project_id}?usage=true")).ok(200).json["quota_set"]
    used = [usage[f"{resource}_scarce"]["in_use"] for resource in ("volumes", "gigabytes", "snapshots")]
    assert (used, usage["volumes"]["in_use"], usage["gigabytes"]["in_use"]) == ([1, 2, 1], 2, 3)


async def test_services_and_hosts_are_listed(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> None:
    await a_volume(cloud, demo)
    services = (await got(admin, "/os-services")).ok(200).json["services"]
    assert [(one["binary"], one["host"], one["state"]) for one in services] == [
        ("cinder-scheduler", "stackwire", "up"),
        ("cinder-volume", BACKEND, "up"),
        ("cinder-backup", "stackwire", "up"),
    ]
    assert services[1]["backend_state"] == "up"
    (volume,) = (await got(admin, "/os-services?binary=cinder-volume", "3.0")).ok(200).json["services"]
    assert set(volume).isdisjoint({"cluster", "backend_state"})
    assert (await got(admin, "/os-services?host=elsewhere")).ok(200).json == {"services": []}
    disabled = await admin.put("volume", f"{V}/os-services/disable", json={"host": BACKEND, "binary": "cinder-volume"})
    assert disabled.ok(200).json["disabled"]
    hosts = (await got(admin, "/os-hosts")).ok(200).json["hosts"]
    assert [one["host_name"] for one in hosts] == ["stackwire", BACKEND, "stackwire"]
    counted = [one["resource"] for one in (await got(admin, f"/os-hosts/{BACKEND}")).ok(200).json["host"]]
    assert [(one["project"], one["volume_count"], one["total_volume_gb"]) for one in counted] == [
        ("(total)", "1", "1"),
        (demo.project_id, "1", "1"),
    ]
    assert (await got(admin, "/os-hosts/elsewhere")).status == 404


async def test_pools_and_capabilities_are_what_the_scheduler_compares(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    await a_volume(cloud, demo)
    assert (await got(admin, "/scheduler-stats/get_pools")).ok(200).json == {"pools": [{"name": f"{BACKEND}#files"}]}
    (pool,) = (await got(admin, "/scheduler-stats/get_pools?detail=true")).ok(200).json["pools"]
    offered = pool["capabilities"]
    assert (offered["volume_backend_name"], offered["allocated_capacity_gb"]) == ("files", 1)
    assert (await got(admin, "/scheduler-stats/get_pools?name=other")).ok(200).json == {"pools": []}
    for query, version in (("nonsense=1", "3.70"), ("name=x", "3.27"), ("volume_type=x", "3.34")):
        assert (await got(admin, f"/scheduler-stats/get_pools?{query}", version)).status == 400, query
    shown = (await got(admin, f"/capabilities/{BACKEND}")).ok(200).json
    assert (shown["namespace"], shown["storage_protocol"]) == (f"OS::Storage::Capabilities::{BACKEND}", "local")
    assert (await got(admin, "/capabilities/elsewhere")).status == 404
    (filters,) = (await got(demo, "/resource_filters?resource=group")).ok(200).json["resource_filters"]
    assert filters == {"resource": "group", "filters": ["name"]}
    assert (await got(demo, "/resource_filters", "3.32")).status == 404


async def test_a_type_of_groups_from_first_to_last(admin: JsonClient, demo: JsonClient) -> None:
    wish: dict[str, Any] = {"group_type": {"name": "g", "description": "d", "group_specs": {"a": "b"}}}
    made = (await admin.post("volume", f"{V}/group_types", json=wish, headers=NEW)).ok(202).json["group_type"]
    path = f"/group_types/{made['id']}"
    assert made == {"id": made["id"], "is_public": True, **wish["group_type"]}
    assert (await admin.post("volume", f"{V}/group_types", json=wish, headers=NEW)).status == 409
    assert "group_specs" not in (await got(demo, path)).ok(200).json["group_type"]
    assert [one["name"] for one in (await got(demo, "/group_types")).ok(200).json["group_types"]] == [
        "g",
        "default_cgsnapshot_type",
    ]
    first = (await got(demo, "/group_types?sort=name:asc&limit=1")).ok(200).json
    assert [one["name"] for one in first["group_types"]] == ["default_cgsnapshot_type"]
    assert "limit=1&marker=" in first["group_type_links"][0]["href"]
    (rest,) = (await got(demo, f"/group_types?sort=name:asc&marker={first['group_types'][0]['id']}")).json[
        "group_types"
    ]
    assert rest["name"] == "g"
    specs = f"{V}{path}/group_specs"
    (await admin.post("volume", specs, json={"group_specs": {"c": "d"}}, headers=NEW)).ok(202)
    assert (await admin.put("volume", f"{specs}/c", json={"x": "e"}, headers=NEW)).status == 400
    (await admin.put("volume", f"{specs}/c", json={"c": "e"}, headers=NEW)).ok(200)
    assert (await got(admin, f"{path}/group_specs")).ok(200).json == {"group_specs": {"a": "b", "c": "e"}}
    statuses = [(await admin.delete("volume", f"{specs}/c", headers=NEW)).status for _ in range(2)]
    assert statuses == [202, 404]
    assert (await got(admin, f"{path}/group_specs/c")).status == 404
    changes = {"group_type": {"name": "h", "description": None}}
    changed = (await admin.put("volume", f"{V}{path}", json=changes, headers=NEW)).ok(200).json["group_type"]
    assert (changed["name"], changed["description"]) == ("h", "d")
    assert (await admin.put("volume", f"{V}{path}", json={"group_type": {}}, headers=NEW)).status == 400
    assert [(await got(client, f"{path}/group_specs")).status for client in (demo, admin)] == [403, 200]
    assert [(await got(admin, path, version)).status for version in ("3.10", "3.11")] == [404, 200]
    statuses = [(await admin.delete("volume", f"{V}{path}", headers=NEW)).status for _ in range(2)]
    assert statuses == [202, 404]
    assert (await got(admin, "/group_types/default")).status == 404


async def test_an_encrypted_type_is_kept_as_it_was_told(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> None:
    type_id = await a_type(admin, "secret")
    path = f"{V}/types/{type_id}/encryption"
    assert (await got(admin, f"/types/{type_id}/encryption")).ok(200).json == {}
    wish = {"provider": "luks", "control_location": "front-end", "cipher": "aes-xts-plain64", "key_size": 256}
    made = (await admin.post("volume", path, json={"encryption": wish})).ok(200).json["encryption"]
    assert made == {**wish, "volume_type_id": type_id, "encryption_id": made["encryption_id"]}
    assert (await admin.post("volume", path, json={"encryption": wish})).status == 400
    changes = {"encryption": {"key_size": 128}}
    assert (await admin.put("volume", f"{path}/{made['encryption_id']}", json=changes)).ok(200).json == changes
    assert (await got(admin, f"/types/{type_id}/encryption/key_size")).ok(200).json == {"key_size": 128}
    assert (await got(admin, f"/types/{type_id}/encryption/nonsense")).status == 404
    assert (await got(demo, f"/types/{type_id}/encryption")).status == 403
    statuses = [(await admin.delete("volume", f"{path}/{made['encryption_id']}")).status for _ in range(2)]
    assert statuses == [202, 404]
    await a_volume(cloud, demo, volume_type="secret")
    assert (await admin.post("volume", path, json={"encryption": wish})).status == 400
