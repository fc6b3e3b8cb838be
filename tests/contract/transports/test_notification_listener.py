"""A consumer of notifications with a queue of its own: kept while it is away, bounded, its dead letters counted."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from contract.transports.conftest import Join
from contract.transports.test_notify import WHEN, event
from stackwire.core.errors import Unavailable
from stackwire.messaging.notification_listener import NotificationListener
from stackwire.messaging.notify import Notification, Notifier
from stackwire.messaging.rabbit import RabbitTransport
from stackwire.messaging.transport import Transport, to_notification
from support.polling import until
from support.rabbitmq import start_broker


class Heard:
    """What was heard, by message id; ``missed``: how often it was told to make good what it missed."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.missed = 0
        self.failures: list[Exception] = []

    async def hear(self, notification: Notification) -> None:
        self.ids.append(notification.message_id)
        if notification.payload.get("size") == 13:
            raise ZeroDivisionError

    async def catch_up(self) -> None:
        self.missed += 1
        if self.failures:
            raise self.failures.pop()


def listening(bus: Transport, topic: str, heard: Heard, **options: Any) -> NotificationListener:
    hears: dict[str, Callable[[Notification], Awaitable[None]]] = {"box.create.": heard.hear, "box.open": heard.hear}
    settings = {"retry_after": 0.0, "attempts": 3, **options}
    return NotificationListener(bus, f"q{topic}", ["x" + topic], hears, heard.catch_up, **settings)


async def tell(bus: Transport, topic: str, message_id: str, **changes: Any) -> None:
    told = replace(event(topic, **changes), topic="notifications")
    await Notifier(bus).send(told, {}, message_id, WHEN)


async def test_it_hears_what_it_asked_for_and_nothing_else(bus: Transport, topic: str) -> None:
    heard = Heard()
    listener = listening(bus, topic, heard)
    await listener.start()
    for number, kind in enumerate(
        ("box.create.start", "box.create.end", "box.open", "box.opened", "box", "lid.create.x")
    ):
        await tell(bus, topic, str(number), event_type=kind)
    await until(lambda: len(heard.ids) == 3)
    assert (sorted(heard.ids), listener.rejected) == (["0", "1", "2"], 0)


async def test_what_is_told_while_it_is_away_is_heard_when_it_is_back(join: Join, topic: str) -> None:
    bus, first, second = await join(), Heard(), Heard()
    listener = listening(await join(), topic, first)
    await listener.start()
    await listener.stop()
    for number in range(5):
        await tell(bus, topic, str(number))
    await listening(await join(), topic, second).start()
    await until(lambda: len(second.ids) == 5)
    assert first.ids == []


async def test_beyond_its_length_the_oldest_are_dead_letters_and_these_are_bounded_too(join: Join, topic: str) -> None:
    bus, heard = await join(), Heard()
    listener = listening(await join(), topic, heard, max_length=3)
    await listener.start()
    await listener.stop()
    for number in range(5):
        await tell(bus, topic, str(number))
    listener = listening(await join(), topic, heard, max_length=3)
    await until(lambda: _dead(listener, 2))
    await listener.start()
    await until(lambda: len(heard.ids) == 3)
    assert heard.ids == ["2", "3", "4"]
    await listener.stop()
    for number in range(7):
        await tell(bus, topic, f"late-{number}")
    await until(lambda: _dead(listener, 3))


async def _dead(listener: NotificationListener, count: int) -> bool:
    return (await listener.status()).dead_letters == count


async def test_poison_and_what_cannot_be_handled_are_counted_and_kept_as_dead_letters(
    bus: Transport, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    listener = listening(bus, topic, heard)
    await listener.start()
    await bus.publish(to_notification("x" + topic, "notifications", "info"), b"poison")
    await tell(bus, topic, "unlucky", payload={"size": 13})
    await tell(bus, topic, "good")
    await until(lambda: _dead(listener, 2))
    assert (heard.ids.count("unlucky"), heard.ids.count("good"), listener.rejected) == (3, 1, 2)
    status = await listener.status()
    assert (status.handled, status.rejected, status.dead_letters) == (1, 2, 2)
    await listener.catch_up()  # the first round of a sweep
    assert heard.missed == 0
    await listener.catch_up()
    await listener.catch_up()
    assert heard.missed == 1
    await tell(bus, topic, "unlucky again", payload={"size": 13})
    await until(lambda: listener.rejected == 3)
    await listener.catch_up()
    assert heard.missed == 2, "what could not be handled is made good"


async def test_what_was_missed_is_asked_for_until_there_is_an_answer(
    bus: Transport, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    heard.failures = [Unavailable(), Unavailable()]
    listener = listening(bus, topic, heard)
    for _ in range(6):
        await listener.catch_up()
    assert heard.missed == 3


@pytest.mark.rabbitmq
async def test_a_broker_that_was_killed_has_kept_the_queue_and_what_was_lost_is_made_good(topic: str) -> None:
    broker, stop = start_broker()
    try:
        speaker = await RabbitTransport.open(broker.url, name="speaker")
        hearer = await RabbitTransport.open(broker.url, name="hearer")
        heard = Heard()
        listener = listening(hearer, topic, heard)
        await listener.start()
        for _ in range(2):
            await listener.catch_up()
        await listener.stop()
        await tell(speaker, topic, "kept")
        assert broker.control is not None
        broker.control("stop_app")
        broker.control("start_app")
        await until(lambda: hearer.outages and speaker.outages, 60)
        again = listening(hearer, topic, heard)
        await again.start()
        await until(lambda: heard.ids == ["kept"], 30)
        await tell(speaker, topic, "after")
        await until(lambda: heard.ids == ["kept", "after"], 30)
        await listener.catch_up()
        assert heard.missed == 2
        await speaker.close()
        await hearer.close()
    finally:
        stop()
