"""A volume that is given to another project: offered, accepted with the key, or kept after all."""

from typing import Any

import pytest

from support.builders.volumes import a_volume, get_volume
from support.cloud import ACloud, JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}
TRANSFERS = f"{V}/volume-transfers"
SHOWN = {"id", "volume_id", "name", "links", "created_at"}
LATER = {"no_snapshots", "source_project_id", "destination_project_id", "accepted"}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "volume"))


@pytest.fixture
async def alt(cloud: TestCloud) -> JsonClient:
    return await cloud.http("alt")


async def offered(client: JsonClient, volume: str, **fields: Any) -> Any:
    wish = {"transfer": {"volume_id": volume, **fields}}
    return (await client.post("volume", TRANSFERS, json=wish, headers=NEW)).ok(202).json["transfer"]


async def accepted(client: JsonClient, transfer: Any, key: str | None = None) -> Any:
    wish = {"accept": {"auth_key": key or transfer["auth_key"]}}
    return await client.post("volume", f"{TRANSFERS}/{transfer['id']}/accept", json=wish, headers=NEW)


async def totals(client: JsonClient) -> list[int]:
    limits = (await client.get("volume", f"{V}/limits")).ok(200).json["limits"]["absolute"]
    return [limits[name] for name in ("totalVolumesUsed", "totalGigabytesUsed", "totalSnapshotsUsed")]


async def test_a_volume_goes_to_who_has_the_key_with_its_snapshots(
    cloud: TestCloud, demo: JsonClient, alt: JsonClient
) -> None:
    volume = await a_volume(cloud, demo)
    (await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})).ok(202)
    await cloud.settle()
    transfer = await offered(demo, volume, name="t")
    assert transfer.keys() == SHOWN | LATER | {"auth_key"}
    assert (await get_volume(demo, volume))["status"] == "awaiting-transfer"
    assert (await alt.get("volume", f"{TRANSFERS}/{transfer['id']}", headers=NEW)).status == 404
    assert (await accepted(alt, transfer, "wrong")).status == 400
    taken = (await accepted(alt, transfer)).ok(202).json["transfer"]
    assert (taken["volume_id"], taken.keys()) == (volume, {"id", "volume_id", "name", "links"})
    shown = await get_volume(alt, volume)
    assert (shown["status"], shown["os-vol-tenant-attr:tenant_id"]) == ("available", alt.project_id)
    assert (await demo.get("volume", f"{V}/volumes/{volume}")).status == 404
    assert [await totals(client) for client in (demo, alt)] == [[0, 0, 0], [1, 2, 1]]
    assert len((await alt.get("volume", f"{V}/snapshots")).ok(200).json["snapshots"]) == 1
    assert (await accepted(alt, transfer)).status == 404


async def test_an_offer_is_listed_and_taken_back(cloud: TestCloud, demo: JsonClient, alt: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    transfer = await offered(demo, volume)
    for path in (TRANSFERS, f"{V}/os-volume-transfer"):
        (one,) = (await demo.get("volume", path, headers=NEW)).ok(200).json["transfers"]
        assert one.keys() == {"id", "volume_id", "name", "links"}
        (one,) = (await demo.get("volume", f"{path}/detail", headers=NEW)).ok(200).json["transfers"]
        assert one.keys() == SHOWN | LATER
    old = (await demo.get("volume", f"{V}/os-volume-transfer/{transfer['id']}")).ok(200).json["transfer"]
    assert old.keys() == SHOWN
    assert (await alt.get("volume", TRANSFERS, headers=NEW)).ok(200).json == {"transfers": []}
    admin = await cloud.http("admin")
    everybody = await admin.get("volume", f"{TRANSFERS}?all_tenants=1", headers=NEW)
    assert len(everybody.ok(200).json["transfers"]) == 1
    assert (await alt.delete("volume", f"{TRANSFERS}/{transfer['id']}", headers=NEW)).status == 404
    (await demo.delete("volume", f"{TRANSFERS}/{transfer['id']}", headers=NEW)).ok(202)
    assert (await get_volume(demo, volume))["status"] == "available"
    assert (await accepted(alt, transfer)).status == 404


async def test_what_the_taker_may_not_have_stays_where_it_is(
    cloud: TestCloud, demo: JsonClient, alt: JsonClient
) -> None:
    volume = await a_volume(cloud, demo)
    transfer = await offered(demo, volume)
    admin = await cloud.http("admin")
    quota = f"{V}/os-quota-sets/{alt.project_id}"
    (await admin.put("volume", quota, json={"quota_set": {"volumes": 0}})).ok(200)
    assert (await accepted(alt, transfer)).status == 413
    assert (await get_volume(demo, volume))["status"] == "awaiting-transfer"
    assert [await totals(client) for client in (demo, alt)] == [[1, 1, 0], [0, 0, 0]]


async def test_a_volume_without_its_snapshots_from_3_55(cloud: TestCloud, demo: JsonClient, alt: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    (await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})).ok(202)
    await cloud.settle()
    wish = {"transfer": {"volume_id": volume, "no_snapshots": True}}
    headers = {"OpenStack-API-Version": "volume 3.54"}
    assert (await demo.post("volume", TRANSFERS, json=wish, headers=headers)).status == 400
    (await accepted(alt, await offered(demo, volume, no_snapshots=True))).ok(202)
    assert [await totals(client) for client in (demo, alt)] == [[0, 1, 1], [1, 1, 0]]


async def test_a_list_of_offers_has_pages_and_orders_since_3_59(cloud: TestCloud, demo: JsonClient) -> None:
    offers = [(await offered(demo, await a_volume(cloud, demo), name=name))["id"] for name in "bac"]

    async def names(query: str, version: str = "3.59") -> list[str]:
        headers = {"OpenStack-API-Version": f"volume {version}"}
        answer = await demo.get("volume", f"{TRANSFERS}{query}", headers=headers)
        return [one["name"] for one in answer.ok(200).json["transfers"]]

    assert (await names(""), await names("", "3.58")) == (["c", "a", "b"], ["b", "a", "c"])
    assert (await names("?limit=1"), await names("?limit=1", "3.58")) == (["c"], [])
    assert (await names("?sort=display_name:asc"), await names(f"?marker={offers[1]}")) == (["a", "b", "c"], ["b"])
    for version in ("3.0", "3.59"):
        assert (await names("?name=a", version), await names("?foo=1", version)) == (["a"], [])
    page = (await demo.get("volume", f"{TRANSFERS}?limit=2", headers=NEW)).ok(200).json
    assert f"marker={offers[1]}" in page["transfers_links"][0]["href"]
    for query, status in (("?sort_key=name", 400), ("?limit=x", 400), (f"?marker={offers[0][:-4]}0000", 404)):
        assert (await demo.get("volume", f"{TRANSFERS}{query}", headers=NEW)).status == status, query
