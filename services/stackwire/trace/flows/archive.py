"""Lineage and stories outlive the tracer: what is new is written to PostgreSQL periodically, and read at start.

A tracer that is killed loses the last seconds; nothing waits for it, and all is done in slices of the loop.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database
from stackwire.trace.db import messages, transfers
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.saved import Saved, packed, unpacked
from stackwire.trace.flows.pacer import Pacer, caught_up

WRITE_INTERVAL_SECONDS = 2.0
BATCH_MESSAGES = 200
"""Of one statement, so that no statement keeps the loop."""
TRIM_EVERY = 1_000
"""Messages after which the oldest are deleted."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is saved: ``transfers`` of lineage and as many names; ``messages``, and ``size`` bytes of them."""

    transfers: int
    messages: int
    size: int


class Archive:
    """Saves a message store in a database, which it owns."""

    def __init__(self, store: MessageStore, database: Database, bounds: Bounds) -> None:
        self._store = store
        self._database = database
        self._bounds = bounds
        self._lineage: deque[Message] = deque(maxlen=bounds.transfers)
        self._names: dict[str, Resource] = {}
        self._messages: deque[Message] = deque(maxlen=bounds.messages)
        self._since_trim = 0
        self._writing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Restores what was saved. Raises DatabaseUnavailable."""
        self._store.saved = self._bounds.messages
        async with self._database.transaction() as session:
            await messages.delete_oldest(session, self._bounds.messages, self._bounds.size)
        await self._read()
        self.resume()

    async def _read(self) -> None:
        async with self._database.read() as session:
            await transfers.delete_oldest(session, self._bounds.transfers)
            lineage = await transfers.latest_messages(session, self._bounds.transfers)
            names = await transfers.latest_names(session, self._bounds.transfers)
            latest = await messages.latest(session, self._bounds.messages)
        pacer, known = Pacer(), list[Message]()
        for body in lineage:
            known.append(unpacked(body))
            await pacer.pause()
        for _ in self._store.restore(_saved(known, names, latest)):
            await pacer.pause()

    def resume(self) -> None:
        """Writes from time to time."""
        self._writing = asyncio.create_task(self._write_periodically())

    async def suspend(self) -> None:
        """Writes no more, until ``resume``."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def restored(self) -> None:
        """After other rows were put back: they are what is known, and no story is."""
        self._lineage.clear()
        self._names.clear()
        self._messages.clear()
        async with self._database.transaction() as session:
            await messages.delete_all(session)
        await self._read()

    async def close(self) -> None:
        """Writes what is new, and closes the database."""
        await self.suspend()
        if self._writing is not None:
            await self.write()
        await self._database.close()

    async def write(self) -> None:
        """Writes what is new; what could not be written is tried again the next time, up to a bound."""
        await caught_up(self._store)
        unsaved = self._store.take_unsaved()
        self._lineage += unsaved.lineage
        self._names |= unsaved.names
        self._messages += unsaved.messages
        try:
            await self._write_lineage()
            while self._messages:
                await self._write_messages()
        except ServiceError as error:
            log.warning("lineage and stories cannot be saved at the moment: %s", error.message)

    async def _write_lineage(self) -> None:
        if not self._lineage and not self._names:
            return
        bodies = await _bodies(self._lineage)
        async with self._database.transaction() as session:
            await transfers.insert_messages(session, bodies)
            await transfers.upsert_names(session, self._names)
            await transfers.delete_oldest(session, self._bounds.transfers)
        self._lineage.clear()
        self._names.clear()

    async def _write_messages(self) -> None:
        batch = [self._messages.popleft() for _ in range(min(BATCH_MESSAGES, len(self._messages)))]
        try:
            bodies = await _bodies(batch)
            async with self._database.transaction() as session:
                await messages.insert(session, bodies)
                self._since_trim += len(bodies)
                if self._since_trim >= TRIM_EVERY:
                    await messages.delete_oldest(session, self._bounds.messages, self._bounds.size)
                    self._since_trim = 0
        except BaseException:
            self._messages.extendleft(reversed(batch))
            raise

    async def _write_periodically(self) -> None:
        while True:
            await asyncio.sleep(WRITE_INTERVAL_SECONDS)
            await self.write()


async def _bodies(unsaved: Iterable[Message]) -> list[bytes]:
    pacer, bodies = Pacer(), list[bytes]()
    for message in list(unsaved):
        if (body := packed(message)) is not None:
            bodies.append(body)
        await pacer.pause()
    return bodies


def _saved(lineage: Sequence[Message], names: dict[str, Resource], latest: Sequence[bytes]) -> Saved:
    last = max((message.number for message in lineage), default=0)
    if not latest:
        return Saved(lineage, names, latest, last + 1, last)
    return Saved(lineage, names, latest, unpacked(latest[0]).number, max(last, unpacked(latest[-1]).number))
