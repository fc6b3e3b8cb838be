"""What the tracer keeps, and how much: the latest messages and property transfers, both bounded.

Records are appended when they arrive, and decoded and indexed a few at a time in the background, or when somebody
queries or listens: no API of the same process waits for it.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from stackwire.trace.domain.cloud_map import CloudMap
from stackwire.trace.domain.decoder import Decoder
from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.message import Message, WireMessage
from stackwire.trace.domain.resource_names import ResourceNames
from stackwire.trace.domain.saved import Saved, Unsaved, unpacked
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
    because the bus was disconnected; ``saved``: how many of the latest messages outlive this process."""

    def __init__(self, messages: int = MAX_MESSAGES, size: int = MAX_BYTES) -> None:
        self.lineage = Lineage()
        self.names = ResourceNames()
        self.map = CloudMap()
        self.started_at: float | None = None
        self.received = 0
        self.missed = 0
        self.problem: str | None = None
        self.outages: list[tuple[float, float]] = []
        self.saved = 0
        self._limit, self._bytes_limit = messages, size
        self._bytes = 0
        self._messages: deque[Message] = deque()
        self._undecoded: deque[tuple[Undecoded, int]] = deque()
        self._earlier: deque[bytes] = deque()
        self._earlier_number = 0
        self._decoder = Decoder()
        self._listeners: list[Callable[[Message], None]] = []
        self._unsaved: Unsaved | None = None
        self._index = StoryIndex()

    def clear(self) -> None:
        """Forgets everything, after a reset; numbers go on, so that a listener that asks for later ones gets them."""
        self._decoder.restart(len(self._undecoded))
        self._undecoded.clear()
        self._earlier.clear()
        self.lineage, self.names, self.map, self._index = Lineage(), ResourceNames(), CloudMap(), StoryIndex()
        self._messages.clear()
        self._bytes = 0
        self._unsaved = None if self._unsaved is None else self._nothing_unsaved()

    @property
    def limit(self) -> int:
        """Messages kept."""
        return self._limit

    def restore(self, saved: Saved) -> Iterator[None]:
        """What an earlier process saved, a message at a time: lineage, and what is left of stories before the first
        of ``saved.messages``. Those are decoded later, before what is added. From now on ``take_unsaved`` is expected
        to be called."""
        self._unsaved = self._nothing_unsaved()
        self.names.restore(saved.names)
        self.lineage.names = {**saved.names, **self.lineage.names}
        older = sum(message.number < saved.first for message in saved.lineage)
        self._decoder.number = max(self._decoder.number, saved.last, older + len(saved.messages))
        number = self._decoder.number - older - len(saved.messages)
        for message in saved.lineage:
            self.lineage.record(message)
            if message.number < saved.first:
                number += 1
                self._append(replace(message, number=number))
            yield
        if saved.messages:
            self.started_at = unpacked(saved.messages[0]).time
        self._earlier.extend(saved.messages)
        self._earlier_number = number
        self.lineage.new_names = {}

    def take_unsaved(self) -> Unsaved:
        """What is new since the last call."""
        unsaved, names = self._unsaved or self._nothing_unsaved(), self.lineage.new_names or {}
        self._unsaved, self.lineage.new_names = self._nothing_unsaved(), {}
        return unsaved._replace(names=names)

    def _nothing_unsaved(self) -> Unsaved:
        return Unsaved([], {}, deque(maxlen=self.saved))

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
        for _ in range(len(self._earlier) + len(self._undecoded) if records is None else records):
            self._decode_next()
        return not self._undecoded and not self._earlier

    def _decode_next(self) -> None:
        if self._earlier:
            self._earlier_number += 1
            self._append(replace(unpacked(self._earlier.popleft()), number=self._earlier_number))
        elif self._undecoded:
            undecoded, _ = self._undecoded.popleft()
            for message in self._decoder.decode_all(undecoded()):
                self._keep(message)
        while len(self._messages) > self._limit or self._bytes > self._bytes_limit:
            oldest = self._messages.popleft()
            self._index.remove(oldest)
            self._bytes -= oldest.size

    def _keep(self, message: Message) -> None:
        is_lineage, kept = self.lineage.record(message), self._append(message)
        if self._unsaved is not None:
            self._unsaved.messages.append(kept)
            if is_lineage:
                self._unsaved.lineage.append(kept)

    def _append(self, message: Message) -> Message:
        self.names.learn(message)
        message = message.packed()
        self._bytes += message.size
        self._messages.append(message)
        self._index.add(message)
        self.map.add(message)
        for listener in tuple(self._listeners):
            listener(message)
        return message

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
            "messages": len(self._messages) + len(self._earlier) + len(self._undecoded),
            "messages_limit": self._limit,
            "messages_saved": self.saved,
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
