"""A cloud whose bus is signed: all is done as ever, and who has the bus alone does nothing."""

from stackwire.cloud.options import ORDER
from stackwire.contracts.volume import DeleteVolume
from stackwire.core.context import system_context
from stackwire.messaging.memory import MemoryTransport
from stackwire.messaging.rpc import RpcClient
from support.builders.images import an_image
from support.builders.servers import a_server
from support.builders.volumes import a_volume
from support.cloud import ACloud


async def test_a_server_is_built_and_a_strangers_order_is_refused(a_cloud: ACloud) -> None:
    cloud = await a_cloud(settings={name: {"bus_key": "0123456789abcdef" * 2} for name in ORDER})
    http = await cloud.http()
    image_id = await an_image(http)
    volume_id = await a_volume(cloud, http, imageRef=image_id)
    await a_server(cloud, http, imageRef=image_id)
    assert cloud.cloud.broker is not None
    dead = len(cloud.cloud.broker.dead)

    stranger = MemoryTransport(cloud.cloud.broker, "stranger")
    order = DeleteVolume(volume_id=volume_id)
    await RpcClient(stranger).send(system_context("nova").to_wire(), order.target, order.method, order.to_args())
    await cloud.settle()
    await stranger.close()
    assert len(cloud.cloud.broker.dead) > dead
    shown = (await http.get("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(200).json["volume"]
    assert shown["status"] == "available"
