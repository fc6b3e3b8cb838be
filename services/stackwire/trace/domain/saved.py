"""What outlives the tracer: messages as they are written for the next one, without secrets."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.resources import Resource


class Unsaved(NamedTuple):
    """``lineage``: messages that lineage consists of; ``names``: whom people mean by a name; ``messages``: all."""

    lineage: list[Message]
    names: dict[str, Resource]
    messages: deque[Message]


class Saved(NamedTuple):
    """The same, read; of ``messages`` only the numbers of the ``first`` and the ``last`` are known yet."""

    lineage: Sequence[Message]
    names: Mapping[str, Resource]
    messages: Sequence[bytes]
    first: int
    last: int


def packed(message: Message) -> bytes | None:
    """To be written; None when it has a value that JSON has not."""
    try:
        return orjson.dumps(message.as_json())
    except TypeError:  # an integer of more than 64 bits
        return None


def unpacked(body: bytes) -> Message:
    """As it was written."""
    record = orjson.loads(body)
    known = {key: value for key, value in record.items() if key in Message.__slots__}
    resources = tuple(Resource(resource["kind"], resource["id"]) for resource in record["resources"])
    return Message(**{**known, "raw": record["payload"], "resources": resources, "queues": tuple(record["queues"])})
