"""The recorded image flows, replayed: every answer and every notification as a real Glance gave them."""

from support.cloud import ACloud
from support.golden_replay import GoldenReplay

ALONE = ("image_create_upload", "image_update", "image_send")


async def test_an_image_is_made_filled_changed_and_read_as_recorded(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=("identity", "image"))
    demo = await cloud.http("demo")
    rows = await cloud.rows("identity", "SELECT id FROM users WHERE name = 'demo'")
    replay = GoldenReplay(cloud, demo, rows[0]["id"])
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(replay.on_wire_record)
    told = {flow: await replay.run(flow) for flow in ALONE}
    await watch.cancel()
    assert not {flow: differences for flow, differences in told.items() if differences}
