"""Lineage outlives the tracer: what told of a crossing is written to PostgreSQL every so often, and read at the start.

A tracer that is killed loses the last seconds; nothing waits for it, and nothing but lineage is kept.
"""

import asyncio
import logging

from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database
from stackwire.trace.db import transfers
from stackwire.trace.domain.lineage import HOPS
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.message_store import Store
from stackwire.trace.domain.resources import Resource

SECONDS = 2.0
"""How often what is new is written."""
MOST_UNWRITTEN = HOPS

log = logging.getLogger(__name__)


class Keeper:
    """Between a store and its database, which it owns."""

    def __init__(self, store: Store, database: Database, bound: int) -> None:
        self._store = store
        self._database = database
        self._bound = bound
        self._messages: list[Message] = []
        self._names: dict[str, Resource] = {}
        self._writing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The store knows then what was kept. Raises DatabaseUnavailable."""
        async with self._database.read() as session:
            await transfers.forget(session, self._bound)
            self._store.remember(
                await transfers.newest(session, self._bound), await transfers.names(session, self._bound)
            )
        self._writing = asyncio.create_task(self._now_and_then())

    async def close(self) -> None:
        """What is new is written first."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
            await self.write()
        await self._database.close()

    async def write(self) -> None:
        """What could not be written waits for the next time, up to a bound."""
        messages, names = self._store.to_keep()
        self._messages = [*self._messages, *messages][-MOST_UNWRITTEN:]
        self._names |= names
        if not self._messages and not self._names:
            return
        try:
            async with self._database.transaction() as session:
                await transfers.add(session, self._messages)
                await transfers.name(session, self._names)
                await transfers.forget(session, self._bound)
        except ServiceError as error:
            log.warning("lineage is not kept at the moment: %s", error.message)
            return
        self._messages, self._names = [], {}

    async def _now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self.write()
