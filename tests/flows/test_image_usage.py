"""What a project has and may have: unified limits by Glance's names, counted and enforced."""

import asyncio
import io
from typing import Any

from support.builders.images import a_queued_image
from support.cloud import ACloud, Answer, JsonClient

TWO = ("identity", "image")
MIB = 1024**2
OCTETS = {"Content-Type": "application/octet-stream"}


async def send(client: JsonClient, image_id: str, size: int, how: str = "file") -> Answer:
    body = io.BytesIO(b"x" * size)
    return await client.put("image", f"/v2/images/{image_id}/{how}", data=body, headers=OCTETS)


async def usage(client: JsonClient) -> dict[str, tuple[int, int]]:
    found = (await client.get("image", "/v2/info/usage")).ok(200).json["usage"]
    return {name: (each["usage"], each["limit"]) for name, each in found.items()}


async def test_usage_is_each_projects_own_and_limits_are_shown_with_it(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO)
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    nothing = {
        "image_size_total": (0, -1),
        "image_stage_total": (0, -1),
        "image_count_total": (0, -1),
        "image_count_uploading": (0, -1),
    }
    assert await usage(demo) == nothing
    active, staged = await a_queued_image(demo), await a_queued_image(demo)
    (await send(demo, active, 2 * MIB)).ok(204)
    (await send(demo, staged, 3 * MIB, "stage")).ok(204)
    assert {name: had for name, (had, _) in (await usage(demo)).items()} == {
        "image_size_total": 2, "image_stage_total": 3, "image_count_total": 2, "image_count_uploading": 1,
    }  # fmt: skip
    assert await usage(alt) == nothing
    for image_id in (active, staged):
        (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert await usage(demo) == nothing
    (await demo.request("GET", "image", "/v2/info/usage", headers={"X-Auth-Token": "none"})).ok(401)


LIMITS = {"image_size_total": 2, "image_stage_total": 1, "image_count_total": 4, "image_count_uploading": 1}


async def test_what_would_be_more_than_a_limit_is_refused_and_costs_nothing(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": LIMITS})
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    first, second, third, _ = [await a_queued_image(demo) for _ in range(4)]
    (await demo.post("image", "/v2/images", json={})).ok(413)
    (await send(demo, first, 2 * MIB + 1)).ok(413)
    (await send(demo, first, MIB + 1, "stage")).ok(413)
    assert (await demo.get("image", f"/v2/images/{first}")).json["status"] == "queued"

    (await send(demo, first, MIB, "stage")).ok(204)
    (await send(demo, second, 1)).ok(413)
    (await demo.post("image", f"/v2/images/{first}/import", json={"method": {"name": "glance-direct"}})).ok(202)
    await cloud.settle()
    assert (await demo.get("image", f"/v2/images/{first}")).json["status"] == "active"

    answers = await asyncio.gather(*(send(demo, image_id, MIB) for image_id in (second, third)))
    assert sorted(answer.status for answer in answers) == [204, 413]
    assert (await usage(demo))["image_size_total"] == (2, 2)
    (await send(alt, await a_queued_image(alt), MIB)).ok(204)


async def test_a_project_may_have_limits_of_its_own(a_cloud: ACloud) -> None:
    plain = await a_cloud(services=TWO)
    demo_id = (await plain.http("demo")).project_id
    await plain.close()
    limits: dict[str, Any] = {"image_count_total": 5, "project_limits": {demo_id: {"image_count_total": 1}}}
    cloud = await a_cloud(services=TWO, settings={"image": limits})
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    await a_queued_image(demo)
    (await demo.post("image", "/v2/images", json={})).ok(413)
    assert (await usage(demo))["image_count_total"] == (1, 1)
    await a_queued_image(alt)
    await a_queued_image(alt)
    assert (await usage(alt))["image_count_total"] == (2, 5)


async def test_without_a_cache_its_versions_are_not_listed(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO)
    found = (await (await cloud.http("demo")).get("image", "/versions")).json["versions"]
    assert [each["id"] for each in found if each["status"] == "CURRENT"] == ["v2.17"]
    minors = [17, 15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert [each["id"] for each in found] == [f"v2.{minor}" for minor in minors]
