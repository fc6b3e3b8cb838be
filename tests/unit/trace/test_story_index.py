"""Stories are the same whether they are asked for after each message or once at the end, and in a bounded store."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from stackwire.trace.backends.recording_file import read_recordings
from stackwire.trace.domain.decoder import Decoder
from stackwire.trace.domain.message import Message, WireMessage
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.story import Story
from stackwire.trace.domain.story_index import StoryIndex, stories

DATA = Path(__file__).parents[2] / "data" / "trace"


def messages(seed: int, count: int = 120) -> list[Message]:
    """Requests of three services, recorded at their end, and events that name a request or only a resource."""
    chance, decoder, at = random.Random(seed), Decoder(), 100.0

    def wires() -> Iterator[tuple[dict[str, Any], str]]:
        for number in range(count):
            request, image = f"req-{chance.randrange(8)}", f"image-{chance.randrange(4)}"
            context = {"_context_request_id": request, "_unique_id": f"u{number}"}
            if chance.random() < 0.3:
                context["_context_global_request_id"] = f"req-{chance.randrange(8)}"
            match chance.randrange(4):
                case 0:
                    yield {"method": "build", "args": {"image_id": image}, **context}, "nova"
                case 1:
                    yield {"method": "build", "args": {}, "_msg_id": f"c{number}", "_reply_q": "r", **context}, "nova"
                case 2:
                    served = {"service": "image", "caller": "curl", "method": "POST", "path": "/v2/images"}
                    began, seconds = at - chance.random(), chance.random()
                    payload = {**served, "status": 201, "started": began, "seconds": seconds}
                    event = {"event_type": "http.served", "publisher_id": "image", "payload": payload}
                    yield {**event, **context}, "stackwire"
                case _:
                    event = {"event_type": "image.update", "publisher_id": "image.h", "payload": {"id": image}}
                    yield {**event, "_unique_id": f"u{number}"}, "glance"

    found = []
    for payload, exchange in wires():
        at += chance.random() * 0.4
        found.append(decoder.decode(WireMessage("publish", exchange, "conductor", (), payload, at)))
    return found


def content(found: Sequence[Story]) -> list[tuple[str, list[tuple[int, bool]]]]:
    return [(story.id, [(arrow.number, arrow.inferred) for arrow in story.arrows]) for story in found]


@pytest.mark.parametrize("seed", range(12))
def test_asking_after_every_message_gives_the_stories_of_asking_once(seed: int) -> None:
    known = messages(seed)
    index = StoryIndex()
    for message in known:
        index.add(message)
        index.groups()
    assert content([group.story for group in index.groups()]) == content(stories(known))


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_kept_of_what_was_removed(seed: int) -> None:
    known = messages(seed)
    index = StoryIndex()
    for number, message in enumerate(known):
        index.add(message)
        if number % 7 == 0:
            index.groups()
    for message in known:
        index.remove(message)
    assert index.groups() == []
    assert index.find("req-") == []
    assert not any(vars(index)[name] for name in ("_above", "_groups", "_without_id", "_inferred", "_mentions"))


def test_a_bounded_store_has_the_stories_of_its_latest_messages() -> None:
    store = MessageStore(messages=5)
    read_recordings([DATA / "rpc.jsonl", DATA / "notifications.jsonl"], store)
    kept = {message.number for message in store.messages()}
    assert {arrow.number for story in store.stories() for arrow in story.arrows} <= kept
