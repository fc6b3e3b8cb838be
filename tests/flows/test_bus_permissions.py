"""A login at the broker for each service: what the service does is allowed, what others do is not."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from stackwire.messaging.memory import MemoryTransport
from stackwire.messaging.transport import Address, Binding
from support.builders.images import an_image
from support.builders.servers import a_server, finish_action
from support.builders.volumes import a_volume
from support.cloud import ACloud
from support.processes import PERMISSIONS

Needed = dict[str, set[tuple[str, str]]]


def allowed(user: str, right: str, name: str) -> bool:
    """RabbitMQ's rule: the name of the exchange or queue is searched by the pattern."""
    return re.search(PERMISSIONS[user][right], name or "amq.default") is not None


class Recorder:
    """What each service needs of the broker: RabbitMQ's table of operations and the rights for them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.needed: Needed = defaultdict(set)
        publish, consume, declare = MemoryTransport.publish, MemoryTransport.consume, MemoryTransport.declare
        recorder = self

        async def published(self: MemoryTransport, address: Address, *rest: Any, **more: Any) -> None:
            recorder.need(self, write=address.exchange)
            if address.exchange:
                recorder.need(self, configure=address.exchange)
            await publish(self, address, *rest, **more)

        async def consumed(
            self: MemoryTransport, binding: Binding, deliver: Any, *, also: Sequence[Binding] = (), **more: Any
        ) -> Any:
            for each in (binding, *also):
                recorder.bound(self, each)
                recorder.need(self, read=each.queue)
            return await consume(self, binding, deliver, also=also, **more)

        async def declared(self: MemoryTransport, binding: Binding) -> None:
            recorder.bound(self, binding)
            await declare(self, binding)

        for name, function in (("publish", published), ("consume", consumed), ("declare", declared)):
            monkeypatch.setattr(MemoryTransport, name, function)

    def need(self, transport: MemoryTransport, **rights: str) -> None:
        self.needed[transport.name.removeprefix("stackwire-")] |= set(rights.items())

    def bound(self, transport: MemoryTransport, binding: Binding) -> None:
        self.need(transport, configure=binding.queue)
        if binding.max_length:
            self.need(transport, configure=binding.dead_letters)
        if binding.exchange:
            self.need(transport, configure=binding.exchange, read=binding.exchange, write=binding.queue)


async def test_what_a_service_does_in_a_journey_is_what_it_may(
    a_cloud: ACloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(monkeypatch)
    cloud = await a_cloud(index=True)
    http = await cloud.http()
    image = await an_image(http)
    volume = await a_volume(cloud, http, imageRef=image)
    server = await a_server(cloud, http, imageRef=image)
    await finish_action(cloud, http, server, createImage={"name": "snapshot"})
    attachment = {"volumeAttachment": {"volumeId": volume}}
    await http.post("compute", f"/v2.1/servers/{server}/os-volume_attachments", json=attachment)
    await cloud.settle()
    (await http.delete("identity", "/v3/auth/tokens", headers={"X-Subject-Token": http.token})).ok(204)
    await cloud.settle()
    assert recorder.needed.keys() >= {"identity", "image", "volume", "compute", "index"}
    refused = {
        (user, right, name)
        for user, rights in recorder.needed.items()
        for right, name in rights
        if not allowed(user, right, name)
    }
    assert refused == set()


@pytest.mark.parametrize(
    ("user", "right", "name"),
    [
        ("image", "write", "nova"), ("image", "write", "cinder"), ("image", "read", "cinder-volume.host@files"),
        ("image", "configure", "compute.host"), ("volume", "read", "compute"), ("volume", "write", "nova"),
        ("volume", "write", "glance"), ("compute", "write", "glance"), ("compute", "read", "volume"),
        ("compute", "read", "notifications.info"), ("identity", "write", "nova"), ("index", "write", "glance"),
        ("trace", "write", ""), ("trace", "write", "nova"), ("registry", "read", "image"),
    ],
)  # fmt: skip
def test_what_is_another_services_is_refused(user: str, right: str, name: str) -> None:
    assert not allowed(user, right, name)
