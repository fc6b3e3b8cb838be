"""What the tracer keeps, and how much: the latest messages and property transfers, both bounded.

Records are appended when they arrive, and decoded and indexed a few at a time in the background, or when somebody
queries or listens: no API of the same process waits for it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from stackwire.trace.domain.cloud_map import CloudMap
from stackwire.trace.domain.decoder import Decoder
from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.message import Message, WireMessage
from stackwire.trace.domain.resource_names import ResourceNames
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Story
from stackwire.trace.domain.story_index import Group, StoryIndex

MAX_MESSAGES = 20_000
"""Messages kept; the oldest are dropped first."""
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of message bodies kept, as they were on the wire."""
Undecoded = Callable[[], WireMessage]


class MessageStore:
    """``missed`` counts messages a slow listener did not get; ``problem``: what is not traced at all, and why;
    ``started_at``: since when messages are received, if known; ``outages``: from when to when nothing was received,
    because the bus was disconnected."""

    def __init__(self, messages: int = MAX_MESSAGES, size: int = MAX_BYTES) -> None:
        self.lineage = Lineage()
        self.names = ResourceNames()
        self.map = CloudMap()
        self.started_at: float | None = None
        self.received = 0
        self.missed = 0
        self.problem: str | None = None
        self.outages: list[tuple[float, float]] = []
        self._limit, self._bytes_limit = messages, size
        self._bytes = 0
        self._messages: deque[Message] = deque()
        self._undecoded: deque[tuple[Undecoded, int]] = deque()
        self._decoder = Decoder()
        self._listeners: list[Callable[[Message], None]] = []
        self._unsaved: list[Message] | None = None
        self._index = StoryIndex()

    def clear(self) -> None:
        """Forgets everything, after a reset; numbers go on, so that a listener that asks for later ones gets them."""
        self._decoder.restart(len(self._undecoded))
        self._undecoded.clear()
        self.lineage, self.names, self.map, self._index = Lineage(), ResourceNames(), CloudMap(), StoryIndex()
        self._messages.clear()
        self._bytes = 0
        self._unsaved = None if self._unsaved is None else []

    @property
    def limit(self) -> int:
        """Messages kept."""
        return self._limit

    def restore(self, messages: Iterable[Message], names: Mapping[str, Resource]) -> None:
        """What an earlier process saved: what lineage consists of, and all that is left of its stories. From now on
        ``take_unsaved`` is expected to be called."""
        found = list(messages)
        first = self._decoder.number + 1 - len(found)  # those of this process begin with 1
        for number, message in enumerate(found, first):
            self._keep(replace(message, number=number))
            self._bytes += message.size
        self.lineage.names = {**names, **self.lineage.names}
        self.names.restore(names)
        self.lineage.new_names, self._unsaved = {}, []

    def take_unsaved(self) -> tuple[list[Message], dict[str, Resource]]:
        """Messages that lineage consists of, and names, since the last call."""
        self.catch_up()
        messages, names = self._unsaved or [], self.lineage.new_names or {}
        self._unsaved, self.lineage.new_names = [], {}
        return messages, names

    def add(self, undecoded: Undecoded, size: int) -> None:
        """One record of the bus; ``undecoded`` is called later."""
        self.received += 1
        self._undecoded.append((undecoded, size))
        if self._listeners:
            self.catch_up()
        elif len(self._undecoded) >= self._limit // 4:  # nobody decodes in the background
            self._decode_next()
            self._decode_next()

    def catch_up(self, records: int | None = None) -> bool:
        """Decodes the records added so far, or so many of them. True when none is left."""
        for _ in range(len(self._undecoded) if records is None else records):
            self._decode_next()
        return not self._undecoded

    def _decode_next(self) -> None:
        if not self._undecoded:
            return
        undecoded, _ = self._undecoded.popleft()
        for message in self._decoder.decode_all(undecoded()):
            self._keep(message)
            self._bytes += message.size
        while len(self._messages) > self._limit or self._bytes > self._bytes_limit:
            oldest = self._messages.popleft()
            self._index.remove(oldest)
            self._bytes -= oldest.size

    def _keep(self, message: Message) -> None:
        self.names.learn(message)
        is_lineage, message = self.lineage.record(message), message.packed()
        if is_lineage and self._unsaved is not None:
            self._unsaved.append(message)
        self._messages.append(message)
        self._index.add(message)
        self.map.add(message)
        for listener in tuple(self._listeners):
            listener(message)

    def messages(self, *, after: int = 0) -> list[Message]:
        """The messages with a number above ``after``, in order."""
        self.catch_up()
        return [message for message in self._messages if message.number > after]

    def message(self, number: int) -> Message | None:
        """The message with this number; numbers are consecutive."""
        self.catch_up()
        at = number - self._messages[0].number if self._messages else -1
        return self._messages[at] if 0 <= at < len(self._messages) else None

    def groups(self) -> list[Group]:
        """All stories, the oldest first, each assembled when it is used. Not to be changed."""
        self.catch_up()
        return self._index.groups()

    def stories(self) -> list[Story]:
        """All stories, the oldest first."""
        return [group.story for group in self.groups()]

    def story(self, wanted: str) -> list[Story]:
        """The stories of a request id, its beginning, or a resource's id."""
        self.catch_up()
        return [group.story for group in self._index.find(wanted)]

    @contextmanager
    def listening(self, listener: Callable[[Message], None]) -> Iterator[None]:
        """Calls ``listener`` with every new message inside the block."""
        self.catch_up()
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def bounds(self) -> dict[str, Any]:
        """How much is kept, how much was received, and the limits."""
        return {
            "messages": len(self._messages) + len(self._undecoded),
            "messages_limit": self._limit,
            "bytes": self._bytes,
            "bytes_limit": self._bytes_limit,
            "crossings": len(self.lineage),
            "crossings_forgotten": self.lineage.forgotten,
            "seen": self.received,
            "since": self.started_at,
            "missed": self.missed,
            "problem": self.problem,
            "gaps": [list(outage) for outage in self.outages],
        }
