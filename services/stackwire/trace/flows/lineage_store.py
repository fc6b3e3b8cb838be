"""Lineage outlives the tracer: the messages it consists of are written to PostgreSQL periodically, and read at start.

A tracer that is killed loses the last seconds; nothing waits for it, and nothing but lineage is saved.
"""

import asyncio
import logging

from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database
from stackwire.trace.db import transfers
from stackwire.trace.domain.lineage import MAX_TRANSFERS
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.resources import Resource

WRITE_INTERVAL_SECONDS = 2.0

log = logging.getLogger(__name__)


class LineageStore:
    """Saves the lineage of a message store in a database, which it owns; ``bound``: messages and names saved."""

    def __init__(self, store: MessageStore, database: Database, bound: int) -> None:
        self._store = store
        self._database = database
        self._bound = bound
        self._messages: list[Message] = []
        self._names: dict[str, Resource] = {}
        self._writing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Restores what was saved. Raises DatabaseUnavailable."""
        await self._read()
        self.resume()

    async def _read(self) -> None:
        async with self._database.read() as session:
            await transfers.delete_oldest(session, self._bound)
            messages = await transfers.latest_messages(session, self._bound)
            self._store.restore(messages, await transfers.latest_names(session, self._bound))

    def resume(self) -> None:
        """Writes from time to time."""
        self._writing = asyncio.create_task(self._write_periodically())

    async def suspend(self) -> None:
        """Writes no more, until ``resume``."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def restored(self) -> None:
        """After other rows were put back: they are what is known."""
        self._messages, self._names = [], {}
        await self._read()

    async def close(self) -> None:
        """Writes what is new, and closes the database."""
        await self.suspend()
        if self._writing is not None:
            await self.write()
        await self._database.close()

    async def write(self) -> None:
        """Writes what is new; what could not be written is tried again the next time, up to a bound."""
        messages, names = self._store.take_unsaved()
        self._messages = [*self._messages, *messages][-MAX_TRANSFERS:]
        self._names |= names
        if not self._messages and not self._names:
            return
        try:
            async with self._database.transaction() as session:
                await transfers.insert_messages(session, self._messages)
                await transfers.upsert_names(session, self._names)
                await transfers.delete_oldest(session, self._bound)
        except ServiceError as error:
            log.warning("lineage cannot be saved at the moment: %s", error.message)
            return
        self._messages, self._names = [], {}

    async def _write_periodically(self) -> None:
        while True:
            await asyncio.sleep(WRITE_INTERVAL_SECONDS)
            await self.write()
