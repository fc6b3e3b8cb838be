"""What the tracer keeps, and how much: a ring of messages and a ring of crossings, both bounded.

Records are only appended when they arrive; they are read when somebody asks, listens, or the ring is full of unread
ones. So watching costs the services next to nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.message import Decoder, Message, Wire
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Story, find, stories

MESSAGES = 20_000
"""Messages kept; the oldest go first."""
BYTES = 64 * 1024 * 1024
"""Bytes of message bodies kept, as they were on the wire."""
Unread = Callable[[], Wire]


class Store:
    """``missed`` counts messages a slow listener did not get; ``problem`` says what cannot be seen at all, and why;
    ``gaps``: from when to when nothing was seen, because the bus was away."""

    def __init__(self, messages: int = MESSAGES, size: int = BYTES) -> None:
        self.lineage = Lineage()
        self.seen = 0
        self.missed = 0
        self.problem: str | None = None
        self.gaps: list[tuple[float, float]] = []
        self._limit, self._bytes_limit = messages, size
        self._bytes = 0
        self._messages: deque[Message] = deque()
        self._unread: deque[tuple[Unread, int]] = deque()
        self._decoder = Decoder()
        self._listeners: list[Callable[[Message], None]] = []
        self._unkept: list[Message] | None = None
        self._told: tuple[int, list[Story]] = (0, [])

    def remember(self, messages: Iterable[Message], names: Mapping[str, Resource]) -> None:
        """What an earlier life of the tracer knew of lineage; from now on somebody takes what is to be kept."""
        for message in messages:
            self.lineage.read(message)
        self.lineage.names = {**names, **self.lineage.names}
        self.lineage.learnt, self._unkept = {}, []

    def to_keep(self) -> tuple[list[Message], dict[str, Resource]]:
        """Messages that told of a crossing, and names, since this was asked last."""
        self.catch_up()
        kept, named = self._unkept or [], self.lineage.learnt or {}
        self._unkept, self.lineage.learnt = [], {}
        return kept, named

    def take(self, unread: Unread, size: int) -> None:
        """One record; ``unread`` reads it when its time comes."""
        self.seen += 1
        self._unread.append((unread, size))
        if self._listeners or len(self._unread) >= self._limit // 4:
            self.catch_up()

    def catch_up(self) -> None:
        """Reads what waits."""
        while self._unread:
            unread, _ = self._unread.popleft()
            for message in self._decoder.read_all(unread()):
                self._keep(message)
                self._bytes += message.size
            while len(self._messages) > self._limit or self._bytes > self._bytes_limit:
                self._bytes -= self._messages.popleft().size

    def _keep(self, message: Message) -> None:
        crossed = self.lineage.read(message)
        if crossed and self._unkept is not None:
            self._unkept.append(message)
        self._messages.append(message)
        for listener in tuple(self._listeners):
            listener(message)

    def messages(self, *, after: int = 0, limit: int = MESSAGES) -> list[Message]:
        """The last ``limit`` messages with a number above ``after``, in order."""
        self.catch_up()
        found = [message for message in self._messages if message.number > after]
        return found[-limit:] if limit else []

    def message(self, number: int) -> Message | None:
        """Numbers are in order, without gaps."""
        self.catch_up()
        at = number - self._messages[0].number if self._messages else -1
        return self._messages[at] if 0 <= at < len(self._messages) else None

    def stories(self) -> list[Story]:
        """Put together anew only when something was said since."""
        self.catch_up()
        if self._told[0] != self.seen:
            self._told = (self.seen, stories(self._messages))
        return self._told[1]

    def story(self, wanted: str) -> list[Story]:
        return find(self.stories(), wanted)

    @contextmanager
    def listening(self, listener: Callable[[Message], None]) -> Iterator[None]:
        """Calls ``listener`` with every message while inside, as it crosses."""
        self.catch_up()
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def bounds(self) -> dict[str, Any]:
        """What is kept, what was, and the limits."""
        return {
            "messages": len(self._messages) + len(self._unread),
            "messages_limit": self._limit,
            "bytes": self._bytes,
            "bytes_limit": self._bytes_limit,
            "crossings": len(self.lineage),
            "crossings_forgotten": self.lineage.forgotten,
            "seen": self.seen,
            "missed": self.missed,
            "problem": self.problem,
            "gaps": [list(gap) for gap in self.gaps],
        }
