"""What only a broker can do: go away, come back, refuse, dead-letter, and tell what passes through it."""

import asyncio
import gc
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import aio_pika
import pytest

from contract.transports.test_rpc import CTX, GetBox, Paint, Served, at
from stackwire.messaging.connect import connect
from stackwire.messaging.errors import BusUnavailable, Undeliverable
from stackwire.messaging.rabbit import RabbitTransport
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import (
    Delivery,
    WireRecord,
    fanout_queue,
    notification_queue,
    to_fanout,
    to_reply,
    to_topic,
    topic_queue,
)
from support.polling import pass_time, turns_of_the_loop, until
from support.postgres import skip_or_fail
from support.rabbitmq import TestRabbit, start_broker

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def topic() -> str:
    return f"t{uuid4().hex[:10]}"


@pytest.fixture
def control(rabbitmq: TestRabbit) -> Callable[..., Any]:
    """rabbitmqctl in a thread."""
    if rabbitmq.control is None:
        skip_or_fail("needs rabbitmqctl")

    async def run(*arguments: str) -> str:
        assert rabbitmq.control is not None
        return await asyncio.to_thread(rabbitmq.control, *arguments)

    return run


@pytest.fixture
async def joined(rabbitmq: TestRabbit) -> AsyncIterator[Callable[..., Any]]:
    transports: list[RabbitTransport] = []

    async def join(query: str = "", url: str | None = None, **options: Any) -> RabbitTransport:
        transports.append(await RabbitTransport.open((url or rabbitmq.url) + query, name="test", **options))
        return transports[-1]

    yield join
    for transport in transports:
        await transport.close()


async def queues(control: Any, vhost: str) -> dict[str, dict[str, Any]]:
    listed = json.loads(
        await control(
            "list_queues", "-p", vhost, "--formatter", "json", "name", "durable", "arguments", "type", "messages"
        )
    )
    return {queue["name"]: queue for queue in listed}


async def test_names_and_arguments_are_those_of_the_originals(
    rabbitmq: TestRabbit, joined: Any, control: Any, topic: str
) -> None:
    served = Served(await joined(), topic)
    await served.server.start()
    rpc = RpcClient(await joined())
    await rpc.call(CTX, at(GetBox(id="b"), topic))
    known = await queues(control, rabbitmq.vhost)
    mine = {name: queue for name, queue in known.items() if name.startswith(topic)}
    fanout = next(name for name in mine if "_fanout_" in name)
    assert set(mine) == {topic, f"{topic}.host-a", fanout}
    assert rpc._consumer is not None
    replies = known[rpc._consumer.queue]
    for queue in (mine[fanout], replies):
        assert dict((*tuple(item[:1]), item[-1]) for item in queue["arguments"]) == {"x-expires": 1_800_000}
    assert not any(queue["durable"] for queue in (*mine.values(), replies))
    await served.server.stop()
    left = await queues(control, rabbitmq.vhost)
    assert {name for name in left if name.startswith(topic)} == {topic, f"{topic}.host-a"}


async def test_after_a_lost_connection_everything_is_as_it_was_with_the_same_names(
    rabbitmq: TestRabbit, joined: Any, control: Any, topic: str
) -> None:
    serving, asking = await joined(), await joined()
    served = Served(serving, topic)
    await served.server.start()
    rpc = RpcClient(asking)
    assert (await rpc.call(CTX, at(GetBox(id="before"), topic))).id == "before"
    names = {consumer.queue for consumer in served.server._consumers.consumers} | {rpc._consumer.queue}  # type: ignore[union-attr]  # it has called
    closed = asyncio.create_task(control("close_all_connections", "--vhost", rabbitmq.vhost, "test"))
    # Calls go on meanwhile: none may be lost, though some take longer.
    for number in range(50):
        assert (await rpc.call(CTX, at(GetBox(id=str(number)), topic), timeout=30)).id == str(number)
        await pass_time(0.05)
    await closed
    assert (await rpc.call(CTX, at(GetBox(id="after"), topic), timeout=30)).id == "after"
    assert {consumer.queue for consumer in served.server._consumers.consumers} | {rpc._consumer.queue} == names  # type: ignore[union-attr]  # it has called


async def test_a_connection_that_was_lost_is_closed_before_another_takes_its_place(
    rabbitmq: TestRabbit, joined: Any, control: Any, topic: str
) -> None:
    """Or it would be closed when it is collected, perhaps when its loop does not run any more."""
    transport = await joined()
    lost = [transport._publisher.connection, transport._consuming]
    await control("close_all_connections", "--vhost", rabbitmq.vhost, "test")
    await until(lambda: all(connection.is_closed for connection in lost))
    await transport.publish(to_topic("x", topic), b"")
    assert not any(connection.is_closed for connection in (transport._publisher.connection, transport._consuming))


async def test_a_connection_that_never_came_to_be_is_closed_too() -> None:
    gc.collect()
    with pytest.raises(BusUnavailable):
        await connect("amqp://me:hush@127.0.0.1:1/", name="never", timeout_seconds=0)
    made = [one for one in gc.get_objects() if isinstance(one, aio_pika.Connection) and one.url.port == 1]
    assert not [one for one in made if not one.is_closed]


async def test_a_cast_at_work_when_the_connection_drops_is_done_once(
    rabbitmq: TestRabbit, joined: Any, control: Any, topic: str
) -> None:
    served = Served(await joined(), topic)
    await served.server.start()
    rpc = RpcClient(await joined())
    served.gate.clear()
    await rpc.cast(CTX, at(Paint(colour="red"), topic))
    await until(lambda: served.seen)
    await control("close_all_connections", "--vhost", rabbitmq.vhost, "test")
    await until(lambda: served.server.busy == 2)  # the copy waits for the first to end
    served.gate.set()
    await until(lambda: served.server.busy == 0)
    assert len(served.seen) == 1
    await rpc.call(CTX, at(GetBox(id="b"), topic))


async def test_a_queue_deleted_under_its_consumer_is_made_again(
    rabbitmq: TestRabbit, joined: Any, control: Any, topic: str
) -> None:
    served = Served(await joined(), topic)
    await served.server.start()
    await control("delete_queue", "-p", rabbitmq.vhost, topic)
    rpc = RpcClient(await joined())

    async def answered() -> bool:
        try:
            return (await rpc.call(CTX, at(GetBox(id="b"), topic), timeout=5)).id == "b"
        except Undeliverable:
            return False

    assert await until(answered)


async def test_publishing_waits_for_a_broker_that_is_away_and_then_gives_up(joined: Any, topic: str) -> None:
    transport = await joined("?publish_timeout=1")
    transport.opener._url = "amqp://guest:guest@127.0.0.1:1/"
    await transport._publisher.connection.close()
    await transport._consuming.close()
    with pytest.raises(BusUnavailable) as caught:
        await transport.publish(to_topic("x", topic), b"")
    assert "guest" not in str(caught.value)


@pytest.mark.parametrize("url", ["amqp://me:hush@127.0.0.1:1/", "amqps://me:hush@127.0.0.1:1/stack"])
async def test_a_dead_broker_at_start_is_one_clear_error_without_the_password(url: str) -> None:
    with pytest.raises(BusUnavailable) as caught:
        await connect(url, name="test", timeout_seconds=0)
    assert "hush" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


async def test_a_refused_login_is_reported_at_once(rabbitmq: TestRabbit) -> None:
    wrong = re.sub(r"//([^:/@]+):[^@]*@", r"//\1:wrong@", rabbitmq.url)
    async with asyncio.timeout(20):
        with pytest.raises(BusUnavailable) as caught:
            await connect(wrong, name="test", timeout_seconds=60)
    assert "wrong" not in str(caught.value)


async def test_a_queue_that_exists_with_other_properties_is_a_clear_error(joined: Any, topic: str) -> None:
    classic, quorum = await joined(), await joined("?rabbit_quorum_queue=true")
    await classic.declare(topic_queue("x" + topic, topic))
    with pytest.raises(BusUnavailable, match="other properties"):
        await quorum.consume(topic_queue("y" + topic, topic), None)
    inbox: list[Delivery] = []

    async def take(delivery: Delivery) -> None:
        inbox.append(delivery)

    await quorum.consume(topic_queue("y" + topic, topic + "2"), take)
    await quorum.publish(to_topic("y" + topic, topic + "2"), b"1")
    await until(lambda: inbox)


async def test_sending_through_an_exchange_of_another_durability_works(joined: Any, topic: str) -> None:
    transient, durable = await joined(), await joined("?amqp_durable_queues=true")
    inbox: list[Delivery] = []

    async def take(delivery: Delivery) -> None:
        inbox.append(delivery)

    await transient.consume(topic_queue("x" + topic, topic), take)
    await durable.publish(to_topic("x" + topic, topic), b"1", mandatory=True)
    await until(lambda: inbox)
    with pytest.raises(BusUnavailable, match="other properties"):
        await durable.declare(topic_queue("x" + topic, topic))


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8])
async def test_a_question_whose_answer_nobody_waits_for_leaves_the_next_ones_answered(
    joined: Any, topic: str, turns: int
) -> None:
    """The library closes a channel for that, and refuses what is asked there until the broker has said that it is."""
    bus = await joined()
    await bus.declare(topic_queue("x" + topic, topic))
    questions: list[Callable[[], Any]] = [
        lambda: bus._publisher.purge(()),
        lambda: bus.depth(topic),
        lambda: bus.declare(topic_queue("x" + topic, f"{topic}{uuid4().hex}")),
        lambda: bus.publish(to_topic(uuid4().hex, topic), b""),
    ]
    for given_up in questions:
        for question in questions:
            asked = asyncio.create_task(given_up())
            await turns_of_the_loop(turns)
            asked.cancel()
            await asyncio.wait([asked])
            await question()


async def test_quorum_queues_dead_letter_poison_at_once_and_what_fails_too_often(
    rabbitmq: TestRabbit, joined: Any, control: Any, topic: str
) -> None:
    dead = f"dead{topic}"
    bus = await joined(f"?rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=3&dead_letter={dead}")
    tried: list[bytes] = []

    async def bad(delivery: Delivery) -> None:
        tried.append(delivery.body)
        await delivery.reject(requeue=delivery.body == b"again")

    await bus.consume(topic_queue("x" + topic, topic), bad)
    await bus.publish(to_topic("x" + topic, topic), b"poison")
    await bus.publish(to_topic("x" + topic, topic), b"again")
    await until(lambda: len(tried) == 5)
    assert sorted(tried) == [b"again"] * 4 + [b"poison"]
    letters: list[bytes] = []

    async def read(delivery: Delivery) -> None:
        await delivery.ack()
        letters.append(delivery.body)

    _, channel = await bus.opener.channel(bus._publisher.connection, confirms=False)
    await channel.basic_consume(dead, lambda message: letters.append(message.body), no_ack=True)
    await until(lambda: len(letters) == 2)
    assert sorted(letters) == [b"again", b"poison"]


async def test_durable_queues_survive_in_name_and_kind(
    rabbitmq: TestRabbit, joined: Any, control: Any, topic: str
) -> None:
    bus = await joined("?amqp_durable_queues=true")
    await bus.declare(notification_queue("x" + topic, topic, "info"))
    assert (await queues(control, rabbitmq.vhost))[f"{topic}.info"]["durable"]


async def test_a_clean_close_deletes_the_fanout_queue(
    rabbitmq: TestRabbit, joined: Any, control: Any, topic: str
) -> None:
    bus = await joined()
    binding = fanout_queue(topic)
    await bus.consume(binding, None)
    assert binding.queue in await queues(control, rabbitmq.vhost)
    await bus.close()
    assert binding.queue not in await queues(control, rabbitmq.vhost)


async def test_a_watcher_sees_everything_that_passes(rabbitmq: TestRabbit, joined: Any, topic: str) -> None:
    await asyncio.to_thread(rabbitmq.tracing)
    seen: list[WireRecord] = []
    watcher = await joined()
    await watcher.watch(seen.append)
    served = Served(await joined(), topic)
    await served.server.start()
    rpc = RpcClient(await joined())
    await rpc.call(CTX, at(GetBox(id="b"), topic))
    await (await joined()).publish(to_fanout(f"nobody{topic}"), b"lost")
    assert rpc._consumer is not None
    mine = {topic, rpc._consumer.queue}
    await until(lambda: sum(record.routing_key in mine for record in seen) == 4)
    passed = [(r.kind, r.exchange, r.routing_key, r.queues) for r in seen if r.routing_key in mine]
    reply = rpc._consumer.queue
    assert set(passed) == {
        ("publish", "x" + topic, topic, (topic,)),
        ("deliver", "x" + topic, topic, (topic,)),
        ("publish", "", reply, (reply,)),
        ("deliver", "", reply, (reply,)),
    }
    request = next(record for record in seen if record.routing_key == topic)
    assert request.properties.expiration == 60_000
    assert request.properties.content_type == "application/json"
    await until(lambda: any(record.kind == "drop" and record.exchange == f"nobody{topic}_fanout" for record in seen))


async def _blocked_publishers_are_noticed(transport: RabbitTransport, control: Any) -> None:
    """On this broker, because an alarm is everybody's."""
    assert await transport.problem() == ""
    await asyncio.to_thread(control, "set_vm_memory_high_watermark", "0.0000001")
    held = asyncio.create_task(transport.publish(to_topic("x", "nobody"), b"{}"))

    async def is_blocked() -> bool:
        return "block publishers" in await transport.problem()

    await until(is_blocked, 30)
    await asyncio.to_thread(control, "set_vm_memory_high_watermark", "0.6")
    await held

    async def is_well() -> bool:
        return await transport.problem() == ""

    await until(is_well, 30)


@pytest.mark.slow
async def test_a_broker_that_restarts_finds_everybody_again(joined: Any, topic: str) -> None:
    """Durable queues keep what was sent; calls wait for the broker."""
    try:
        broker, stop = await asyncio.to_thread(start_broker)
    except Exception as error:
        skip_or_fail(f"no rabbitmq-server to start: {error}")
    try:
        assert broker.control is not None
        url = broker.url + "?amqp_durable_queues=true&publish_timeout=60"
        served = Served(await joined(url=url, timeout_seconds=60), topic)
        await served.server.start()
        rpc = RpcClient(await joined(url=url))
        await rpc.call(CTX, at(GetBox(id="1"), topic))
        await asyncio.to_thread(broker.control, "stop_app")
        waiting = asyncio.create_task(rpc.call(CTX, at(GetBox(id="2"), topic), timeout=60))
        await asyncio.to_thread(broker.control, "start_app")
        assert (await waiting).id == "2"
        with pytest.raises(Undeliverable):
            await rpc._transport.publish(to_reply("reply_nobody"), b"", mandatory=True)
        await _blocked_publishers_are_noticed(cast(RabbitTransport, served.server._transport), broker.control)
        for transport in (served.server._transport, rpc._transport):
            await transport.close()
    finally:
        await asyncio.to_thread(stop)


async def test_a_cast_whose_worker_is_killed_is_done_by_another(rabbitmq: TestRabbit, joined: Any, topic: str) -> None:
    program = Path(__file__).with_name("stuck_worker.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), rabbitmq.url, topic,
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    await RpcClient(await joined()).cast(CTX, at(Paint(colour="red"), topic))
    assert await process.stdout.readline() == b"started\n"
    heir = Served(await joined(), topic)
    await heir.server.start()
    process.kill()
    await process.wait()
    await until(lambda: heir.seen)
    assert heir.seen[0][1].colour == "red"
