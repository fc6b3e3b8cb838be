"""An unmodified oslo.messaging client calls our running services: results, typed failures, and what is not there."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from contract.oslo.conftest import Peer
from support.cloud import ACloud
from support.processes import own_vhost
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(120)]
NOWHERE = "00000000-0000-4000-8000-000000000000"
FAILURES: list[tuple[str, str, dict[str, str], str]] = [
    ("image", "get_image", {"image_id": NOWHERE}, "ImageNotFound"),
    ("volume", "get_volume", {"volume_id": NOWHERE}, "VolumeNotFound"),
    ("volume", "get_snapshot", {"snapshot_id": NOWHERE}, "SnapshotNotFound"),
    ("image", "get_nothing", {}, "NoSuchMethod"),
    ("image", "get_image", {"picture": NOWHERE}, "TypeError"),
]


@pytest.fixture
def broker(rabbitmq: TestRabbit) -> Iterator[TestRabbit]:
    with own_vhost(rabbitmq) as url:
        yield replace(rabbitmq, url=url, vhost=url.rpartition("/")[2])


async def test_a_stock_client_gets_results_and_typed_failures_and_no_more_than_is_its_own(
    broker: TestRabbit, a_cloud: ACloud
):
    cloud = await a_cloud(amqp_url=broker.url, services=("identity", "image", "volume"))
    demo = await cloud.http("demo")
    wish = {"name": "disk", "visibility": "private", "team": "storage", "note": "Größe ⛁"}
    image = (await demo.post("image", "/v2/images", json=wish)).ok(201).json
    mine = {"project_id": demo.project_id, "user_id": "u", "roles": ["member", "reader"]}
    caller = await Peer.start(broker.oslo_url, "stackwire", "call")
    try:
        order = {"topic": "image", "method": "get_image", "args": {"image_id": image["id"]}}
        said = await caller.does(**order, context=mine)
        assert said["result"]["properties"] == {"team": "storage", "note": "Größe ⛁"}
        said = await caller.does(**order, context={**mine, "project_id": "somebody-else"})
        assert said["failed"] == "ImageNotFound", "the bus is no back door"
        told = [
            (await caller.does(topic=topic, method=method, args=args, context=mine))["failed"]
            for topic, method, args, _ in FAILURES
        ]
        assert told == [failure for *_, failure in FAILURES]
    finally:
        await caller.stop()
