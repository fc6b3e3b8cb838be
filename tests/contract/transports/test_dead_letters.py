"""What was given up on RabbitMQ is shown to an operator, and goes back to the queue that it came from."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from contract.transports.test_rpc import CTX, Paint, Served, at
from stackwire.messaging.dead_letters import DeadLetter, DeadLetters, dead_letters
from stackwire.messaging.rabbit import RabbitTransport
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import to_topic
from support.polling import until
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


def test_what_it_shows_has_no_place_for_arguments() -> None:
    assert set(DeadLetter.__dataclass_fields__) == {
        *("id", "queue", "name", "reason", "died_at", "request_id", "project_id", "size")
    }
