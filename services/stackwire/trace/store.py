"""What the tracer keeps, and how much: a ring of messages and a ring of crossings, both bounded.

Records are only appended when they arrive; they are read when somebody asks, listens, or the ring is full of unread
ones. So watching costs the services next to nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.message import Decoder, Message, Wire
from stackwire.trace.domain.story import Story, find, stories

MESSAGES = 20_000
"""Messages kept; the oldest go first."""
BYTES = 64 * 1024 * 1024
"""Bytes of message bodies kept, as they were on the wire."""
LISTENER_BACKLOG = 2_000
"""Messages a slow listener may be behind before it misses some."""

Unread = Callable[[], Wire]


class Store:
    """``missed`` counts messages a slow listener did not get; ``problem`` says what cannot be seen at all, and why."""

    def __init__(self, messages: int = MESSAGES, size: int = BYTES) -> None:
        self.lineage = Lineage()
        self.seen = 0
        self.missed = 0
        self.problem: str | None = None
        self._limit, self._bytes_limit = messages, size
        self._bytes = 0
        self._messages: deque[Message] = deque()
        self._unread: deque[tuple[Unread, int]] = deque()
        self._decoder = Decoder()
        self._listeners: list[Callable[[Message], None]] = []

    def take(self, unread: Unread, size: int) -> None:
        """One record; ``unread`` reads it when its time comes."""
        self.seen += 1
        self._unread.append((unread, size))
        if self._listeners or len(self._unread) >= self._limit // 4:
            self.catch_up()

    def catch_up(self) -> None:
        """Reads what waits."""
        while self._unread:
            unread, size = self._unread.popleft()
            message = self._decoder.read(unread())
            self.lineage.read(message)
            self._messages.append(message)
            self._bytes += size
            while len(self._messages) > self._limit or self._bytes > self._bytes_limit:
                self._bytes -= self._messages.popleft().size
            for listener in tuple(self._listeners):
                listener(message)

    def messages(self, *, after: int = 0, limit: int = MESSAGES) -> list[Message]:
        """The last ``limit`` messages with a number above ``after``, in order."""
        self.catch_up()
        found = [message for message in self._messages if message.number > after]
        return found[-limit:] if limit else []

    def stories(self) -> list[Story]:
        self.catch_up()
        return stories(self._messages)

    def story(self, wanted: str) -> list[Story]:
        return find(self.stories(), wanted)

    @contextmanager
    def telling(self, listener: Callable[[Message], None]) -> Iterator[None]:
        """Calls ``listener`` with every message while inside, as it crosses."""
        self.catch_up()
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    async def listen(self) -> AsyncIterator[Message]:
        """Every message from now on, until the caller stops; one that is too slow misses the oldest."""
        queue: asyncio.Queue[Message] = asyncio.Queue(LISTENER_BACKLOG)

        def hear(message: Message) -> None:
            if queue.full():
                queue.get_nowait()
                self.missed += 1
            queue.put_nowait(message)

        with self.telling(hear):
            while True:
                yield await queue.get()

    def bounds(self) -> dict[str, int | str | None]:
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
        }
