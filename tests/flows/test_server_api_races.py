"""Two at once: one of them is told so, and nothing is counted twice or left behind."""

import asyncio

from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, a_server, from_volume, get_server, request_server, server_action
from support.builders.volumes import a_volume, get_volume
from support.cloud import TestCloud


async def test_of_two_snapshots_at_once_one_is_refused(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    answers = await asyncio.gather(*(server_action(demo, server_id, createImage={"name": f"s{n}"}) for n in range(4)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 202
    assert set(statuses[1:]) <= {202, 409}
    await cloud.settle()
    assert (await get_server(demo, server_id))["OS-EXT-STS:task_state"] is None
    images = (await demo.get("image", "/v2/images?image_type=snapshot")).ok().json["images"]
    assert [each["status"] for each in images] == ["active"] * statuses.count(202)


async def test_the_last_places_of_a_quota_are_given_once(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    quota = {"quota_set": {"instances": 3}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{demo.project_id}", json=quota, headers=SERVER_VERSION)).ok(200)
    image_id = await an_image(demo)
    answers = await asyncio.gather(*(request_server(demo, imageRef=image_id) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [202] * 3 + [403] * 5
    await cloud.settle()


async def test_one_volume_boots_one_server(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    wish = {"block_device_mapping_v2": from_volume(volume_id)}
    answers = await asyncio.gather(*(request_server(demo, **wish) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [202] + [400] * 4
    await cloud.settle()
    assert (await get_volume(demo, volume_id))["status"] == "in-use"


async def test_a_server_deleted_at_once_leaves_its_volume_free(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    made = (await request_server(demo, block_device_mapping_v2=from_volume(volume_id))).ok(202).json["server"]["id"]
    (await demo.delete("compute", f"/v2.1/servers/{made}")).ok(204)
    await cloud.settle()
    assert (await demo.get("compute", f"/v2.1/servers/{made}")).status == 404
    assert (await get_volume(demo, volume_id))["status"] == "available"


async def test_a_server_deleted_twice_is_gone_once(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    path = f"/v2.1/servers/{server_id}"
    answers = await asyncio.gather(*(demo.delete("compute", path) for _ in range(3)))
    assert {answer.status for answer in answers} <= {204, 404}
    await cloud.settle()
    assert (await demo.get("compute", path)).status == 404


async def test_a_rebuild_and_a_stop_at_once_do_not_meet(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    rebuild, stop = await asyncio.gather(
        server_action(demo, server_id, rebuild={"imageRef": image_id}),
        server_action(demo, server_id, **{"os-stop": None}),
    )
    assert 202 in (rebuild.status, stop.status)
    assert {rebuild.status, stop.status} <= {202, 409}
    await cloud.settle()
    assert (await get_server(demo, server_id))["OS-EXT-STS:task_state"] is None


async def test_a_server_that_goes_while_a_volume_comes_leaves_it_free(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    servers = [await a_server(cloud, demo, imageRef=image_id) for _ in range(8)]
    volumes = [await a_volume(cloud, demo) for _ in servers]

    async def attach(server_id: str, volume_id: str) -> None:
        wish = {"volumeAttachment": {"volumeId": volume_id}}
        path = f"/v2.1/servers/{server_id}/os-volume_attachments"
        assert (await demo.post("compute", path, json=wish, headers=SERVER_VERSION)).status in (200, 404, 409)

    async def delete(server_id: str, turns: int) -> None:
        for _ in range(turns):  # a little later each time: the attachment is at another of its steps
            await demo.get("compute", f"/v2.1/servers/{server_id}")
        (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)

    pairs = enumerate(zip(servers, volumes, strict=True))
    await asyncio.gather(*(step for n, (s, v) in pairs for step in (attach(s, v), delete(s, n % 4))))
    await cloud.settle()
    assert {(await get_volume(demo, volume_id))["status"] for volume_id in volumes} == {"available"}
