"""Quotas of compute: of projects, of their users, and of the class that everybody has by default."""

from typing import Any

from support.builders.images import an_image
from support.builders.servers import request_server
from support.cloud import Answer, JsonClient, TestCloud

QUOTAS = "/v2.1/os-quota-sets"
CLASS = "/v2.1/os-quota-class-sets/default"


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


async def asked(client: JsonClient, path: str, version: str = "2.1") -> Any:
    return (await client.get("compute", path, headers=at(version))).ok(200).json


async def change(client: JsonClient, path: str, version: str = "2.1", key: str = "quota_set", **limits: Any) -> Answer:
    return await client.put("compute", path, json={key: limits}, headers=at(version))


async def test_quotas_are_shown_and_set_as_each_version_knows_them(cloud: TestCloud, demo: JsonClient) -> None:
    admin, path = await cloud.http("admin"), f"{QUOTAS}/{demo.project_id}"
    shown = (await asked(demo, path))["quota_set"]
    assert (shown["floating_ips"], shown["injected_files"], shown["injected_file_content_bytes"]) == (-1, 5, 10240)
    detail = (await asked(demo, f"{path}/detail", "2.56"))["quota_set"]
    assert detail["injected_file_path_bytes"] == {"limit": 255, "in_use": 0, "reserved": 0}
    assert (await change(admin, path, floating_ips="7", injected_files=3)).ok(200).json["quota_set"][
        "floating_ips"
    ] == 7
    limits = (await asked(demo, "/v2.1/limits"))["limits"]["absolute"]
    assert (limits["maxTotalFloatingIps"], limits["maxPersonality"]) == (7, 3)
    refused: list[tuple[str, dict[str, Any]]] = [
        ("2.36", {"floating_ips": 1}), ("2.57", {"injected_files": 1}), ("2.1", {"cores": None}),
        ("2.1", {"cores": "-2"}), ("2.1", {"cores": 2**31}), ("2.1", {"tenant_id": "x"}), ("2.1", {"networks": 1}),
    ]  # fmt: skip
    for version, limits in refused:
        assert (await change(admin, path, version, **limits)).status == 400, limits
    assert (await demo.get("compute", f"{path}?other=1", headers=at("2.74"))).status == 200
    assert (await demo.get("compute", f"{path}?other=1", headers=at("2.75"))).status == 400
    assert (await change(demo, path, cores=1)).status == 403
    (await admin.delete("compute", path)).ok(202)
    assert (await asked(demo, path))["quota_set"] == shown


async def test_a_user_has_limits_within_the_projects(cloud: TestCloud, demo: JsonClient) -> None:
    admin, project, image = await cloud.http("admin"), f"{QUOTAS}/{demo.project_id}", await an_image(demo)
    key = (await demo.post("compute", "/v2.1/os-keypairs", json={"keypair": {"name": "first"}})).ok(200)
    user_id = key.json["keypair"]["user_id"]
    own = f"{project}?user_id={user_id}"
    assert (await change(admin, own, instances=11)).status == 400, "more than the project has"
    changed = (await change(admin, own, instances=1, key_pairs=0, fixed_ips=9, metadata_items=1)).ok(200)
    assert (changed.json["quota_set"]["instances"], changed.json["quota_set"]["fixed_ips"]) == (1, 9)
    of_all = (await asked(demo, project))["quota_set"]
    assert (of_all["instances"], of_all["fixed_ips"]) == (10, 9), "only projects have limits of addresses"
    assert (await request_server(demo, imageRef=image, metadata={"a": "b", "c": "d"})).status == 403
    (await request_server(demo, imageRef=image, max_count=3)).ok(202)
    assert (await request_server(demo, imageRef=image)).status == 403
    assert (await demo.post("compute", "/v2.1/os-keypairs", json={"keypair": {"name": "k"}})).status == 403
    used = (await asked(demo, f"{project}/detail?user_id={user_id}"))["quota_set"]
    assert used["instances"] == {"limit": 1, "in_use": 1, "reserved": 0}
    nobody = (await asked(demo, f"{project}/detail?user_id=nobody"))["quota_set"]
    assert nobody["instances"] == {"limit": 10, "in_use": 0, "reserved": 0}
    assert (await change(admin, own, instances=0)).status == 400, "the user has one"
    (await change(admin, own, instances=0, force=True)).ok(200)
    (await admin.delete("compute", own)).ok(202)
    assert (await asked(demo, own))["quota_set"] == (await asked(demo, project))["quota_set"]
    await cloud.settle()
    (await request_server(demo, imageRef=image)).ok(202)
    await cloud.settle()


async def test_the_default_class_is_everybodys_limits(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    before = (await asked(admin, CLASS, "2.50"))["quota_class_set"]
    assert {"server_groups", "injected_files"} < set(before)
    assert "server_groups" not in (await asked(admin, CLASS))["quota_class_set"]
    key = "quota_class_set"
    assert (await change(demo, CLASS, key=key, cores=1)).status == 403
    assert (await demo.get("compute", CLASS)).status == 403
    for version, limits in {"2.50": {"fixed_ips": 1}, "2.57": {"injected_files": 1}, "2.1": {"force": True}}.items():
        assert (await change(admin, CLASS, version, key, **limits)).status == 400, limits
    other = "/v2.1/os-quota-class-sets/other"
    assert (await change(admin, other, key=key, cores=1)).ok(200).json[key]["cores"] == 1
    assert (await change(admin, CLASS, "2.57", key, ram=600)).ok(200).json[key]["ram"] == 600
    assert (await asked(admin, other))[key]["ram"] == 51200, "a class falls back on the configuration"
    assert (await asked(demo, f"{QUOTAS}/{demo.project_id}/defaults"))["quota_set"]["ram"] == 600
    image = await an_image(demo)
    assert (await request_server(demo, imageRef=image, min_count=2)).status == 403
    (await change(admin, CLASS, key=key, ram=before["ram"])).ok(200)
