"""A cloud on the bus within its process that dies: what it had accepted and not begun is done by the next one."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from stackwire.core.clock import Clock
from stackwire.core.pace import HeldWork
from support import invariants
from support.builders.images import IMAGE_BYTES, a_staged_image, an_image, get_image
from support.builders.servers import a_server, get_server, request_server, server_action
from support.builders.volumes import a_volume, get_backup, get_volume, request_backup, request_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until

Check = Callable[[JsonClient], Awaitable[bool]]
UNERASED = "SELECT name FROM outbox WHERE kind = 'cast' AND (context::text <> '{}' OR payload::text <> '{}')"


async def _promise(cloud: TestCloud, client: JsonClient) -> dict[str, Check]:
    """Accepted requests of every kind, by the method that carries them out, each with whether it was."""
    image, volume, other = await an_image(client), await a_volume(cloud, client), await a_volume(cloud, client)
    active, rebuilt, stopped = [await a_server(cloud, client, imageRef=image) for _ in range(3)]
    staged = await a_staged_image(client)
    cloud.cloud.pace.set("held")
    created = (await request_volume(client, imageRef=image)).ok(202).json["volume"]["id"]
    booted = (await request_server(client, imageRef=image)).ok(202).json["server"]["id"]
    backup = (await request_backup(client, other)).ok(202).json["backup"]["id"]
    (await volume_action(client, volume, "os-extend", {"new_size": 2})).ok(202)
    (await server_action(client, active, createImage={"name": "promised"})).ok(202)
    (await server_action(client, rebuilt, rebuild={"imageRef": image})).ok(202)
    (await server_action(client, stopped, **{"os-stop": None})).ok(202)
    imported = {"method": {"name": "glance-direct"}}
    (await client.post("image", f"/v2/images/{staged}/import", json=imported)).ok(202)

    async def is_snapshot_taken(client: JsonClient) -> bool:
        found = (await client.get("image", "/v2/images?name=promised")).json["images"]
        return [each["status"] for each in found] == ["active"]

    async def is_extended(client: JsonClient) -> bool:
        found = await get_volume(client, volume)
        return (found["status"], found["size"]) == ("available", 2)

    async def is_imported(client: JsonClient) -> bool:
        found = await get_image(client, staged)
        return (found["status"], found["size"]) == ("active", len(IMAGE_BYTES))

    return {
        "create_volume": lambda client: _is(get_volume(client, created), "available"),
        "build_and_run_instance": lambda client: _is(get_server(client, booted), "ACTIVE"),
        "create_backup": lambda client: _is(get_backup(client, backup), "available"),
        "extend_volume": is_extended,
        "snapshot_instance": is_snapshot_taken,
        "rebuild_instance": lambda client: _is(get_server(client, rebuilt), "ACTIVE"),
        "stop_instance": lambda client: _is(get_server(client, stopped), "SHUTOFF"),
        "run_task": is_imported,
    }


async def _is(resource: Awaitable[Any], status: str) -> bool:
    return bool((await resource)["status"] == status)


async def test_what_was_accepted_and_not_begun_when_the_cloud_died_is_done_by_the_next(a_cloud: ACloud) -> None:
    dead = await a_cloud()
    promised = await _promise(dead, await dead.http())

    def held() -> set[str]:
        return {work.method for work in dead.cloud.pace.held}

    await until(lambda: held() >= promised.keys())
    for service in dead.cloud.services.values():
        await service.abort()

    clock = Clock()
    await clock.advance(timedelta(minutes=10))  # longer than any message may take
    cloud = await a_cloud(clock=clock)
    client = await cloud.http()
    await cloud.settle()
    done = {method: await check(client) for method, check in promised.items()}
    assert done == dict.fromkeys(promised, True)
    await invariants.hold_in(cloud.database.admin_url, 10.0)


async def test_a_host_that_starts_again_leaves_what_nobody_has_begun_to_its_message(cloud: TestCloud) -> None:
    client = await cloud.http()
    image = await an_image(client)
    rebuilt, copied = [await a_server(cloud, client, imageRef=image) for _ in range(2)]
    cloud.cloud.pace.set("held")
    (await server_action(client, rebuilt, rebuild={"imageRef": image})).ok(202)
    (await server_action(client, copied, createImage={"name": "promised"})).ok(202)
    await until(lambda: len(cloud.cloud.pace.held) == 2)
    await cloud.cloud.crash("compute")
    await cloud.cloud.swept(30.0)
    await until(lambda: len(cloud.cloud.pace.held) >= 2)
    assert (await get_server(client, rebuilt))["OS-EXT-STS:task_state"] == "rebuilding"
    cloud.cloud.pace.set("instant")
    await cloud.settle()
    assert [(await get_server(client, each))["status"] for each in (rebuilt, copied)] == ["ACTIVE", "ACTIVE"]
    images = (await client.get("image", "/v2/images?name=promised")).json["images"]
    assert [each["status"] for each in images] == ["active"]


async def test_what_a_cloud_had_accepted_is_done_after_an_orderly_end_too(a_cloud: ACloud) -> None:
    first = await a_cloud()
    client = await first.http()
    image = await an_image(client)
    first.cloud.pace.set("held")
    volume = (await request_volume(client, imageRef=image)).ok(202).json["volume"]["id"]
    work: tuple[HeldWork, ...] = await until(lambda: first.cloud.pace.held)
    assert [each.method for each in work] == ["create_volume"]
    await first.cloud.stop()

    cloud = await a_cloud()
    await cloud.settle()
    assert (await get_volume(await cloud.http(), volume))["status"] == "available"


async def test_a_cast_that_was_handled_leaves_no_arguments_and_no_token_behind(cloud: TestCloud) -> None:
    client = await cloud.http()
    await a_server(cloud, client, imageRef=await an_image(client))

    async def erased() -> bool:
        return not any([await cloud.rows(service, UNERASED) for service in ("image", "volume", "compute")])

    await until(erased)
    assert await cloud.rows("compute", "SELECT 1 FROM outbox WHERE kind = 'cast'")
