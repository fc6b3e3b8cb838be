"""The journey over a real RabbitMQ, overheard by unmodified oslo.messaging listeners, one for each exchange."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from contract.oslo.conftest import Peer
from support.cloud import ACloud
from support.polling import until
from support.processes import own_vhost
from support.rabbitmq import TestRabbit
from support.user_actions import UserActions

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(180)]
LISTENERS = (
    ("glance", "notifications"), ("cinder", "notifications"), ("nova", "notifications"),
    ("nova", "versioned_notifications"),
)  # fmt: skip
OF_AN_IMAGE = ("image.create", "image.prepare", "image.upload", "image.activate")
OF_A_SERVER = (
    "create.start", "create.end", "snapshot.start", "snapshot.end", "exists", "rebuild.start", "rebuild.end",
    "snapshot.start", "snapshot.end", "delete.start", "shutdown.start", "shutdown.end", "delete.end",
)  # fmt: skip
OF_A_VOLUME = tuple(f"volume.{what}.{when}" for what in ("create", "attach", "detach") for when in ("start", "end"))


class Ear:
    """What one listener says it heard. It hands events to threads: their order is not the order of their coming."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.heard: list[dict[str, Any]] = []
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            with suppress(TimeoutError):  # of the peer's silence, which is allowed
                self.heard.append(await self.peer.says())

    def of(self, resource: str) -> list[dict[str, Any]]:
        return [event for event in self.heard if about(event["payload"]) == resource]

    async def hears(self, resource: str, expected: tuple[str, ...], prefix: str = "") -> None:
        """Returns when it has heard these of the resource; there may be any number of updates beside them."""
        wanted = Counter(prefix + word for word in expected)

        def types() -> Counter[str]:
            found = Counter(event["event_type"] for event in self.of(resource))
            return Counter({word: n for word, n in found.items() if not word.endswith(".update")})

        try:
            await until(lambda: types() >= wanted, 30)
        except TimeoutError:
            assert not self._task.done(), self._task.exception()
        assert types() == wanted

    async def close(self) -> None:
        self._task.cancel()
        await self.peer.stop()


def about(payload: dict[str, Any]) -> str:
    """The resource an event is about: its own id, not those it refers to."""
    data = payload.get("nova_object.data", payload)
    keys = ("instance_id", "uuid", "snapshot_id", "volume_id", "id")
    return next((str(data[key]) for key in keys if data.get(key)), "")


@asynccontextmanager
async def ears(url: str) -> AsyncIterator[list[Ear]]:
    """Each in a pool of its own: without one, listeners of a topic share one queue, whatever their exchange."""
    starting = (Peer.start(url, *which[:1], "listen", which[1], f"{'-'.join(which)}-pool") for which in LISTENERS)
    listening = [Ear(peer) for peer in await asyncio.gather(*starting)]
    try:
        yield listening
    finally:
        await asyncio.gather(*(ear.close() for ear in listening))


@pytest.fixture
def broker(rabbitmq: TestRabbit) -> Iterator[TestRabbit]:
    """A vhost of the story's own; asked for before the cloud, it outlives it."""
    with own_vhost(rabbitmq) as url:
        yield replace(rabbitmq, url=url, vhost=url.rpartition("/")[2])


async def test_properties_travel_over_rabbitmq_and_stock_listeners_hear_of_it(
    broker: TestRabbit, a_cloud: ACloud
) -> None:
    async with ears(broker.oslo_url) as (glance, cinder, nova, versioned):
        user = await UserActions.of(await a_cloud(amqp_url=broker.url))
        image = await user.image(team="storage", hw_disk_bus="scsi", note="é" * 200)
        other = await user.image(team="other")
        volume = await user.volume(imageRef=image)
        server = await user.server(imageRef=image)
        first = await user.snapshot(server)
        await user.rebuild(server, other)
        second = await user.snapshot(server)
        on_volume = await user.server_from_volume(volume)
        recorded = {name: await user.system_metadata(ident) for name, ident in (("one", server), ("two", on_volume))}
        third = await user.snapshot(on_volume)
        promised = await user.upload_volume(await user.volume(imageRef=image))
        await user.abort_upload(promised["id"])
        await asyncio.gather(user.delete_server(server), user.delete_server(on_volume))

        # the properties are where they belong
        assert (await user.get_volume(volume))["volume_image_metadata"]["team"] == "storage"
        assert (recorded["one"]["image_team"], recorded["one"]["image_base_image_ref"]) == ("other", other)
        assert (recorded["two"]["image_team"], recorded["two"]["image_note"]) == ("storage", "é" * 127)
        assert (first["team"], first["note"], first["base_image_ref"]) == ("storage", "é" * 127, image)
        assert (second["team"], second["base_image_ref"]) == ("other", other)
        assert (third["team"], third["size"]) == ("storage", 0)
        assert (promised["team"], promised["note"]) == ("storage", "é" * 200)

        # and everybody was told, in the words of each service
        for known in (image, other, first["id"], second["id"], third["id"]):
            await glance.hears(known, OF_AN_IMAGE)
        await cinder.hears(volume, OF_A_VOLUME)
        await nova.hears(server, (*OF_A_SERVER, "rebuild.scheduled"), "compute.instance.")
        await versioned.hears(server, (*OF_A_SERVER, "rebuild_scheduled"), "instance.")
        (created,) = (e for e in nova.of(on_volume) if e["event_type"] == "compute.instance.create.end")
        assert (created["payload"]["image_meta"]["team"], created["payload"]["state"]) == ("storage", "active")
        assert created["context"]["user_name"] == "demo"
        assert not any("auth_token" in event["context"] for ear in (cinder, nova, versioned) for event in ear.heard)
