"""A host's call that is handled late, when its server has gone to another host: it takes no volume from that one."""

from typing import Any

import pytest

from stackwire.compute.flows.worker.compute_host import ComputeHost
from support.builders.images import an_image
from support.builders.servers import SERVERS, a_server, finish_action, server_action
from support.builders.volumes import a_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until
from support.second_deliveries import Bus, check_again, is_call, under_a_new_id
from support.server_parts import host_services

LIVE = {"os-migrateLive": {"block_migration": "auto", "host": None}}
MOVES: dict[str, list[dict[str, Any]]] = {"live": [LIVE], "cold": [{"migrate": None}, {"confirmResize": None}]}


async def with_volumes(cloud: TestCloud, demo: JsonClient, count: int = 1) -> tuple[str, list[str]]:
    server, volumes = await a_server(cloud, demo, imageRef=await an_image(demo)), []
    for _ in range(count):
        volumes.append(await a_volume(cloud, demo))
        body = {"volumeAttachment": {"volumeId": volumes[-1]}}
        (await demo.post("compute", f"{SERVERS}/{server}/os-volume_attachments", json=body)).ok(200)
        await cloud.settle()
    return server, volumes


async def host_of(cloud: TestCloud, server: str) -> str:
    (row,) = await cloud.rows("compute", "SELECT host FROM instances WHERE uuid = $1", server)
    return str(row["host"])


async def connected(cloud: TestCloud, volume: str) -> list[tuple[str, str]]:
    """The state of each attachment, and the host that it connects."""
    sql = "SELECT attach_status, attached_host FROM volume_attachment WHERE volume_id = $1 AND NOT deleted"
    return [(row["attach_status"], row["attached_host"]) for row in await cloud.rows("volume", sql, volume)]


@pytest.mark.parametrize("move", MOVES)
async def test_calls_of_the_host_that_it_has_left_change_nothing(a_cloud: ACloud, move: str) -> None:
    cloud = await a_cloud()
    demo, admin, bus = await cloud.http("demo"), await cloud.http("admin"), Bus(cloud)
    server, (volume,) = await with_volumes(cloud, demo)
    old, before = await host_of(cloud, server), len(bus.published)
    for action in MOVES[move]:
        (await finish_action(cloud, admin, server, **action)).ok(202, 204)
    assert await host_of(cloud, server) != old
    for published in (bus.published[:before], [*bus.published]):
        await check_again(cloud, bus, [under_a_new_id(each) for each in published if is_call(each)])
    assert await connected(cloud, volume) == [("attached", await host_of(cloud, server))]


async def test_calls_of_the_host_that_it_did_not_reach_change_nothing(a_cloud: ACloud) -> None:
    """The other host had connected one of two volumes when the server had to stay."""
    cloud = await a_cloud()
    demo, admin, bus = await cloud.http("demo"), await cloud.http("admin"), Bus(cloud)
    server, (first, second) = await with_volumes(cloud, demo, 2)
    here = await host_of(cloud, server)
    async with other_host(cloud, here).exclusive(server):
        (await server_action(admin, server, **LIVE)).ok(202)
        await until(lambda: "post_live_migration_at_destination" in bus.methods())
        (await volume_action(admin, second, "os-reset_status", {"status": "error"})).ok(202)
    await cloud.settle()
    assert await host_of(cloud, server) == here
    assert await connected(cloud, first) == [("attached", here)]
    await check_again(cloud, bus, [under_a_new_id(each) for each in bus.published if is_call(each)])
    assert await connected(cloud, first) == [("attached", here)]


def other_host(cloud: TestCloud, host: str) -> ComputeHost:
    return next(each for service in host_services(cloud) for each in service.hosts if each.name != host)
