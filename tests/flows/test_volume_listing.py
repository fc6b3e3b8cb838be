"""Lists of volumes in every order, page by page, and by filters."""

from typing import Any

import pytest

from stackwire.volume.domain.listable import VOLUMES
from support.cloud import ACloud, JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    """With four volumes: two without a name, two of 2 GiB, one that was updated."""
    cloud = await a_cloud(services=("identity", "volume"))
    demo = await cloud.http("demo")
    for volume in ({"size": 1, "name": "b"}, {"size": 2}, {"size": 1}, {"size": 2, "name": "a"}):
        (await demo.post("volume", f"{V}/volumes", json={"volume": volume})).ok(202)
    await cloud.settle()
    listed = await page(demo, "sort=created_at:asc")
    body = {"volume": {"metadata": {"team": "storage"}}}
    (await demo.put("volume", f"{V}/volumes/{listed[0]['id']}", json=body)).ok()
    return cloud


async def page(client: JsonClient, query: str) -> list[dict[str, Any]]:
    answer = await client.get("volume", f"{V}/volumes/detail?{query}", headers=NEW)
    found: list[dict[str, Any]] = answer.ok().json["volumes"]
    return found


async def test_pages_of_one_volume_have_every_volume_once_in_every_order(cloud: TestCloud, demo: JsonClient) -> None:
    for key in VOLUMES.sorts:
        for direction in ("asc", "desc"):
            whole = [volume["id"] for volume in await page(demo, f"sort={key}:{direction}")]
            assert len(set(whole)) == 4
            paged: list[str] = []
            while found := await page(
                demo, f"sort={key}:{direction}&limit=1" + (f"&marker={paged[-1]}" if paged else "")
            ):
                paged.append(found[0]["id"])
            assert paged == whole, (key, direction)


async def test_keys_in_different_directions_are_paged_too(cloud: TestCloud, demo: JsonClient) -> None:
    order = "sort=size:desc,name:asc"
    whole = await page(demo, order)
    assert [(volume["size"], volume["name"]) for volume in whole] == [(2, None), (2, "a"), (1, None), (1, "b")]
    rest = await page(demo, f"{order}&marker={whole[1]['id']}")
    assert [volume["id"] for volume in rest] == [volume["id"] for volume in whole[2:]]


@pytest.mark.parametrize(
    ("query", "count"),
    [("size=2", 2), ("name=a", 1), ("metadata={'team':'storage'}", 1), ("bootable=false", 4),
     ("created_at=gt:2000-01-01T00:00:00,lt:2999-01-01T00:00:00", 4), ("status=error", 0)],
)  # fmt: skip
async def test_filters(cloud: TestCloud, demo: JsonClient, query: str, count: int) -> None:
    assert len(await page(demo, query)) == count


async def test_only_administrators_filter_by_a_part_of_a_name(cloud: TestCloud, demo: JsonClient) -> None:
    assert len(await page(await cloud.http("admin"), "name~=A&all_tenants=1")) == 1
    assert (await demo.get("volume", f"{V}/volumes?name~=A", headers=NEW)).status == 400
