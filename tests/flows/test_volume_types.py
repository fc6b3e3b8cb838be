"""Volume types: what each answer shows to whom, and what extra specs do to volumes (as a real Cinder 29 answers)."""

from typing import Any

import pytest

from support.builders.volumes import a_volume, create_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}
SPECS = {"multiattach": "<is> True", "volume_backend_name": "files"}
BRIEF = {"id", "name", "is_public", "description", "extra_specs"}
ACCESS = BRIEF | {"os-volume-type-access:is_public"}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "volume"))


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


async def a_type(admin: JsonClient, name: str, **extra_specs: str) -> Any:
    wish = {"volume_type": {"name": name, "extra_specs": extra_specs}}
    return (await admin.post("volume", f"{V}/types", json=wish, headers=NEW)).ok(200).json["volume_type"]


async def test_each_answer_shows_what_the_original_shows(admin: JsonClient, demo: JsonClient) -> None:
    made = await a_type(admin, "t", **SPECS)
    path = f"{V}/types/{made['id']}"
    changes = {"volume_type": {"description": "d"}}
    updated = (await admin.put("volume", path, json=changes)).ok(200).json["volume_type"]
    shown = (await admin.get("volume", path)).ok(200).json["volume_type"]
    default = (await admin.get("volume", f"{V}/types/default")).ok(200).json["volume_type"]
    seen = (await demo.get("volume", path)).ok(200).json["volume_type"]
    assert [set(view) for view in (made, updated, shown, default, seen)] == [
        ACCESS,
        BRIEF,
        ACCESS | {"qos_specs_id"},
        BRIEF | {"qos_specs_id"},
        ACCESS,
    ]
    assert (shown["extra_specs"], seen["extra_specs"]) == (SPECS, {"multiattach": "<is> True"})
    specs = (await demo.get("volume", f"{path}/extra_specs")).ok(200).json["extra_specs"]
    assert specs == {"multiattach": "<is> True"}
    assert (await demo.get("volume", f"{path}/extra_specs/volume_backend_name")).status == 404


async def test_no_back_end_for_a_type_leaves_an_error_and_a_message(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    await a_type(admin, "tape", volume_backend_name="tape")
    failed = await create_volume(cloud, demo, volume_type="tape")
    assert failed["status"] == "error"
    (message,) = (await demo.get("volume", f"{V}/messages", headers=NEW)).ok(200).json["messages"]
    assert (message["resource_uuid"], message["event_id"]) == (failed["id"], "VOLUME_VOLUME_001_003")
    assert message["user_message"] == "schedule allocate volume:Could not find any available weighted backend."
    await a_type(admin, "disk", volume_backend_name="files", thin_provisioning_support="<is> True")
    assert (await create_volume(cloud, demo, volume_type="disk"))["status"] == "available"
    (await demo.delete("volume", f"{V}/volumes/{failed['id']}")).ok(202)
    await cloud.settle()
    assert (await demo.get("volume", f"{V}/volumes/{failed['id']}")).status == 404


@pytest.mark.parametrize(
    ("specs", "size", "status"),
    [
        ({"provisioning:min_vol_size": "2"}, 1, 400),
        ({"provisioning:min_vol_size": "2"}, 2, 202),
        ({"provisioning:max_vol_size": "1"}, 2, 400),
        ({"RESKEY:availability_zones": "nova,other"}, 1, 202),
        ({"RESKEY:availability_zones": "other"}, 1, 400),
    ],
)
async def test_what_a_type_says_of_size_and_zone_holds(
    admin: JsonClient, demo: JsonClient, specs: dict[str, str], size: int, status: int
) -> None:
    await a_type(admin, "bounded", **specs)
    wish = {"volume": {"size": size, "volume_type": "bounded"}}
    assert (await demo.post("volume", f"{V}/volumes", json=wish)).status == status


async def test_a_volume_grows_no_further_than_its_type_allows(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    await a_type(admin, "small", **{"provisioning:max_vol_size": "2"})
    volume = await a_volume(cloud, demo, volume_type="small")
    assert (await volume_action(demo, volume, "os-extend", {"new_size": 3})).status == 400
    (await volume_action(demo, volume, "os-extend", {"new_size": 2})).ok(202)
    await cloud.settle()


async def test_extra_specs_of_a_type_in_use_stay(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> None:
    specs = f"{V}/types/{(await a_type(admin, 'used', multiattach='<is> True'))['id']}/extra_specs"
    volume = await a_volume(cloud, demo, volume_type="used")
    answers = (
        await admin.post("volume", specs, json={"extra_specs": {"a": "b"}}),
        await admin.put("volume", f"{specs}/multiattach", json={"multiattach": "x"}),
        await admin.delete("volume", f"{specs}/multiattach"),
    )
    assert [answer.status for answer in answers] == [400] * 3
    (await demo.delete("volume", f"{V}/volumes/{volume}")).ok(202)
    await cloud.settle()
    (await admin.delete("volume", f"{specs}/multiattach")).ok(202)


async def test_the_default_type_keeps_its_name(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> None:
    default = (await admin.get("volume", f"{V}/types/default")).ok(200).json["volume_type"]
    path = f"{V}/types/{default['id']}"
    renamed = await admin.put("volume", path, json={"volume_type": {"name": "mine", "description": "of all"}})
    assert (renamed.status, renamed.json["badRequest"]["code"]) == (400, 400)
    assert (await admin.get("volume", path)).ok(200).json["volume_type"]["description"] == default["description"]
    same = {"name": default["name"], "description": "of all"}
    assert (await admin.put("volume", path, json={"volume_type": same})).ok(200).json["volume_type"][
        "name"
    ] == "__DEFAULT__"
    assert (await create_volume(cloud, demo))["volume_type"] == "__DEFAULT__"


async def test_a_project_may_have_a_default_type_of_its_own(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    fast, secret = await a_type(admin, "fast"), {"name": "secret", "os-volume-type-access:is_public": False}
    (await admin.post("volume", f"{V}/types", json={"volume_type": secret}, headers=NEW)).ok(200)
    path = f"{V}/default-types/{demo.project_id}"

    async def put(client: JsonClient, name: Any, version: dict[str, str] = NEW) -> Any:
        return await client.put("volume", path, json={"default_type": {"volume_type": name}}, headers=version)

    assert [(await put(admin, name)).status for name in ("nope", "", None, 1)] == [400] * 4
    assert (await put(demo, "fast")).status == 403
    assert (await put(admin, "fast", {"OpenStack-API-Version": "volume 3.61"})).status == 404
    default = {"project_id": demo.project_id, "volume_type_id": fast["id"]}
    assert (await put(admin, "fast")).ok(200).json == {"default_type": default}
    assert (await admin.get("volume", path, headers=NEW)).ok(200).json == {"default_type": default}
    listed = await admin.get("volume", f"{V}/default-types", headers=NEW)
    assert listed.ok(200).json == {"default_types": [default]}
    names = [(await who.get("volume", f"{V}/types/default")).json["volume_type"]["name"] for who in (demo, admin)]
    assert names == ["fast", "__DEFAULT__"]
    assert (await create_volume(cloud, demo))["volume_type"] == "fast"
    assert (await admin.delete("volume", f"{V}/types/{fast['id']}")).status == 400
    (await put(admin, "secret")).ok(200)
    assert (await demo.post("volume", f"{V}/volumes", json={"volume": {"size": 1}})).status == 404
    assert [(await admin.delete("volume", path, headers=NEW)).status for _ in range(2)] == [204, 204]
    assert (await admin.get("volume", path, headers=NEW)).status == 404
    assert (await create_volume(cloud, demo))["volume_type"] == "__DEFAULT__"
