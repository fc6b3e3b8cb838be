"""A volume grows while a server uses it: the server is told, the image metadata stays."""

from pathlib import Path
from typing import Any

from support.builders.images import an_image
from support.builders.servers import a_server, from_volume
from support.builders.volumes import a_volume, get_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud


async def a_server_on_a_volume(cloud: TestCloud, demo: JsonClient) -> tuple[str, str, dict[str, Any]]:
    volume = await a_volume(cloud, demo, imageRef=await an_image(demo, team="storage"))
    rows: dict[str, Any] = (await get_volume(demo, volume))["volume_image_metadata"]
    return await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume)), volume, rows


async def test_the_server_of_a_volume_that_grows_has_an_action_for_it(cloud: TestCloud, demo: JsonClient) -> None:
    server, volume, rows = await a_server_on_a_volume(cloud, demo)
    (await volume_action(demo, volume, "os-extend", {"new_size": 2})).ok(202)
    await cloud.settle()
    found = await get_volume(demo, volume)
    assert (found["status"], found["size"], found["volume_image_metadata"]) == ("in-use", 2, rows)
    path = f"/v2.1/servers/{server}/os-instance-actions"
    actions = (await demo.get("compute", path)).ok(200).json["instanceActions"]
    assert [action["action"] for action in actions] == ["extend_volume", "create"]
    admin = await cloud.http("admin")
    assert (await volume_action(admin, volume, "os-extend_volume_completion", {})).status == 400
    assert (await volume_action(demo, volume, "os-extend_volume_completion", {})).status == 403


async def test_a_back_end_that_cannot_grow_what_is_in_use_leaves_it_as_it_is(a_cloud: ACloud, tmp_path: Path) -> None:
    path = tmp_path / "backends.toml"
    path.write_text("[backends.files]\nonline_extend_support = false\n")
    cloud = await a_cloud(settings={"volume": {"backends": path}})
    demo = await cloud.http("demo")
    _, volume, _ = await a_server_on_a_volume(cloud, demo)
    (await volume_action(demo, volume, "os-extend", {"new_size": 2})).ok(202)
    await cloud.settle()
    found = await get_volume(demo, volume)
    assert (found["status"], found["size"]) == ("in-use", 1)
