"""Bytes that are kept, and the memory that they take."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest

from stackwire.core.fitted import fitted
from stackwire.image.domain.image import Image
from stackwire.image.http.views import image_json
from stackwire.messaging.envelope import wrap
from stackwire.messaging.memory import MemoryBroker, MemoryTransport
from stackwire.messaging.transport import notification_queue, to_notification
from stackwire.trace.domain.message import Message

COUNT = 50
BYTES = 9_000
"""A little more than a buffer of 8 KiB holds, for which another one is taken."""


def taken(make: Callable[[int], object]) -> float:
    """Bytes of memory for each of what is made and kept."""
    tracemalloc.start()
    try:
        kept = [make(number) for number in range(COUNT)]
        return tracemalloc.get_traced_memory()[0] / len(kept)
    finally:
        tracemalloc.stop()


def test_a_fitted_copy_has_the_same_bytes_and_no_room_for_more() -> None:
    text = "x" * BYTES
    assert fitted(orjson.dumps(text)) == orjson.dumps(text)
    assert taken(lambda _: fitted(orjson.dumps(text))) < BYTES * 1.2


async def test_a_message_that_nobody_reads_takes_what_its_bytes_take() -> None:
    broker = MemoryBroker()
    bus = MemoryTransport(broker)
    await bus.declare(notification_queue("x", "n", "info"))
    address = to_notification("x", "n", "info")
    tracemalloc.start()
    try:
        for _ in range(COUNT):
            await bus.publish(address, wrap({"text": "x" * BYTES}))
        assert tracemalloc.get_traced_memory()[0] / COUNT < BYTES * 1.5
    finally:
        tracemalloc.stop()
    assert broker.depth("n.info") == COUNT


def test_a_message_that_the_tracer_keeps_takes_what_its_bytes_take() -> None:
    message = Message(
        number=1, time=0.0, step="publish", kind="other", name="", sender="", receiver="", exchange="", routing_key="",
        raw={"text": "x" * BYTES},
    )  # fmt: skip
    assert taken(lambda _: message.packed()) < BYTES * 1.5


@pytest.mark.parametrize("count", [100, 120])
def test_what_is_kept_of_an_image_takes_what_its_bytes_take(count: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    properties = {f"property_{at:03}": "x" * 60 for at in range(count)}

    def shown(number: int) -> object:
        image = Image(id=f"{number}", name="", owner="p", created_at=now, updated_at=now, properties=properties)
        return image_json(image), image

    assert taken(shown) < count * 80 * 1.5
