"""Messages as they pass, for whoever follows them."""

import asyncio
from collections.abc import AsyncIterator

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.flows.pacer import caught_up

LISTENER_BACKLOG = 2_000
"""Messages a slow listener may be behind before it misses some."""


async def follow(store: MessageStore) -> AsyncIterator[Message]:
    """Every message from now on, until the caller stops. A listener that is too slow misses the oldest ones, which
    ``store.missed`` counts."""
    queue: asyncio.Queue[Message] = asyncio.Queue(LISTENER_BACKLOG)

    def enqueue(message: Message) -> None:
        if queue.full():
            queue.get_nowait()
            store.missed += 1
        queue.put_nowait(message)

    await caught_up(store)
    with store.listening(enqueue):
        while True:
            yield await queue.get()
