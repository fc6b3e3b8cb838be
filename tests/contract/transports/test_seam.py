"""Bytes in, bytes out: what both transports promise to everything above them."""

import asyncio

import pytest

from contract.transports.conftest import Join
from stackwire.messaging.errors import BusUnavailable, Undeliverable
from stackwire.messaging.transport import (
    STANDARD,
    Address,
    Binding,
    Delivery,
    Properties,
    Transport,
    fanout_queue,
    notification_queue,
    reply_queue,
    to_fanout,
    to_notification,
    to_reply,
    to_topic,
    topic_queue,
)
from support.faults import with_faults
from support.polling import pass_time, until


class Inbox:
    """Takes and acknowledges; waits for a number of messages."""

    def __init__(self) -> None:
        self.got: list[Delivery] = []

    async def __call__(self, delivery: Delivery) -> None:
        await delivery.ack()
        self.got.append(delivery)

    @property
    def bodies(self) -> list[bytes]:
        return [delivery.body for delivery in self.got]

    async def holds(self, number: int) -> None:
        await until(lambda: len(self.got) >= number)


async def test_a_topic_message_reaches_the_queue_of_its_key_only(bus: Transport, topic: str) -> None:
    any_worker, one_host = Inbox(), Inbox()
    await bus.consume(topic_queue("x" + topic, topic), any_worker)
    await bus.consume(topic_queue("x" + topic, topic, "host@ceph.1"), one_host)
    await bus.publish(to_topic("x" + topic, topic, "host@ceph.1"), b"host")
    await bus.publish(to_topic("x" + topic, topic), b"any")
    await any_worker.holds(1)
    await one_host.holds(1)
    assert any_worker.bodies == [b"any"]
    assert one_host.bodies == [b"host"]


async def test_body_properties_and_address_arrive_as_they_were_sent(bus: Transport, topic: str) -> None:
    inbox = Inbox()
    await bus.consume(topic_queue("x" + topic, topic), inbox)
    properties = Properties(headers={"compression": "none"}, expiration=30_000)
    await bus.publish(to_topic("x" + topic, topic), b"\x00\xff{}", properties)
    await inbox.holds(1)
    got = inbox.got[0]
    assert (got.body, got.exchange, got.routing_key, got.queue) == (b"\x00\xff{}", "x" + topic, topic, topic)
    assert got.properties == properties
    assert got.redelivered is False


async def test_workers_of_one_topic_share_its_messages(join: Join, topic: str) -> None:
    first, second, sender = await join(), await join(), await join()
    inboxes = Inbox(), Inbox()
    for transport, inbox in zip((first, second), inboxes, strict=True):
        await transport.consume(topic_queue("x" + topic, topic), inbox)
    for number in range(20):
        await sender.publish(to_topic("x" + topic, topic), b"%d" % number)
    await until(lambda: sum(len(inbox.got) for inbox in inboxes) == 20)
    assert sorted(int(body) for inbox in inboxes for body in inbox.bodies) == list(range(20))
    assert all(inbox.got for inbox in inboxes)


async def test_a_fanout_reaches_everyone_once(join: Join, topic: str) -> None:
    inboxes = [Inbox(), Inbox(), Inbox()]
    for inbox in inboxes:
        await (await join()).consume(fanout_queue(topic), inbox)
    await (await join()).publish(to_fanout(topic), b"all")
    for inbox in inboxes:
        await inbox.holds(1)
    assert [inbox.bodies for inbox in inboxes] == [[b"all"]] * 3


async def test_a_fanout_can_be_sent_again_after_all_its_listeners_left(join: Join, topic: str) -> None:
    sender, listener = await join(), await join()
    consumer = await listener.consume(fanout_queue(topic), Inbox())
    await sender.publish(to_fanout(topic), b"1")
    await consumer.close()
    await sender.publish(to_fanout(topic), b"nobody")
    inbox = Inbox()
    await listener.consume(fanout_queue(topic), inbox)
    await sender.publish(to_fanout(topic), b"2")
    await inbox.holds(1)
    assert inbox.bodies == [b"2"]


async def test_a_reply_goes_to_its_queue_by_name(bus: Transport) -> None:
    inbox, binding = Inbox(), reply_queue()
    await bus.consume(binding, inbox)
    await bus.publish(to_reply(binding.queue), b"reply", mandatory=True)
    await inbox.holds(1)
    assert inbox.bodies == [b"reply"]


@pytest.mark.parametrize(
    "address",
    [to_reply("reply_0123456789abcdef0123456789abcdef"), Address("x-nobody", "nobody")],
    ids=["no such queue", "no binding"],
)
async def test_a_mandatory_message_nobody_takes_is_undeliverable(bus: Transport, address: Address) -> None:
    with pytest.raises(Undeliverable):
        await bus.publish(address, b"lost", mandatory=True)


async def test_after_an_undeliverable_message_the_transport_still_works(bus: Transport, topic: str) -> None:
    inbox = Inbox()
    await bus.consume(topic_queue("x" + topic, topic), inbox)
    with pytest.raises(Undeliverable):
        await bus.publish(to_reply("reply_nobody"), b"lost", mandatory=True)
    await bus.publish(to_topic("x" + topic, topic), b"fine", mandatory=True)
    await inbox.holds(1)


async def test_an_unroutable_message_is_dropped_unless_mandatory(bus: Transport, topic: str) -> None:
    await bus.publish(to_topic("x" + topic, topic), b"dropped")
    inbox = Inbox()
    await bus.consume(topic_queue("x" + topic, topic), inbox)
    await bus.publish(to_topic("x" + topic, topic), b"routed")
    await inbox.holds(1)
    assert inbox.bodies == [b"routed"]


async def test_a_declared_queue_keeps_messages_for_a_later_reader(join: Join, topic: str) -> None:
    sender, reader = await join(), await join()
    binding = notification_queue("x" + topic, topic, "INFO")
    assert binding.queue == f"{topic}.info"
    for number in range(3):
        await sender.declare(binding)
        await sender.publish(to_notification("x" + topic, topic, "INFO"), b"%d" % number)
    inbox = Inbox()
    await reader.consume(binding, inbox)
    await inbox.holds(3)
    assert sorted(inbox.bodies) == [b"0", b"1", b"2"]


async def test_one_queue_can_be_bound_to_several_exchanges(bus: Transport, topic: str) -> None:
    inbox = Inbox()
    first, second = (notification_queue(f"{name}{topic}", topic, "info") for name in "ab")
    await bus.consume(first, inbox, also=(second,))
    await bus.publish(Address(first.exchange, first.routing_key), b"a")
    await bus.publish(Address(second.exchange, second.routing_key), b"b")
    await inbox.holds(2)
    assert sorted(inbox.bodies) == [b"a", b"b"]


async def test_patterns_bind_as_amqp_says(bus: Transport, topic: str) -> None:
    inbox = Inbox()
    await bus.consume(Binding("notification", f"all-{topic}", "x" + topic, "a.*.#"), inbox)
    for key in ("a.b", "a.b.c", "a", "b.b"):
        await bus.publish(Address("x" + topic, key), key.encode())
    await inbox.holds(2)
    assert sorted(inbox.bodies) == [b"a.b", b"a.b.c"]


async def test_what_is_requeued_comes_again_and_says_so(bus: Transport, topic: str) -> None:
    seen: list[bool] = []

    async def twice(delivery: Delivery) -> None:
        seen.append(delivery.redelivered)
        if delivery.redelivered:
            await delivery.ack()
        else:
            await delivery.reject(requeue=True)

    await bus.consume(topic_queue("x" + topic, topic), twice)
    await bus.publish(to_topic("x" + topic, topic), b"again")
    await until(lambda: len(seen) == 2)
    assert seen == [False, True]


async def test_a_rejected_message_is_gone_and_a_failing_handler_rejects(
    bus: Transport, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []

    async def bad(delivery: Delivery) -> None:
        seen.append(delivery.body)
        if delivery.body == b"raise":
            raise ZeroDivisionError
        await delivery.reject()

    consumer = await bus.consume(topic_queue("x" + topic, topic), bad)
    for body in (b"reject", b"raise", b"last"):
        await bus.publish(to_topic("x" + topic, topic), body)
    await until(lambda: len(seen) == 3)
    await consumer.close()
    inbox = Inbox()
    await bus.consume(topic_queue("x" + topic, topic), inbox)
    await bus.publish(to_topic("x" + topic, topic), b"fresh")
    await inbox.holds(1)
    assert inbox.bodies == [b"fresh"]
    assert "ZeroDivisionError" in caplog.text


async def test_unsettled_messages_go_back_when_their_consumer_closes(join: Join, topic: str) -> None:
    dying, heir = await join(), await join()
    held: list[Delivery] = []

    async def hold(delivery: Delivery) -> None:
        held.append(delivery)

    consumer = await dying.consume(topic_queue("x" + topic, topic), hold)
    await dying.publish(to_topic("x" + topic, topic), b"work")
    await until(lambda: held)
    await consumer.close()
    inbox = Inbox()
    await heir.consume(topic_queue("x" + topic, topic), inbox)
    await inbox.holds(1)
    assert inbox.got[0].redelivered


async def test_prefetch_bounds_what_a_consumer_holds(bus: Transport, topic: str) -> None:
    held: list[Delivery] = []

    async def hold(delivery: Delivery) -> None:
        held.append(delivery)

    await bus.consume(topic_queue("x" + topic, topic), hold, prefetch=3)
    for _ in range(10):
        await bus.publish(to_topic("x" + topic, topic), b"work")
    await until(lambda: len(held) == 3)
    await held[0].ack()
    await until(lambda: len(held) == 4)
    assert len(held) == 4


async def test_an_expired_message_is_not_delivered(bus: Transport, topic: str) -> None:
    await (await bus.consume(topic_queue("x" + topic, topic), Inbox())).close()
    await bus.publish(to_topic("x" + topic, topic), b"stale", Properties(expiration=1))
    await bus.publish(to_topic("x" + topic, topic), b"fresh")
    await pass_time(0.02)  # the one thing here that is about time passing
    inbox = Inbox()
    await bus.consume(topic_queue("x" + topic, topic), inbox)
    await inbox.holds(1)
    assert inbox.bodies == [b"fresh"]


async def test_a_cancelled_consumer_gets_nothing_more_but_can_settle(bus: Transport, topic: str) -> None:
    held: list[Delivery] = []

    async def hold(delivery: Delivery) -> None:
        held.append(delivery)

    consumer = await bus.consume(topic_queue("x" + topic, topic), hold)
    await bus.publish(to_topic("x" + topic, topic), b"1")
    await until(lambda: held)
    await consumer.cancel()
    await bus.publish(to_topic("x" + topic, topic), b"2")
    await held[0].ack()
    await consumer.close()
    inbox = Inbox()
    await bus.consume(topic_queue("x" + topic, topic), inbox)
    await inbox.holds(1)
    assert inbox.bodies == [b"2"]


async def test_a_large_body_arrives_whole(bus: Transport, topic: str) -> None:
    inbox = Inbox()
    await bus.consume(topic_queue("x" + topic, topic), inbox)
    body = b"0123456789abcdef" * 65_536
    await bus.publish(to_topic("x" + topic, topic), body)
    await inbox.holds(1)
    assert inbox.got[0].body == body


async def test_many_publishers_at_once_are_all_confirmed(bus: Transport, topic: str) -> None:
    inbox = Inbox()
    await bus.consume(topic_queue("x" + topic, topic), inbox)
    await asyncio.gather(*(bus.publish(to_topic("x" + topic, topic), b"%d" % n) for n in range(500)))
    await inbox.holds(500)
    assert sorted(int(body) for body in inbox.bodies) == list(range(500))


async def test_a_closed_transport_refuses_to_publish(bus: Transport, topic: str) -> None:
    await bus.close()
    with pytest.raises(BusUnavailable):
        await bus.publish(to_topic("x", topic), b"")


class TestFaults:
    async def test_a_dropped_message_never_arrives_and_the_rule_counts(self, bus: Transport, topic: str) -> None:
        inbox, (faulty, rules) = Inbox(), with_faults(bus, {"kind": "bus.drop", "count": 1})
        await bus.consume(topic_queue("x" + topic, topic), inbox)
        await faulty.publish(to_topic("x" + topic, topic), b"lost")
        await faulty.publish(to_topic("x" + topic, topic), b"kept")
        await inbox.holds(1)
        assert (inbox.bodies, [fault.hits for fault in rules.faults]) == ([b"kept"], [1])

    async def test_a_duplicated_message_arrives_twice(self, bus: Transport, topic: str) -> None:
        inbox, (faulty, _) = Inbox(), with_faults(bus, {"kind": "bus.duplicate", "count": 1})
        await bus.consume(topic_queue("x" + topic, topic), inbox)
        await faulty.publish(to_topic("x" + topic, topic), b"twice")
        await inbox.holds(2)
        assert inbox.bodies == [b"twice", b"twice"]

    async def test_a_delayed_message_is_overtaken(self, bus: Transport, topic: str) -> None:
        inbox, (faulty, _) = Inbox(), with_faults(bus, {"kind": "bus.delay", "seconds": 0.05, "count": 1})
        await bus.consume(topic_queue("x" + topic, topic), inbox)
        await faulty.publish(to_topic("x" + topic, topic), b"first")
        await faulty.publish(to_topic("x" + topic, topic), b"second")
        await inbox.holds(2)
        assert inbox.bodies == [b"second", b"first"]

    async def test_reordered_messages_arrive_in_swapped_pairs_and_one_alone_later(
        self, bus: Transport, topic: str
    ) -> None:
        inbox, (faulty, _) = Inbox(), with_faults(bus, {"kind": "bus.reorder", "seconds": 0.05})
        await bus.consume(topic_queue("x" + topic, topic), inbox, prefetch=1)
        for body in (b"1", b"2", b"3"):
            await faulty.publish(to_topic("x" + topic, topic), body)
        await inbox.holds(3)
        assert inbox.bodies == [b"2", b"1", b"3"]

    async def test_a_publisher_learns_that_the_bus_stays_away(self, bus: Transport, topic: str) -> None:
        faulty, rules = with_faults(bus, {"kind": "bus.away"}, away_seconds=0.05)
        with pytest.raises(BusUnavailable):
            await faulty.publish(to_topic("x" + topic, topic), b"1", STANDARD)
        rules.clear()
        await faulty.publish(to_topic("x" + topic, topic), b"2", STANDARD)
        assert len(faulty.outages) == 1

    async def test_what_was_sent_while_the_bus_was_away_arrives_when_it_is_back(
        self, bus: Transport, topic: str
    ) -> None:
        inbox, (faulty, rules) = Inbox(), with_faults(bus, {"kind": "bus.away"})
        await faulty.consume(topic_queue("x" + topic, topic), inbox)
        sending = asyncio.create_task(faulty.publish(to_topic("x" + topic, topic), b"1"))
        await bus.publish(to_topic("x" + topic, topic), b"2")
        await until(lambda: rules.faults[0].hits == 1)
        assert inbox.bodies == []
        rules.clear()
        await sending
        await inbox.holds(2)
