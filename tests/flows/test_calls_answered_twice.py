"""A call that is handled twice is answered twice alike: whichever answer reaches the caller, it is the first one's.

A process that dies between its commit and its reply leaves the call to another, whose answer is all that its caller
gets: an error would say that nothing was done.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from stackwire.contracts import image as images
from stackwire.contracts import volume as volumes
from stackwire.contracts.base import Call
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError
from stackwire.core.ids import new_id
from stackwire.messaging.memory import MemoryTransport
from stackwire.messaging.rpc import RpcClient
from support.cloud import ACloud, TestCloud
from support.web import Mirror, a_mirror

SERVER = "11111111-1111-4111-8111-111111111111"
CONNECTOR = {"host": "compute-1", "ip": "127.0.0.1", "initiator": "fake", "mountpoint": "/dev/sda"}
PROJECT = "p" * 32
DATA = b"x" * 4096


def a_request() -> RequestContext:
    """One that begins now, of a service in a user's name."""
    roles = ("member", "reader")
    return RequestContext(user_id="u", project_id=PROJECT, roles=roles, service_roles=("service",))


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    async with a_mirror() as made:
        made.pages["/image"] = DATA
        yield made


class Caller:
    """What another service calls, each time in a request of its own."""

    def __init__(self, cloud: TestCloud, rpc: RpcClient, mirror: Mirror) -> None:
        self.cloud = cloud
        self.rpc = rpc
        self.url = f"{mirror.url}/image"

    async def __call__(self, message: Call[Any], ctx: RequestContext | None = None) -> Any:
        return await self.rpc.call(ctx or a_request(), message)

    async def queued(self) -> str:
        formats = {"disk_format": "raw", "container_format": "bare"}
        made = await self(images.CreateImage(name="i", visibility="private", **formats))
        return str(made.id)

    async def image(self) -> str:
        image_id = await self.queued()
        await self(images.AddImageLocation(image_id=image_id, url=self.url))
        return image_id

    async def volume(self) -> str:
        made = await self(volumes.MakeVolume(size=1, name="root"))
        await self.cloud.settle()
        return str(made.id)

    async def snapshot(self) -> str:
        made = await self(volumes.MakeSnapshot(volume_id=await self.volume(), name="s"))
        await self.cloud.settle()
        return str(made.id)

    async def reserved(self) -> tuple[str, str]:
        """A volume, and the attachment that keeps it for a server."""
        volume = await self.volume()
        made = await self(volumes.CreateAttachment(volume_id=volume, instance_uuid=SERVER))
        return volume, str(made.id)

    async def connected(self) -> tuple[str, str]:
        volume, attachment = await self.reserved()
        await self(volumes.UpdateAttachment(attachment_id=attachment, connector=CONNECTOR))
        return volume, attachment

    async def attached(self) -> tuple[str, str]:
        volume, attachment = await self.connected()
        await self(volumes.CompleteAttachment(attachment_id=attachment))
        return volume, attachment


@pytest.fixture
async def caller(a_cloud: ACloud, mirror: Mirror) -> AsyncIterator[Caller]:
    web = {
        "enabled_backends": "own:file,web:http", "default_backend": "own",
        "import_filtering_allowed_hosts": "127.0.0.1", "import_filtering_allowed_ports": f"{mirror.port}",
    }  # fmt: skip
    cloud = await a_cloud(services=("identity", "image", "volume"), settings={"image": web})
    assert cloud.cloud.broker is not None
    transport = MemoryTransport(cloud.cloud.broker)
    rpc = RpcClient(transport)
    yield Caller(cloud, rpc, mirror)
    await rpc.close()
    await transport.close()


# ---- what is called


async def update_image(caller: Caller) -> Call[Any]:
    return images.UpdateImage(image_id=await caller.image(), properties={"a": "b"}, purge=True)


async def add_image_location(caller: Caller) -> Call[Any]:
    return images.AddImageLocation(image_id=await caller.queued(), url=caller.url, metadata={"k": "v"})


async def delete_image(caller: Caller) -> Call[Any]:
    return images.DeleteImage(image_id=await caller.image())


async def make_volume(_: Caller) -> Call[Any]:
    return volumes.MakeVolume(volume_id=new_id("volume"), size=1)


async def delete_volume(caller: Caller) -> Call[Any]:
    return volumes.DeleteVolume(volume_id=await caller.volume())


async def make_snapshot(caller: Caller) -> Call[Any]:
    return volumes.MakeSnapshot(volume_id=await caller.volume(), snapshot_id=new_id("snapshot"), name="s")


async def delete_snapshot(caller: Caller) -> Call[Any]:
    return volumes.DeleteSnapshot(snapshot_id=await caller.snapshot())


async def create_attachment(caller: Caller) -> Call[Any]:
    volume, attachment = await caller.volume(), new_id("attachment")
    return volumes.CreateAttachment(volume_id=volume, instance_uuid=SERVER, attachment_id=attachment)


async def update_attachment(caller: Caller) -> Call[Any]:
    return volumes.UpdateAttachment(attachment_id=(await caller.reserved())[1], connector=CONNECTOR)


async def complete_attachment(caller: Caller) -> Call[Any]:
    return volumes.CompleteAttachment(attachment_id=(await caller.connected())[1])


async def delete_reserved_attachment(caller: Caller) -> Call[Any]:
    return volumes.DeleteAttachment(attachment_id=(await caller.reserved())[1])


async def delete_attachment(caller: Caller) -> Call[Any]:
    return volumes.DeleteAttachment(attachment_id=(await caller.attached())[1])


async def begin_detaching(caller: Caller) -> Call[Any]:
    return volumes.BeginDetaching(volume_id=(await caller.attached())[0])


async def roll_detaching(caller: Caller) -> Call[Any]:
    volume, _ = await caller.attached()
    await caller(volumes.BeginDetaching(volume_id=volume))
    return volumes.RollDetaching(volume_id=volume)


async def reimage_volume(caller: Caller) -> Call[Any]:
    return volumes.ReimageVolume(volume_id=await caller.volume(), image_id=await caller.image())


CALLS: list[Callable[[Caller], Awaitable[Call[Any]]]] = [
    update_image, add_image_location, delete_image,
    make_volume, delete_volume, make_snapshot, delete_snapshot,
    create_attachment, update_attachment, complete_attachment, delete_reserved_attachment, delete_attachment,
    begin_detaching, roll_detaching, reimage_volume,
]  # fmt: skip


# ---- and how


async def at_once(caller: Caller, message: Call[Any], ctx: RequestContext) -> list[Any]:
    return await asyncio.gather(caller(message, ctx), caller(message, ctx))


async def after_it_was_done(caller: Caller, message: Call[Any], ctx: RequestContext) -> list[Any]:
    """The broker takes a while until it sees that a process has died; meanwhile others do what it had asked them."""
    first = await caller(message, ctx)
    await caller.cloud.settle()
    return [first, await caller(message, ctx)]


def lasting(answer: Any) -> Any:
    """The answer but for what goes on in the meantime."""
    if answer is None:
        return None
    return {key: value for key, value in answer.model_dump().items() if key not in ("status", "updated_at", "bootable")}


@pytest.mark.parametrize("twice", [at_once, after_it_was_done])
@pytest.mark.parametrize("prepare", CALLS)
async def test_a_call_is_answered_twice_alike(
    caller: Caller, prepare: Callable[[Caller], Awaitable[Call[Any]]], twice: Callable[..., Awaitable[list[Any]]]
) -> None:
    message = await prepare(caller)
    first, second = await twice(caller, message, a_request())
    assert lasting(first) == lasting(second)
    await caller.cloud.settle()


@pytest.mark.parametrize(
    ("prepare", "refusal"),
    [
        (add_image_location, ServiceError),
        (delete_image, NotFound),
        (delete_volume, NotFound),
        (delete_snapshot, NotFound),
        (delete_attachment, NotFound),
        (begin_detaching, volumes.InvalidVolume),
    ],
)
async def test_who_requests_it_afterwards_is_refused(
    caller: Caller, prepare: Callable[[Caller], Awaitable[Call[Any]]], refusal: type[ServiceError]
) -> None:
    message = await prepare(caller)
    await caller(message)
    await caller.cloud.settle()
    if isinstance(message, images.AddImageLocation):
        message = message.model_copy(update={"metadata": {"k": "another"}})
    with pytest.raises(refusal):
        await caller(message)


async def test_a_late_call_does_not_begin_to_detach_what_was_attached_since(caller: Caller) -> None:
    """Nobody would end it: the volume would stay detaching."""
    late = a_request()
    volume, _ = await caller.attached()
    with pytest.raises(volumes.InvalidVolume):
        await caller(volumes.BeginDetaching(volume_id=volume), late)
    assert (await caller(volumes.GetVolume(volume_id=volume))).status == "in-use"


async def test_an_attachment_that_is_completed_late_does_not_undo_a_detach(caller: Caller) -> None:
    volume, attachment = await caller.attached()
    await caller(volumes.BeginDetaching(volume_id=volume))
    await caller(volumes.CompleteAttachment(attachment_id=attachment))
    assert (await caller(volumes.GetVolume(volume_id=volume))).status == "detaching"


async def test_an_attachment_that_is_reserved_late_stays_deleted(caller: Caller) -> None:
    message = await create_attachment(caller)
    await caller(message)
    await caller(volumes.DeleteAttachment(attachment_id=message.attachment_id))
    with pytest.raises(volumes.InvalidVolume):
        await caller(message)
