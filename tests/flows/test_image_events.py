"""What the image service says on the bus when things go their way, and when they do not."""

import asyncio
import io
from typing import Any
from urllib.parse import urlsplit

import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import a_queued_image
from support.cloud import ACloud, TestCloud
from support.polling import until

OCTETS = {"Content-Type": "application/octet-stream"}
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


class Ear:
    """Every message of one exchange, in the order it was published, whether or not anybody listens."""

    def __init__(self, exchange: str) -> None:
        self.exchange = exchange
        self.heard: list[dict[str, Any]] = []

    def hear(self, record: WireRecord) -> None:
        if record.kind in ("publish", "drop") and record.exchange == self.exchange:
            self.heard.append({**unwrap(record.body, record.properties), "key": record.routing_key})

    @property
    def types(self) -> list[str]:
        return [event["event_type"] for event in self.heard]


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image"))


async def test_an_upload_that_fails_is_reported_as_an_error_and_the_image_as_queued_again(cloud: TestCloud) -> None:
    demo, ear = await cloud.http("demo"), Ear("glance")
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(ear.hear)
    image_id = await a_queued_image(demo)
    unsafe = b"QED\0".ljust(65536, b"\0")
    (await demo.put("image", f"/v2/images/{image_id}/file", data=unsafe, headers=OCTETS)).ok(415)
    await cloud.settle()
    await watch.cancel()
    assert ear.types == ["image.create", "image.update", "image.prepare", "image.upload", "image.update"]
    failed, restored = ear.heard[-2:]
    assert (failed["key"], failed["priority"]) == ("notifications.error", "ERROR")
    assert isinstance(failed["payload"], str)
    assert (restored["payload"]["status"], restored["payload"]["size"]) == ("queued", None)


async def test_a_download_that_breaks_off_is_reported_as_an_error(cloud: TestCloud) -> None:
    demo, ear = await cloud.http("demo"), Ear("glance")
    image_id, size = await a_queued_image(demo), 40_000_000
    path = f"/v2/images/{image_id}/file"
    (await demo.put("image", path, data=io.BytesIO(b"x" * size), headers=OCTETS)).ok(204)
    await cloud.settle()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(ear.hear)
    there = urlsplit(cloud.urls["image"])
    reader, writer = await asyncio.open_connection(there.hostname, there.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: {demo.token}\r\n\r\n".encode())
    assert await reader.readexactly(1000)
    writer.transport.abort()
    await until(lambda: ear.heard, 20)
    await watch.cancel()
    assert [(event["event_type"], event["priority"]) for event in ear.heard] == [("image.send", "ERROR")]
    payload = ear.heard[0]["payload"]
    assert (payload["image_id"], payload["receiver_tenant_id"]) == (image_id, demo.project_id)
    assert payload["bytes_sent"] < size


async def test_refused_changes_say_nothing(cloud: TestCloud) -> None:
    demo, alt, ear = await cloud.http("demo"), await cloud.http("alt"), Ear("glance")
    image_id = await a_queued_image(demo, protected=True)
    await cloud.settle()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(ear.hear)
    path = f"/v2/images/{image_id}"
    (await demo.delete("image", path)).ok(403)
    (await alt.delete("image", path)).ok(404)
    (await demo.patch("image", path, json=[{"op": "remove", "path": "/x"}], headers=PATCH)).ok(409)
    (await demo.patch("image", path, json=[], headers=PATCH)).ok(200)
    (await demo.post("image", "/v2/images", json={"status": "active"})).ok(403)
    await cloud.settle()
    await watch.cancel()
    assert ear.heard == []


async def test_members_are_notified_of(cloud: TestCloud) -> None:
    demo, alt, ear = await cloud.http("demo"), await cloud.http("alt"), Ear("glance")
    image_id = await a_queued_image(demo)
    await cloud.settle()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(ear.hear)
    members = f"/v2/images/{image_id}/members"
    (await demo.post("image", members, json={"member": alt.project_id})).ok(200)
    (await alt.put("image", f"{members}/{alt.project_id}", json={"status": "accepted"})).ok(200)
    (await demo.delete("image", f"{members}/{alt.project_id}")).ok(204)
    await cloud.settle()
    await watch.cancel()
    assert ear.types == ["image.member.create", "image.member.update", "image.member.delete"]
    assert [event["payload"]["status"] for event in ear.heard] == ["pending", "accepted", "accepted"]
    assert [event["payload"]["deleted"] for event in ear.heard] == [False, False, True]


async def test_the_trace_shows_who_set_which_property(cloud: TestCloud) -> None:
    demo, ear = await cloud.http("demo"), Ear("stackwire")
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(ear.hear)
    image_id = await a_queued_image(demo, a="1", b="2")
    change = [{"op": "replace", "path": "/a", "value": "3"}, {"op": "remove", "path": "/b"}]
    (await demo.patch("image", f"/v2/images/{image_id}", json=change, headers=PATCH)).ok(200)
    await cloud.settle()
    await watch.cancel()
    told = [event["payload"] for event in ear.heard if event.get("event_type") == "properties.crossed"]
    assert [(item["rule"], item["from_kind"], item["to_id"], item["after"]) for item in told] == [
        ("image.create", "client", image_id, {"a": "1", "b": "2"}),
        ("image.update", "client", image_id, {"a": "3"}),
    ]
