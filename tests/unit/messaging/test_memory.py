"""The in-process bus where it differs from a broker: its bounds, its log and its rest."""

import asyncio

import pytest

from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker, MemoryTransport
from stackwire.messaging.memory_queue import topic_matches
from stackwire.messaging.transport import (
    Delivery,
    WireRecord,
    notification_queue,
    to_notification,
    to_topic,
    topic_queue,
)
from support.faults import with_faults
from support.polling import pass_time


async def ignore(delivery: Delivery) -> None:
    await delivery.ack()


async def test_a_queue_nobody_reads_keeps_the_newest_and_counts_the_rest() -> None:
    broker = MemoryBroker(unread_limit=3)
    bus = MemoryTransport(broker)
    await bus.declare(notification_queue("x", "n", "info"))
    for number in range(10):
        await bus.publish(to_notification("x", "n", "info"), b"%d" % number)
    assert broker.depth("n.info") == 3
    assert broker.dropped["n.info"] == 7
    got: list[bytes] = []

    async def take(delivery: Delivery) -> None:
        got.append(delivery.body)
        await delivery.ack()

    await bus.consume(notification_queue("x", "n", "info"), take)
    await broker.settle()
    assert got == [b"7", b"8", b"9"]


async def test_requests_to_a_service_that_is_away_are_all_kept() -> None:
    broker, got = MemoryBroker(unread_limit=3), list[bytes]()
    bus = MemoryTransport(broker)
    await bus.declare(topic_queue("x", "t"))
    for number in range(10):
        await bus.publish(to_topic("x", "t"), b"%d" % number)

    async def take(delivery: Delivery) -> None:
        got.append(delivery.body)
        await delivery.ack()

    await bus.consume(topic_queue("x", "t"), take)
    await broker.settle()
    assert got == [b"%d" % number for number in range(10)]
    assert not broker.dropped


async def test_nothing_is_delivered_inline() -> None:
    bus, got = MemoryTransport(MemoryBroker()), list[bytes]()

    async def take(delivery: Delivery) -> None:
        got.append(delivery.body)
        await delivery.ack()

    await bus.consume(topic_queue("x", "t"), take)
    await bus.publish(to_topic("x", "t"), b"1")
    assert got == []
    await bus.settle()
    assert got == [b"1"]


async def test_settle_waits_for_handlers_for_what_they_send_and_for_delayed_messages() -> None:
    broker = MemoryBroker()
    bus, done = MemoryTransport(broker), list[str]()
    faulty, _ = with_faults(bus, {"kind": "bus.delay", "seconds": 0.02})

    async def first(delivery: Delivery) -> None:
        await pass_time(0.01)
        await faulty.publish(to_topic("x", "b"), b"")
        await delivery.ack()

    async def second(delivery: Delivery) -> None:
        await pass_time(0.01)
        done.append("b")
        await delivery.ack()

    await bus.consume(topic_queue("x", "a"), first)
    await bus.consume(topic_queue("x", "b"), second)
    await bus.publish(to_topic("x", "a"), b"")
    await broker.settle()
    assert done == ["b"]


async def test_settle_says_what_is_not_at_rest() -> None:
    bus = MemoryTransport(MemoryBroker())

    async def never(delivery: Delivery) -> None:
        await asyncio.Event().wait()

    await bus.consume(topic_queue("x", "t"), never, prefetch=1)
    for _ in range(2):
        await bus.publish(to_topic("x", "t"), b"")
    with pytest.raises(TimeoutError, match=r"1 handlers, waiting \{'t': 1\}"):
        await bus.settle(0.05)
    await bus.close()


async def test_queues_without_a_reader_do_not_keep_the_bus_from_settling() -> None:
    broker = MemoryBroker()
    bus = MemoryTransport(broker)
    await bus.declare(topic_queue("x", "t"))
    await bus.publish(to_topic("x", "t"), b"")
    await bus.settle(1)
    assert broker.depth("t") == 1


async def test_a_watcher_sees_publishes_deliveries_and_losses_in_order() -> None:
    bus, seen = MemoryTransport(MemoryBroker()), list[WireRecord]()
    watch = await bus.watch(seen.append)
    await bus.consume(topic_queue("x", "t"), ignore)
    await bus.publish(to_topic("x", "t"), b"1")
    await bus.publish(to_topic("x", "nobody"), b"2")
    await bus.settle()
    await watch.close()
    await bus.publish(to_topic("x", "t"), b"3")
    assert [(record.kind, record.routing_key, record.queues, record.body) for record in seen] == [
        ("publish", "t", ("t",), b"1"),
        ("drop", "nobody", (), b"2"),
        ("deliver", "t", ("t",), b"1"),
    ]


async def test_a_watcher_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    bus = MemoryTransport(MemoryBroker())

    def fail(record: WireRecord) -> None:
        raise ZeroDivisionError

    await bus.watch(fail)
    await bus.publish(to_topic("x", "t"), b"")
    assert "an observer of the bus failed" in caplog.text


async def test_rejected_messages_are_kept_as_dead_letters_also_after_too_many_deliveries() -> None:
    broker = MemoryBroker(delivery_limit=4)
    bus, tries = MemoryTransport(broker), list[bool]()

    async def again(delivery: Delivery) -> None:
        tries.append(delivery.redelivered)
        await delivery.reject(requeue=True)

    await bus.consume(topic_queue("x", "t"), again)
    await bus.publish(to_topic("x", "t"), b"bad")
    await broker.settle()
    assert tries == [False, True, True, True]
    assert [letter.body for letter in broker.dead] == [b"bad"]


async def test_one_process_is_what_the_memory_bus_is_for() -> None:
    with pytest.raises(ValueError, match="RabbitMQ"):
        await connect("memory", name="alone")


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a", False),
        ("#", "", True),
        ("#", "a.b.c", True),
        ("a.#", "a", True),
        ("a.#", "a.b.c", True),
        ("a.*", "a", False),
        ("a.*", "a.b", True),
        ("*.c", "a.b.c", False),
        ("#.c", "a.b.c", True),
        ("a.#.c.*", "a.b.b.c.d", True),
        ("ab*", "abc", False),
    ],
)
def test_topic_patterns(pattern: str, key: str, matches: bool) -> None:
    assert topic_matches(pattern, key) is matches
