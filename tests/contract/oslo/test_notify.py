"""The real listener hears our notifications, and our listener hears the real notifier."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from contract.oslo.conftest import Peer
from stackwire.contracts.base import Event
from stackwire.messaging.connect import connect
from stackwire.messaging.notify import Listener, Notification, Notifier
from stackwire.messaging.transport import Transport
from support.polling import until
from support.rabbitmq import TestRabbit

pytestmark = pytest.mark.rabbitmq
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.mark.parametrize("pooled", [False, True], ids=["default queue", "pool"])
async def test_the_real_listener_hears_us(
    rabbitmq: TestRabbit, bus: Transport, names: dict[str, str], pooled: bool
) -> None:
    topic = f"n{uuid4().hex[:8]}"
    pool = [f"pool-{topic}"] if pooled else []
    event = Event(
        exchange=names["exchange"], event_type="box.create.end", publisher_id="box.host-a", payload={"é": [1, None]},
        topic=topic,
    )  # fmt: skip
    if not pooled:  # it waits in its queue for the first listener
        await Notifier(bus).send(event, {"user_id": "u-1", "auth_token": "sesame"}, "m-0", WHEN)
    peer = await Peer.start(rabbitmq.oslo_url, names["exchange"], "listen", topic, *pool)
    if pooled:
        await Notifier(bus).send(event, {"user_id": "u-1", "auth_token": "sesame"}, "m-0", WHEN)
    said = await peer.says()
    await peer.stop()
    said["context"].pop("client_timeout", None)
    assert said == {
        "priority": "INFO",
        "publisher_id": "box.host-a",
        "event_type": "box.create.end",
        "payload": {"é": [1, None]},
        "context": {"user_id": "u-1"},
        "message_id": "m-0",
        "timestamp": "2026-01-02 03:04:05.678901",
    }


async def test_the_real_listener_and_we_declare_the_same_quorum_queues(
    rabbitmq: TestRabbit, names: dict[str, str]
) -> None:
    """One that declares a queue with other arguments than it has is refused (406 PRECONDITION_FAILED)."""
    topic, option = f"q{uuid4().hex[:8]}", "?rabbit_quorum_queue=true"
    bus = await connect(f"{rabbitmq.url}{option}", name="test")
    event = Event(exchange=f"q{topic}", event_type="box.made", publisher_id="box.host-a", payload={}, topic=topic)
    await Notifier(bus).send(event, {}, "m-0", WHEN)
    peer = await Peer.start(f"{rabbitmq.oslo_url}{option}", f"q{topic}", "listen", topic)
    assert (await peer.says())["event_type"] == "box.made"
    await peer.stop()
    await bus.close()


@pytest.mark.parametrize("driver", ["messagingv2", "messaging"])
async def test_we_hear_the_real_notifier(
    rabbitmq: TestRabbit, bus: Transport, names: dict[str, str], driver: str
) -> None:
    topic, heard = f"n{uuid4().hex[:8]}", list[Notification]()

    async def hear(notification: Notification) -> None:
        heard.append(notification)

    peer = await Peer.start(rabbitmq.oslo_url, names["exchange"], "notify", topic)
    context = {"user_id": "u-1", "auth_token": "sesame"}
    # The first waits in the queue the notifier declared; the second finds us listening.
    await peer.does(priority="info", event_type="box.1", payload={"a": "é"}, driver=driver, context=context)
    listener = Listener(bus, names["exchange"], topic, ["info", "error"], hear)
    await listener.start()
    await peer.does(priority="error", event_type="box.2", payload="text", driver=driver)
    await until(lambda: len(heard) == 2)
    await peer.stop()
    await listener.stop()
    heard.sort(key=lambda notification: notification.event_type)
    assert [(got.priority, got.event_type, got.payload, got.publisher_id) for got in heard] == [
        ("INFO", "box.1", {"a": "é"}, "box.host-a"),
        ("ERROR", "box.2", "text", "box.host-a"),
    ]
    assert [dict(got.context) for got in heard] == [{"user_id": "u-1"}, {}]
