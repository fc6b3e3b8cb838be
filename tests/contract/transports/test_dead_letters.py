"""What was given up on RabbitMQ is shown to an operator, and goes back to the queue that it came from."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from uuid import uuid4

import aio_pika
import pytest

from contract.transports.test_rpc import CTX, Paint, Served, at
from stackwire.messaging.dead_letters import DeadLetter, DeadLetters, dead_letters
from stackwire.messaging.rabbit import RabbitTransport
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import to_topic
from support.compose import broker_definitions
from support.polling import until
from support.postgres import skip_or_fail
from support.processes import own_vhost
from support.rabbitmq import TestRabbit

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def topic() -> str:
    return f"t{uuid4().hex[:10]}"


@pytest.fixture
def url(rabbitmq: TestRabbit, topic: str) -> str:
    return f"{rabbitmq.url}?rabbit_quorum_queue=true&dead_letter=dead{topic}"


@pytest.fixture
async def served(url: str, topic: str) -> AsyncIterator[Served]:
    """A service that has given up a cast, and rejected what it could not read."""
    bus = await RabbitTransport.open(url, name="test")
    served = Served(bus, topic, cast_pauses=())
    served.outage = 1
    await served.server.start()
    await RpcClient(bus).cast(CTX, at(Paint(colour="red"), topic))
    await bus.publish(to_topic("x" + topic, topic), b"{")
    await until(lambda: served.server.dead_letters == 1)
    await until(lambda: _has(url, 2))
    yield served
    await served.server.stop()
    await bus.close()


async def _has(url: str, count: int) -> bool:
    async with dead_letters(url) as letters:
        return len(await letters.every()) == count


async def _command(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stackwire.cloud", "dead-letters", *words]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)


async def test_they_are_listed_without_their_arguments_and_as_often_as_one_likes(
    url: str, topic: str, served: Served
) -> None:
    async with dead_letters(url) as letters:
        found = {letter.name: letter for letter in await letters.every()}
        for _ in range(30):  # more often than a broker delivers a message that always comes back
            assert len(await letters.every()) == 2
    given_up = found["paint"]
    assert (given_up.queue, given_up.reason, given_up.request_id) == (topic, "rejected", CTX.request_id)
    assert given_up.died_at is not None
    assert (found[""].queue, found[""].size, found[""].id) == (topic, 1, "")
    done = await _command("list", "--amqp-url", url, "--json")
    assert {letter["name"]: letter["id"] for letter in json.loads(done.stdout)} == {"paint": given_up.id, "": ""}
    assert "red" not in done.stdout


async def test_one_that_is_resent_is_handled_by_the_process_that_had_given_it_up(url: str, served: Served) -> None:
    done = await _command("resend", "--all", "--amqp-url", url)
    assert (done.returncode, done.stdout.count("resent"), done.stderr) == (0, 1, "")
    await until(lambda: len(served.seen) == 2)
    assert [message.colour for _, message in served.seen] == ["red", "red"]
    async with dead_letters(url) as letters:
        assert [letter.name for letter in await letters.every()] == [""]


async def test_one_can_be_chosen_and_others_stay(url: str, served: Served) -> None:
    async with dead_letters(url) as letters:
        (given_up,) = [letter for letter in await letters.every() if letter.name]
    missing = await _command("resend", "nothing-of-that-id", "--amqp-url", url)
    assert (missing.returncode, missing.stderr) == (2, "stackwire: there is no dead letter nothing-of-that-id\n")
    assert await _has(url, 2)
    done = await _command("resend", given_up.id, "--amqp-url", url)
    assert (done.returncode, given_up.id in done.stdout) == (0, True)
    assert await _has(url, 1)


async def test_one_whose_queue_is_gone_stays_a_dead_letter(url: str, topic: str, served: Served) -> None:
    await served.server.stop()
    async with dead_letters(url) as letters:
        await _delete(letters, topic)
        sent, refused = await letters.resend(lambda letter: letter.name == "paint")
        assert (sent, [letter.queue for letter in refused]) == ([], [topic])
        assert len(await letters.every()) == 2


async def _delete(letters: DeadLetters, queue: str) -> None:
    await letters._channel.queue_delete(queue)


async def test_a_wrong_url_or_queue_is_one_line(rabbitmq: TestRabbit, topic: str) -> None:
    nowhere = await _command("list", "--amqp-url", "amqp://me:canary@127.0.0.1:1/")
    none = await _command("list", "--amqp-url", rabbitmq.url, "--queue", topic)
    neither = await _command("resend", "--amqp-url", rabbitmq.url)
    assert [done.returncode for done in (nowhere, none, neither)] == [2, 2, 2]
    assert [done.stderr.count("\n") for done in (nowhere, none, neither)] == [1, 1, 1]
    assert "canary" not in nowhere.stderr
    assert f"no queue {topic}" in none.stderr


@pytest.fixture
async def as_deployed(rabbitmq: TestRabbit) -> AsyncIterator[str]:
    """A vhost with the queue and the policies of compose's broker."""
    if rabbitmq.control is None:
        skip_or_fail("this broker cannot be administered")
    found = broker_definitions()
    with own_vhost(rabbitmq) as url:
        vhost = url.rpartition("/")[2]
        for one in found["policies"]:
            rights = ("--priority", str(one["priority"]), "--apply-to", one["apply-to"])
            words = (one["name"], one["pattern"], json.dumps(one["definition"]))
            rabbitmq.control("set_policy", "-p", vhost, *rights, *words)
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            for one in found["queues"]:
                await channel.declare_queue(one["name"], durable=one["durable"], arguments=one["arguments"])
        yield f"{url}?amqp_durable_queues=true"


async def _call_that_expires(url: str, queue: str) -> None:
    """One that nobody received in time."""
    async with await aio_pika.connect(url.partition("?")[0]) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)
        call = {"method": "get_box", "_unique_id": uuid4().hex, "args": {}}
        body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(call)}).encode()
        message = aio_pika.Message(body, content_type="application/json", expiration=0.001)
        await channel.default_exchange.publish(message, queue)


async def test_the_stacks_of_deploy_keep_them_for_queues_that_any_client_may_declare(
    as_deployed: str, topic: str
) -> None:
    bus = await RabbitTransport.open(as_deployed, name="test")
    served = Served(bus, topic, cast_pauses=())
    served.outage = 1
    await served.server.start()
    await RpcClient(bus).cast(CTX, at(Paint(colour="red"), topic))
    await until(lambda: served.server.dead_letters == 1)
    await until(lambda: _has(as_deployed, 1))
    await _call_that_expires(as_deployed, f"idle{topic}")
    await until(lambda: _has(as_deployed, 2))
    done = await _command("resend", "--all", "--amqp-url", as_deployed)
    assert (done.returncode, done.stdout.count("resent")) == (0, 1)
    await until(lambda: len(served.seen) == 2)
    async with dead_letters(as_deployed) as letters:
        assert [letter.reason for letter in await letters.every()] == ["expired"]
    await served.server.stop()
    await bus.close()


def test_what_it_shows_has_no_place_for_arguments() -> None:
    assert set(DeadLetter.__dataclass_fields__) == {
        *("id", "queue", "name", "reason", "died_at", "request_id", "project_id", "size")
    }
