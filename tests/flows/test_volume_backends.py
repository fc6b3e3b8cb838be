"""Several back ends: which one a volume goes to, what administrators see and change of them, and what fails there."""

from pathlib import Path
from typing import Any

import pytest

from support.builders.volumes import VOLUME_VERSION, VOLUMES, a_volume, create_volume, get_volume
from support.cloud import ACloud, JsonClient, TestCloud

V = "/v3/{project_id}"
FILE = """
[backends.files]
[backends.small]
total_capacity_gb = 3
thin_provisioning_support = false
thick_provisioning_support = true
[backends.far]
availability_zone = "far"
total_capacity_gb = 50
capabilities = {media = "flash"}
[backends.far.pools.gold]
[backends.far.pools.silver]
total_capacity_gb = 20
"""
SMALL, GOLD, SILVER = "stackwire@small#small", "stackwire@far#gold", "stackwire@far#silver"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "backends.toml"
    path.write_text(FILE)
    return {"backends": path}


@pytest.fixture
async def cloud(a_cloud: ACloud, settings: dict[str, Any]) -> TestCloud:
    return await a_cloud(services=("identity", "volume"), settings={"volume": settings})


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


async def a_type(admin: JsonClient, name: str, **specs: str) -> str:
    body = {"volume_type": {"name": name, "extra_specs": specs}}
    (await admin.post("volume", f"{V}/types", json=body, headers=VOLUME_VERSION)).ok(200)
    return name


async def hosted(cloud: TestCloud, client: JsonClient, admin: JsonClient, **fields: Any) -> str | None:
    """Where a new volume is."""
    return str((await get_volume_as_admin(admin, await a_volume(cloud, client, **fields)))["os-vol-host-attr:host"])


async def get_volume_as_admin(admin: JsonClient, volume: str) -> dict[str, Any]:
    found: dict[str, Any] = await get_volume(admin, volume)
    return found


async def told(client: JsonClient, resource: str) -> list[str]:
    answer = await client.get("volume", f"{V}/messages?resource_uuid={resource}", headers=VOLUME_VERSION)
    return [message["event_id"] for message in answer.ok(200).json["messages"]]


async def test_a_volume_goes_where_its_type_zone_and_hints_send_it(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    small = await a_type(admin, "small", volume_backend_name="small")
    assert await hosted(cloud, demo, admin) == SMALL  # an endless back end is weighed last
    flash = await a_type(admin, "flash", media="flash")
    first = await a_volume(cloud, demo, volume_type=flash, availability_zone="far")
    found = await get_volume_as_admin(admin, first)
    assert (found["os-vol-host-attr:host"], found["availability_zone"]) == (GOLD, "far")
    for hint, expected in (("same_host", GOLD), ("different_host", SILVER)):
        body = {
            "volume": {"size": 1, "volume_type": flash, "availability_zone": "far"},
            "OS-SCH-HNT:scheduler_hints": {hint: first},
        }
        made = (await demo.post("volume", VOLUMES, json=body, headers=VOLUME_VERSION)).ok(202).json["volume"]["id"]
        await cloud.settle()
        assert (await get_volume_as_admin(admin, made))["os-vol-host-attr:host"] == expected
    body["OS-SCH-HNT:scheduler_hints"] = {"query": '["=", "$host", "x"]'}
    assert (await demo.post("volume", VOLUMES, json=body, headers=VOLUME_VERSION)).status == 501
    zones = (await demo.get("volume", f"{V}/os-availability-zone")).ok(200).json["availabilityZoneInfo"]
    assert [zone["zoneName"] for zone in zones] == ["nova", "far"]
    full = await create_volume(cloud, demo, size=3, volume_type=small)
    assert (full["status"], await told(demo, full["id"])) == ("error", ["VOLUME_VOLUME_001_003"])


async def test_a_snapshot_its_volumes_and_their_growth_stay_on_the_back_end(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    small = await a_type(admin, "small", volume_backend_name="small")
    volume = await a_volume(cloud, demo, volume_type=small)
    wish = {"snapshot": {"volume_id": volume}}
    snapshot = (await demo.post("volume", f"{V}/snapshots", json=wish)).ok(202).json["snapshot"]["id"]
    await cloud.settle()
    assert await hosted(cloud, demo, admin, snapshot_id=snapshot) == SMALL
    folder = cloud.cloud.options.data_dir
    assert (next(folder.rglob(f"snapshot-{snapshot}")).parent.name) == "volumes-small"
    full = (await demo.post("volume", f"{V}/snapshots", json=wish)).ok(202).json["snapshot"]["id"]
    await cloud.settle()
    shown = (await demo.get("volume", f"{V}/snapshots/{full}")).ok(200).json["snapshot"]
    assert shown["status"] == "error"
    (await demo.post("volume", f"{VOLUMES}/{volume}/action", json={"os-extend": {"new_size": 2}})).ok(202)
    await cloud.settle()
    kept = await get_volume(demo, volume)
    assert (kept["status"], kept["size"], await told(demo, volume)) == ("available", 1, ["VOLUME_VOLUME_007_003"])


async def test_pools_are_listed_with_what_is_left(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    await a_volume(cloud, demo)
    pools = (await admin.get("volume", f"{V}/scheduler-stats/get_pools?detail=true")).ok(200).json["pools"]
    assert [pool["name"] for pool in pools] == ["stackwire@files#files", SMALL, GOLD, SILVER]
    offered = {pool["name"]: pool["capabilities"] for pool in pools}
    assert (offered[SMALL]["free_capacity_gb"], offered[SMALL]["allocated_capacity_gb"]) == (2, 1)
    assert (offered[GOLD]["total_capacity_gb"], offered[SILVER]["pool_name"]) == (50, "silver")
    await a_type(admin, "flash", media="flash")
    fit = await admin.get("volume", f"{V}/scheduler-stats/get_pools?volume_type=flash", headers=VOLUME_VERSION)
    assert [pool["name"] for pool in fit.ok(200).json["pools"]] == [GOLD, SILVER]


async def test_a_disabled_back_end_gets_nothing_and_a_frozen_one_keeps_what_it_has(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    volume = await a_volume(cloud, demo)
    service = {"host": "stackwire@small", "binary": "cinder-volume"}

    async def change(action: str, status: int = 200, **body: Any) -> Any:
        return (await admin.put("volume", f"{V}/os-services/{action}", json=body, headers=VOLUME_VERSION)).ok(status)

    async def state() -> tuple[str, str | None, bool]:
        query = "?binary=cinder-volume&host=stackwire@small"
        (one,) = (await admin.get("volume", f"{V}/os-services{query}")).ok(200).json["services"]
        return one["status"], one["disabled_reason"], one["frozen"]

    answer = await change("disable-log-reason", **service, disabled_reason="moved")
    assert answer.json == {
        **service, "service": "", "status": "disabled", "disabled": True, "disabled_reason": "moved",
    }  # fmt: skip
    assert await state() == ("disabled", "moved", False)
    assert await hosted(cloud, demo, admin) == "stackwire@files#files"
    await change("enable", **service)
    assert await hosted(cloud, demo, admin) == SMALL
    await change("freeze", host="stackwire@small")
    assert await state() == ("disabled", "frozen", True)
    await change("freeze", 400, host="stackwire@small")
    assert (await demo.delete("volume", f"{VOLUMES}/{volume}")).status == 400
    assert (await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})).status == 400
    await change("thaw", host="stackwire@small")
    assert await state() == ("enabled", "", False)
    (await demo.delete("volume", f"{VOLUMES}/{volume}")).ok(202)
    await change("failover_host", 400, host="stackwire@small")
    await change("failover", 400, host="stackwire@small")
    await change("disable", 404, host="stackwire@none", binary="cinder-volume")
    for wrong in (
        {"host": "stackwire@small"},
        {"binary": "cinder-volume"},
        {**service, "x": 1},
        {**service, "host": " "},
    ):
        await change("disable", 400, **wrong)
    refused = await demo.put("volume", f"{V}/os-services/disable", json=service)
    assert refused.status == 403


async def test_a_volume_that_its_back_end_cannot_make_is_made_by_another(
    a_cloud: ACloud, settings: dict[str, Any]
) -> None:
    filters = "AvailabilityZoneFilter,CapacityFilter,CapabilitiesFilter,IgnoreAttemptedHostsFilter"
    settings = {**settings, "scheduler_default_filters": filters}
    cloud = await a_cloud(services=("identity", "volume"), settings={"volume": settings})
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    break_down(cloud, "volumes-small")
    assert await hosted(cloud, demo, admin) == "stackwire@files#files"


async def test_what_no_back_end_can_make_is_in_error(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    small = await a_type(admin, "small", volume_backend_name="small")
    break_down(cloud, "volumes-small")
    broken = await create_volume(cloud, demo, volume_type=small)
    assert (broken["status"], await told(demo, broken["id"])) == ("error", ["VOLUME_VOLUME_001_003"])
    used = (await demo.get("volume", f"{V}/limits")).ok(200).json["limits"]["absolute"]["totalVolumesUsed"]
    (await demo.delete("volume", f"{VOLUMES}/{broken['id']}")).ok(202)
    await cloud.settle()
    left = (await demo.get("volume", f"{V}/limits")).ok(200).json["limits"]["absolute"]["totalVolumesUsed"]
    assert (used, left) == (1, 0)


def break_down(cloud: TestCloud, folder: str) -> None:
    """The back end's folder is gone: whatever is written there fails."""
    next(cloud.cloud.options.data_dir.rglob(folder)).rmdir()
