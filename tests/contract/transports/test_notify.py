"""Notifications and their readers, on both transports."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from contract.transports.conftest import Join
from stackwire.contracts.base import Event
from stackwire.messaging.notify import REQUEUE, Listener, Notification, Notifier
from stackwire.messaging.transport import Transport, to_notification
from support.polling import until

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def event(topic: str, **changes: Any) -> Event:
    facts: dict[str, Any] = {
        "exchange": "x" + topic, "topic": topic, "event_type": "box.create.end", "publisher_id": "box.host-a",
        "payload": {"box_id": "b-1", "size": 1},
    }  # fmt: skip
    return Event(**(facts | changes))


class Reader:
    def __init__(self) -> None:
        self.got: list[Notification] = []

    async def __call__(self, notification: Notification) -> None:
        self.got.append(notification)


async def test_an_event_arrives_in_all_its_parts(bus: Transport, topic: str) -> None:
    reader = Reader()
    await Listener(bus, "x" + topic, topic, ["info"], reader).start()
    context = {"request_id": "req-1", "auth_token": "sesame", "service_catalog": []}
    await Notifier(bus).send(event(topic), context, "0f4c5c1e-9d6b-4f0e-8a51-6f0a3bd8d7aa", WHEN)
    await until(lambda: reader.got)
    got = reader.got[0]
    assert got == Notification(
        exchange="x" + topic,
        message_id="0f4c5c1e-9d6b-4f0e-8a51-6f0a3bd8d7aa",
        publisher_id="box.host-a",
        event_type="box.create.end",
        priority="INFO",
        payload={"box_id": "b-1", "size": 1},
        timestamp="2026-01-02 03:04:05.678901",
        unique_id="0f4c5c1e9d6b4f0e8a516f0a3bd8d7aa",
        context={"request_id": "req-1"},
    )


async def test_an_event_may_have_no_context(bus: Transport, topic: str) -> None:
    reader = Reader()
    await Listener(bus, "x" + topic, topic, ["error"], reader).start()
    await Notifier(bus).send(event(topic, context=False, priority="ERROR"), {"request_id": "req-1"}, "m", WHEN)
    await until(lambda: reader.got)
    assert (dict(reader.got[0].context), reader.got[0].priority) == ({}, "ERROR")


async def test_events_wait_for_their_first_reader(join: Join, topic: str) -> None:
    notifier = Notifier(await join())
    for number in range(5):
        await notifier.send(event(topic), {}, str(number), WHEN)
    reader = Reader()
    await Listener(await join(), "x" + topic, topic, ["info"], reader).start()
    await until(lambda: len(reader.got) == 5)


async def test_events_that_are_not_kept_reach_those_who_listen_now(join: Join, topic: str) -> None:
    notifier = Notifier(await join())
    await notifier.send(event(topic, durable=False), {}, "1", WHEN)
    reader = Reader()
    await Listener(await join(), "x" + topic, topic, ["info"], reader, pool=f"p{topic}").start()
    await notifier.send(event(topic, durable=False), {}, "2", WHEN)
    await until(lambda: reader.got)
    assert [got.message_id for got in reader.got] == ["2"]


async def test_pools_have_copies_and_the_default_queue_is_shared(join: Join, topic: str) -> None:
    readers = [Reader() for _ in range(4)]
    pools = [None, None, f"a{topic}", f"b{topic}"]
    for reader, pool in zip(readers, pools, strict=True):
        await Listener(await join(), "x" + topic, topic, ["info"], reader, pool).start()
    notifier = Notifier(await join())
    for number in range(10):
        await notifier.send(event(topic), {}, str(number), WHEN)
    await until(lambda: len(readers[0].got) + len(readers[1].got) == 10)
    await until(lambda: len(readers[2].got) == len(readers[3].got) == 10)


async def test_one_listener_reads_several_exchanges_and_priorities(bus: Transport, topic: str) -> None:
    reader = Reader()
    await Listener(bus, [f"a{topic}", f"b{topic}"], topic, ["info", "warn"], reader).start()
    notifier = Notifier(bus)
    for exchange in "ab":
        for priority in ("INFO", "WARN"):
            changed = event(topic, exchange=f"{exchange}{topic}", priority=priority)
            await notifier.send(changed, {}, exchange + priority, WHEN)
    await until(lambda: len(reader.got) == 4)
    assert sorted((got.exchange[0], got.priority) for got in reader.got) == [
        ("a", "INFO"), ("a", "WARN"), ("b", "INFO"), ("b", "WARN"),
    ]  # fmt: skip


async def test_a_handler_can_ask_for_the_message_again(bus: Transport, topic: str) -> None:
    wishes: list[str | None] = [REQUEUE, None]
    seen: list[str] = []

    async def undecided(notification: Notification) -> Any:
        seen.append(notification.message_id)
        return wishes.pop(0)

    await Listener(bus, "x" + topic, topic, ["info"], undecided).start()
    await Notifier(bus).send(event(topic), {}, "m", WHEN)
    await until(lambda: len(seen) == 2)


async def test_a_failing_handler_is_tried_again_and_then_given_up(
    bus: Transport, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[str] = []

    async def failing(notification: Notification) -> None:
        tried.append(notification.message_id)
        if notification.message_id == "bad":
            raise ZeroDivisionError

    listener = Listener(bus, "x" + topic, topic, ["info"], failing, retry_after=0.0, attempts=3)
    await listener.start()
    notifier = Notifier(bus)
    await notifier.send(event(topic), {}, "bad", WHEN)
    await until(lambda: tried.count("bad") == 3)
    await notifier.send(event(topic), {}, "good", WHEN)
    await until(lambda: "good" in tried and not listener.busy)
    assert tried.count("bad") == 3


async def test_the_same_message_sent_again_is_handled_once(bus: Transport, topic: str) -> None:
    reader = Reader()
    await Listener(bus, "x" + topic, topic, ["info"], reader).start()
    for message_id in ("same", "same", "other"):
        await Notifier(bus).send(event(topic), {}, message_id, WHEN)
        await until(lambda: reader.got)
    await until(lambda: len(reader.got) == 2)
    assert [got.message_id for got in reader.got] == ["same", "other"]


async def test_a_poisonous_notification_is_rejected_and_the_listener_lives(
    bus: Transport, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Reader()
    await Listener(bus, "x" + topic, topic, ["info"], reader).start()
    for body in (b"", b"[]", b"{}", b'{"event_type": 1}'):
        await bus.publish(to_notification("x" + topic, topic, "info"), body)
    await Notifier(bus).send(event(topic), {}, "good", WHEN)
    await until(lambda: reader.got)
    await until(lambda: caplog.text.count("cannot be read") == 4)


async def test_what_a_stopping_listener_had_not_handled_is_read_by_the_next(join: Join, topic: str) -> None:
    stuck = asyncio.Event()

    async def never(notification: Notification) -> None:
        stuck.set()
        await asyncio.Event().wait()

    listener = Listener(await join(), "x" + topic, topic, ["info"], never)
    await listener.start()
    await Notifier(await join()).send(event(topic), {}, "m", WHEN)
    await stuck.wait()
    await listener.stop()
    reader = Reader()
    await Listener(await join(), "x" + topic, topic, ["info"], reader).start()
    await until(lambda: reader.got)
