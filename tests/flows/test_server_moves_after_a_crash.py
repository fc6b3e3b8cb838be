"""What a compute service that died during a resize left, and what its next life makes of that; late confirmations."""

from typing import Any

import pytest

from support import invariants
from support.builders.images import an_image
from support.builders.servers import SMALL_FLAVOR, a_server, finish_action, from_volume, get_server
from support.builders.volumes import a_volume
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until


async def a_resized_server(cloud: TestCloud, client: JsonClient, **fields: Any) -> str:
    server_id = await a_server(cloud, client, **fields or {"imageRef": await an_image(client)})
    (await finish_action(cloud, client, server_id, resize={"flavorRef": SMALL_FLAVOR})).ok(202)
    return server_id


LEFT = {
    "the end of a resize": ("active", "resize_finish", "post-migrating", "VERIFY_RESIZE"),
    "the end of a sending": ("active", "resize_migrated", "post-migrating", "VERIFY_RESIZE"),
    "a revert": ("resized", "resize_reverting", "reverting", "ACTIVE"),
    "a confirmation": ("resized", None, "confirming", "ACTIVE"),
    "a preparation": ("active", "resize_prep", "confirmed", "ACTIVE"),
}
"""vm_state, task_state and the migration's status of a resized server, and the status it comes to."""


@pytest.mark.parametrize("left", LEFT)
async def test_a_resize_that_was_cut_off_is_finished_or_given_up(cloud: TestCloud, left: str) -> None:
    demo = await cloud.http("demo")
    root = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_resized_server(cloud, demo, block_device_mapping_v2=from_volume(root))
    vm_state, task_state, status, end = LEFT[left]
    if left == "a preparation":
        (await finish_action(cloud, demo, server_id, confirmResize=None)).ok(204)
    sql = "UPDATE instances SET vm_state = $2, task_state = $3 WHERE uuid = $1 RETURNING id"
    await cloud.rows("compute", sql, server_id, vm_state, task_state)
    sql = "UPDATE migrations SET status = $2, updated_at = now() - interval '5 minutes' WHERE instance_uuid = $1"
    await cloud.rows("compute", f"{sql} RETURNING id", server_id, status)
    await cloud.cloud.restart("compute")

    async def ended() -> bool:
        shown = await get_server(demo, server_id)
        return (shown["status"], shown["OS-EXT-STS:task_state"]) == (end, None)

    await until(ended, 15.0)
    await cloud.settle()
    await invariants.hold_in(cloud.database.admin_url, 10.0)


async def test_a_resize_confirms_itself_when_nobody_does(a_cloud: ACloud) -> None:
    cloud = await a_cloud(settings={"compute": {"resize_confirm_window": 1, "sweep_seconds": 0.2}})
    demo = await cloud.http("demo")
    server_id = await a_resized_server(cloud, demo)

    async def confirmed() -> bool:
        return bool((await get_server(demo, server_id))["status"] == "ACTIVE")

    await until(confirmed, 10.0)
    assert (await get_server(demo, server_id))["flavor"]["original_name"] == "m1.small"
