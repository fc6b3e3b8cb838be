"""Who is at work on a row: a lease that its process renews while it works, and that runs out when the process dies.

A lease keeps a message that is delivered twice from being handled twice, and tells recovery which rows a dead worker
left behind. Each service's schema has the table::

    CREATE TABLE leases (
        noun text NOT NULL, id text NOT NULL, owner text NOT NULL, expires_at timestamptz NOT NULL,
        PRIMARY KEY (noun, id)
    );
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Collection
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError, Unavailable
from stackwire.core.ids import new_id
from stackwire.db.pool import Database, Session, UnitOfWork
from stackwire.db.table import Arguments, Table

log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
"""How often a lease that another process holds is tried again."""


def new_owner() -> str:
    """A name for this process that no other process has, nor the next one on this machine."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id()[:8]}"


class LeaseLost(Unavailable):
    """The request took too long: {noun} {id} has been released."""


class Kept:
    """A lease that this process renews."""

    def __init__(self, leases: "Leases", noun: str, id: str) -> None:
        self.released = False
        self._leases = leases
        self._key = noun, id

    async def release(self, uow: UnitOfWork) -> None:
        """The row is free from the commit on, together with the message that makes it somebody else's work.

        LeaseLost: this process was away for so long that recovery has taken the row.
        """
        self.released = True
        self._leases.stop_renewing(*self._key)
        if not await self._leases.release(uow, *self._key):
            noun, id = self._key
            raise LeaseLost(noun=noun, id=id)

    def leave(self) -> None:
        """The row is free when the lease has run out: by then it is known what has become of it."""
        self.released = True
        self._leases.stop_renewing(*self._key)


class Leases:
    """The leases of one process on the rows of one service. ``ttl``: how long one lasts without being renewed.

    ``single_process``: no other process can be at work on these rows, so that every lease of another owner is dead.
    """

    def __init__(self, database: Database, *, owner: str, ttl: timedelta, single_process: bool = False) -> None:
        self.owner = owner
        self.ttl = ttl
        self._database = database
        self._single_process = single_process
        self._held: set[tuple[str, str]] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._end_following = database.clock.follow(self._renew)

    def holds(self, noun: str, id: str) -> bool:
        """Whether this process is at work on the row now."""
        return (noun, id) in self._held

    async def claim(self, uow: UnitOfWork, noun: str, id: str) -> bool:
        """True when nobody living holds the row: it is this process's from the commit on. ``keep`` renews it."""
        return bool(
            await uow.execute(
                "INSERT INTO leases (noun, id, owner, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (noun, id)"
                " DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at"
                " WHERE leases.expires_at < $5 OR ($6 AND leases.owner <> $3)",
                noun,
                id,
                self.owner,
                uow.now + self.ttl,
                uow.now,
                self._single_process,
            )
        )

    async def hand_over(self, uow: UnitOfWork, noun: str, id: str, owner: str) -> None:
        """The row that this process has claimed is another's from the commit on: that one renews the lease."""
        await uow.execute(
            "UPDATE leases SET owner = $4 WHERE noun = $1 AND id = $2 AND owner = $3", noun, id, self.owner, owner
        )

    async def release(self, session: Session, noun: str, id: str) -> bool:
        """The row is free for others. False when this process did not hold it."""
        return bool(
            await session.execute("DELETE FROM leases WHERE noun = $1 AND id = $2 AND owner = $3", noun, id, self.owner)
        )

    async def revoke(self, session: Session, noun: str, id: str) -> None:
        """The row is free, whoever holds it: its state changed by force, or its work ended with this transaction."""
        await session.execute("DELETE FROM leases WHERE noun = $1 AND id = $2", noun, id)

    @contextlib.asynccontextmanager
    async def keep(self, noun: str, id: str) -> AsyncIterator["Kept"]:
        """Renews a claimed lease while the block runs, and releases it afterwards, if the block has not."""
        self._held.add((noun, id))
        if self._renewing is None or self._renewing.done():
            # It outlives the work that begins it, and that one's timeline.
            self._renewing = asyncio.get_running_loop().create_task(self._renew_all(), context=Context())
        kept = Kept(self, noun, id)
        try:
            yield kept
        finally:
            if not kept.released:
                self.stop_renewing(noun, id)
                await asyncio.shield(self._released(noun, id))

    def stop_renewing(self, noun: str, id: str) -> None:
        self._held.discard((noun, id))

    @contextlib.asynccontextmanager
    async def hold(self, ctx: RequestContext, noun: str, id: str) -> AsyncIterator[bool]:
        """True inside when the row is this block's to work on, until it ends; False when it is being worked on already.

        A lease of another process is waited for until it is released or runs out: a message that is delivered again
        because its worker died must not be dropped while that worker's lease lasts.
        """
        if not await self._wait_for(ctx, noun, id):
            yield False
            return
        async with self.keep(noun, id):
            yield True

    @contextlib.asynccontextmanager
    async def exclusive(self, ctx: RequestContext, noun: str, id: str) -> AsyncIterator[bool]:
        """True inside when no living process is at it, this one included; unlike ``hold`` waits for nobody."""
        async with self._database.work(ctx) as uow:
            claimed = await self.claim(uow, noun, id)
        if not claimed:
            yield False
            return
        async with self.keep(noun, id):
            yield True

    async def current_owner(self, session: Session, noun: str, id: str) -> str | None:
        """The living process that holds the row; None when nobody does."""
        owner: str | None = await session.value(
            "SELECT owner FROM leases WHERE noun = $1 AND id = $2 AND expires_at >= $3 AND (NOT $4 OR owner = $5)",
            noun,
            id,
            self._database.clock.now(),
            self._single_process,
            self.owner,
        )
        return owner

    async def orphans(
        self,
        session: Session,
        table: Table[Any],
        states: Collection[str | None],
        *,
        column: str = "status",
        unclaimed_before: datetime | None = None,
    ) -> list[str]:
        """Keys of live rows in these states that no living process holds, oldest first.

        Rows that nobody ever claimed count only when they have not changed since ``unclaimed_before``: until then their
        message may be waiting in a queue.
        """
        assert table.states is not None
        rows = await session.rows(
            f"SELECT row.{table.key} AS key FROM {table.name} AS row"
            f" LEFT JOIN leases ON leases.noun = $1 AND leases.id = row.{table.key}::text"
            f" WHERE row.{column} = ANY($2) AND {table.live} AND (leases.expires_at < $3"
            "  OR ($4 AND leases.owner <> $5)"
            "  OR (leases.id IS NULL AND coalesce(row.updated_at, row.created_at) < $6))"
            " ORDER BY row.created_at",
            table.states.noun,
            list(states),
            self._database.clock.now(),
            self._single_process,
            self.owner,
            unclaimed_before,
        )
        return [str(row["key"]) for row in rows]

    async def expired(self, session: Session, noun: str) -> list[str]:
        """Ids of the noun whose holder died."""
        rows = await session.rows(
            "SELECT id FROM leases WHERE noun = $1 AND (expires_at < $2 OR ($3 AND owner <> $4)) ORDER BY expires_at",
            noun,
            self._database.clock.now(),
            self._single_process,
            self.owner,
        )
        return [str(row["id"]) for row in rows]

    def held(self, arguments: Arguments, noun: str, key: str) -> str:
        """A condition: a living process holds the row whose id is the SQL expression ``key``."""
        placeholder = arguments.placeholder
        condition = (
            f"noun = {placeholder(noun)} AND id = {key} AND expires_at >= {placeholder(self._database.clock.now())}"
        )
        if self._single_process:
            condition += f" AND owner = {placeholder(self.owner)}"
        return f"EXISTS (SELECT FROM leases WHERE {condition})"

    async def restore(self, session: Session) -> None:
        """After a reset, which left no lease: writes those that this process still holds."""
        await session.many(
            "INSERT INTO leases (noun, id, owner, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            [(noun, id, self.owner, self._database.clock.now() + self.ttl) for noun, id in self._held],
        )

    async def close(self) -> None:
        """Releases whatever this process still holds. What it has left runs out, and is looked at then."""
        self._end_following()
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        held = list(self._held)
        self._held.clear()
        with contextlib.suppress(ServiceError):  # an unreachable database lets them run out
            async with self._database.read() as session:
                await session.execute(
                    "DELETE FROM leases WHERE owner = $1"
                    " AND (noun, id) IN (SELECT * FROM unnest($2::text[], $3::text[]))",
                    self.owner,
                    [noun for noun, _ in held],
                    [id for _, id in held],
                )

    async def _wait_for(self, ctx: RequestContext, noun: str, id: str) -> bool:
        deadline = asyncio.get_running_loop().time() + self.ttl.total_seconds() + 2 * RETRY_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            async with self._database.work(ctx) as uow:
                if await self.claim(uow, noun, id):
                    return True
                owner = await self.current_owner(uow, noun, id)
            if owner == self.owner:
                return False
            if owner is not None:
                await asyncio.sleep(RETRY_SECONDS)
        return False

    async def _renew_all(self) -> None:
        while self._held:
            await asyncio.sleep(self.ttl.total_seconds() / 4)
            await self._renew(self._database.clock.now())

    async def _renew(self, now: datetime) -> None:
        held = list(self._held)
        if not held:
            return
        try:
            async with self._database.read() as session:
                # One that a transaction is about to end is left alone: who waits for it may be waited for.
                await session.execute(
                    "UPDATE leases SET expires_at = $2 FROM (SELECT noun, id FROM leases WHERE owner = $1"
                    " AND (noun, id) IN (SELECT * FROM unnest($3::text[], $4::text[]))"
                    " ORDER BY noun, id FOR UPDATE SKIP LOCKED) AS held"
                    " WHERE leases.noun = held.noun AND leases.id = held.id",
                    self.owner,
                    now + self.ttl,
                    [noun for noun, _ in held],
                    [id for _, id in held],
                )
        except ServiceError as error:
            log.warning("leases could not be renewed: %s", error)

    async def _released(self, noun: str, id: str) -> None:
        try:
            async with self._database.read() as session:
                await self.release(session, noun, id)
        except ServiceError as error:
            log.warning("the lease on %s %s could not be released and runs out by itself: %s", noun, id, error)
