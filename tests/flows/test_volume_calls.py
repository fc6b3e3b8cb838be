"""What the compute service asks of the volume service over the bus: the rules of HTTP, in the caller's name."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stackwire.contracts import volume as calls
from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden, ServiceError
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.memory import MemoryTransport
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import WireRecord
from support.cloud import ACloud, TestCloud

SERVER = "11111111-1111-4111-8111-111111111111"
CONNECTOR = {"host": "compute-1", "ip": "127.0.0.1", "initiator": "fake", "mountpoint": "/dev/sda"}


def a_context(**changes: Any) -> RequestContext:
    told = {"user_id": "u", "project_id": "p" * 32, "roles": ("member", "reader"), "service_roles": ("service",)}
    return RequestContext(**{**told, **changes})


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "volume"))


@pytest.fixture
async def rpc(cloud: TestCloud) -> AsyncIterator[RpcClient]:
    assert cloud.cloud.broker is not None
    transport = MemoryTransport(cloud.cloud.broker)
    client = RpcClient(transport)
    yield client
    await client.close()
    await transport.close()


async def a_volume(cloud: TestCloud, rpc: RpcClient, ctx: RequestContext) -> calls.VolumeView:
    made = await rpc.call(ctx, calls.MakeVolume(size=1, name="root"))
    assert made.status == "creating"
    await cloud.settle()
    return await rpc.call(ctx, calls.GetVolume(volume_id=made.id))


async def test_a_server_takes_a_volume_and_lets_it_go(cloud: TestCloud, rpc: RpcClient) -> None:
    heard: list[tuple[str, str]] = []

    def hear(record: WireRecord) -> None:
        if record.kind == "publish" and record.routing_key == "notifications.info":
            message = unwrap(record.body, record.properties)
            heard.append((message["event_type"], message["payload"]["status"]))

    ctx = a_context()
    volume = await a_volume(cloud, rpc, ctx)
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    made = await rpc.call(ctx, calls.CreateAttachment(volume_id=volume.id, instance_uuid=SERVER))
    assert (made.status, (await rpc.call(ctx, calls.GetVolume(volume_id=volume.id))).status) == ("reserved", "reserved")
    told = await rpc.call(ctx, calls.UpdateAttachment(attachment_id=made.id, connector=CONNECTOR))
    assert told.connection_info is not None
    assert told.connection_info["volume_id"] == volume.id
    await rpc.call(ctx, calls.CompleteAttachment(attachment_id=made.id))
    ctx = a_context()  # of another request, made when the volume is attached
    await rpc.call(ctx, calls.BeginDetaching(volume_id=volume.id))
    await rpc.call(ctx, calls.DeleteAttachment(attachment_id=made.id))
    await cloud.settle()
    await watch.cancel()
    assert heard == [
        ("volume.attach.start", "reserved"), ("volume.attach.end", "in-use"),
        ("volume.detach.start", "detaching"), ("volume.detach.end", "available"),
    ]  # fmt: skip
    with pytest.raises(calls.AttachmentNotFound):
        await rpc.call(a_context(), calls.DeleteAttachment(attachment_id=made.id))


async def test_the_same_server_may_take_it_twice_and_another_may_not(cloud: TestCloud, rpc: RpcClient) -> None:
    ctx = a_context()
    volume = await a_volume(cloud, rpc, ctx)
    old = await rpc.call(ctx, calls.CreateAttachment(volume_id=volume.id, instance_uuid=SERVER, connector=CONNECTOR))
    await rpc.call(ctx, calls.CompleteAttachment(attachment_id=old.id))
    with pytest.raises(calls.InvalidVolume):
        await rpc.call(ctx, calls.CreateAttachment(volume_id=volume.id, instance_uuid=SERVER.replace("1", "2")))
    await rpc.call(ctx, calls.CreateAttachment(volume_id=volume.id, instance_uuid=SERVER))
    await rpc.call(ctx, calls.DeleteAttachment(attachment_id=old.id))
    assert (await rpc.call(ctx, calls.GetVolume(volume_id=volume.id))).status == "reserved"


async def test_a_snapshot_of_a_volume_in_use_is_made_by_force(cloud: TestCloud, rpc: RpcClient) -> None:
    ctx = a_context()
    volume = await a_volume(cloud, rpc, ctx)
    made = await rpc.call(ctx, calls.CreateAttachment(volume_id=volume.id, instance_uuid=SERVER, connector=CONNECTOR))
    await rpc.call(ctx, calls.CompleteAttachment(attachment_id=made.id))
    snapshot = await rpc.call(ctx, calls.MakeSnapshot(volume_id=volume.id, name="snapshot for x", force=True))
    await cloud.settle()
    assert (await rpc.call(ctx, calls.GetSnapshot(snapshot_id=snapshot.id))).status == "available"
    limits = await rpc.call(ctx, calls.GetVolumeLimits())
    assert (limits.totalSnapshotsUsed, limits.maxTotalSnapshots) == (1, 10)
    with pytest.raises(calls.InvalidVolume):
        await rpc.call(ctx, calls.DeleteVolume(volume_id=volume.id))


@pytest.mark.parametrize(
    ("ctx", "error"),
    [(a_context(project_id="q" * 32), calls.VolumeNotFound), (a_context(roles=("reader",)), Forbidden)],
    ids=["another project", "a reader"],
)
async def test_the_bus_is_no_back_door(
    cloud: TestCloud, rpc: RpcClient, ctx: RequestContext, error: type[ServiceError]
) -> None:
    volume = await a_volume(cloud, rpc, a_context())
    with pytest.raises(error):
        await rpc.call(ctx, calls.DeleteVolume(volume_id=volume.id))
