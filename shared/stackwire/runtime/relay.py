"""Sends the outbox to the bus: in order, at least once, and whatever was unavailable in between.

A message that no queue accepts holds back its own destination only, and is tried again with growing pauses; while the
broker is unavailable everything waits.  A commit wakes the relay of its own process at once, and a slow poll finds the
messages of a process that crashed after its commit.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from itertools import groupby
from typing import Protocol

from stackwire.core.errors import ServiceError, Unavailable
from stackwire.core.faults import CAUSE
from stackwire.core.metrics import RELAY_FAILURES, RELAY_SENT
from stackwire.db import outbox
from stackwire.db.outbox import Outgoing
from stackwire.db.pool import Database
from stackwire.messaging.errors import Undeliverable

log = logging.getLogger(__name__)

OUTBOX_BATCH = 64
CONCURRENT_NOTIFICATIONS = 16
"""Notifications that are published together."""
OUTBOX_POLL_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 5.0
SENT_MESSAGES_KEPT = 1_000
"""Sent messages that stay in the outbox, for whoever debugs."""
PRUNE_SECONDS = 60.0


class Sender(Protocol):
    """Publishes one outbox row."""

    async def send(self, message: Outgoing) -> None:
        """Returns when the broker has confirmed it. Raises Undeliverable when no queue accepts it, else Unavailable."""


class Relay:
    """One service's relay. An advisory lock serialises the processes of a service, which keeps the order."""

    def __init__(self, database: Database, sender: Sender) -> None:
        self._database = database
        self._sender = sender
        self._woken = asyncio.Event()
        self._stopping = False
        self._busy = False
        self._pause = 0.0
        self._held: dict[str, tuple[float, float]] = {}  # destination: (until, pause)
        self._tasks: list[asyncio.Task[None]] = []
        database.on_outbox(self.wake)

    @property
    def idle(self) -> bool:
        """True when no batch is being sent and none is due."""
        return not self._busy and not self._woken.is_set()

    def wake(self) -> None:
        """Looks at the outbox now, not at the next poll."""
        self._woken.set()

    async def start(self) -> None:
        """Begins to send, first what an earlier process left."""
        self.wake()
        create = asyncio.get_running_loop().create_task
        self._tasks = [create(work, context=Context()) for work in (self._run(), self._prune())]

    async def resume(self) -> None:
        """Begins again, with nothing held back."""
        self._held.clear()
        self._pause = 0.0
        await self.start()

    async def stop(self, timeout: float = 5.0) -> None:
        """Sends what can be sent, for ``timeout`` seconds at most; the rest waits for the next start."""
        self._stopping = True
        self.wake()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=timeout)
        await self.abort()

    async def abort(self) -> None:
        """Stops at once, whatever is being sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            self._busy = True
            try:
                while await self._send_batch():
                    pass
                self._pause = 0.0
            except Unavailable as error:
                self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2 or FIRST_PAUSE_SECONDS)
                log.warning("the relay of %s waits %.1f s: %s", self._database.schema, self._pause, error)
            except Exception:
                self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2 or FIRST_PAUSE_SECONDS)
                log.exception("the relay of %s failed; it continues", self._database.schema)
            finally:
                self._busy = False
            if self._stopping:
                return
            await self._rest()

    async def _rest(self) -> None:
        """Waits until woken, the next poll or the next retry; the full pause when the broker is unavailable."""
        if self._pause:
            await asyncio.sleep(self._pause)
            self.wake()
            return
        now = asyncio.get_running_loop().time()
        wait = min([OUTBOX_POLL_SECONDS, *(until - now for until, _ in self._held.values() if until > now)])
        with suppress(TimeoutError):
            async with asyncio.timeout(max(wait, 0.01)):
                await self._woken.wait()

    async def _send_batch(self) -> bool:
        """Sends one batch in one transaction, also when the broker disconnects within it; True when more may wait."""
        now = asyncio.get_running_loop().time()
        held = [destination for destination, (until, _) in self._held.items() if until > now]
        sent: list[int] = []
        failed: Exception | None = None
        async with self._database.transaction() as session:
            await session.value(
                "SELECT pg_advisory_xact_lock(hashtext('stackwire.relay'), hashtext($1))", self._database.schema
            )
            messages = await outbox.waiting(session, OUTBOX_BATCH, held)
            try:
                for notifications, run in groupby(messages, lambda message: message.kind == "notify"):
                    await (self._send_at_once if notifications else self._send_singly)(list(run), sent)
            except Exception as error:
                failed = error
            if sent:
                await outbox.mark_sent(session, sent, self._database.clock.now())
                kinds = {message.seq: message.kind for message in messages}
                for seq in sent:
                    RELAY_SENT.labels(self._database.schema, kinds[seq]).inc()
        if failed is not None:
            RELAY_FAILURES.labels(self._database.schema).inc()
            raise failed
        return len(messages) == OUTBOX_BATCH and bool(sent)

    async def _send_at_once(self, messages: Sequence[Outgoing], sent: list[int]) -> None:
        """Publishes notifications in their order, without waiting for each confirm.

        A notification needs no consumer, so none can be held back while the next is published.
        """
        for some in (
            messages[at : at + CONCURRENT_NOTIFICATIONS] for at in range(0, len(messages), CONCURRENT_NOTIFICATIONS)
        ):
            results = await asyncio.gather(*(self._send(message) for message in some), return_exceptions=True)
            sent += [message.seq for message, end in zip(some, results, strict=True) if end is True]
            for end in results:
                if isinstance(end, BaseException):
                    raise end

    async def _send_singly(self, messages: Sequence[Outgoing], sent: list[int]) -> None:
        for message in messages:
            if await self._send(message):
                sent.append(message.seq)  # noqa: PERF401  # what was sent before a failure counts

    async def _send(self, message: Outgoing) -> bool:
        """True when it was published. One that cannot be holds back its destination, to keep the order."""
        now = asyncio.get_running_loop().time()
        until, pause = self._held.get(message.destination, (0.0, 0.0))
        if until > now:
            return False
        try:
            await self._sender.send(message)
        except Undeliverable as error:
            self._hold(message, pause, error)
            return False
        except Unavailable:
            raise
        except (ServiceError, ValueError, TypeError) as error:
            self._hold(message, pause, error)
            return False
        self._held.pop(message.destination, None)
        if self._database.faults.rules:
            CAUSE.set(message.context)
            await self._database.faults.at("after_publish", (message.name,), lambda: f"{message.payload}")
        return True

    def _hold(self, message: Outgoing, pause: float, error: Exception) -> None:
        pause = min(MAX_PAUSE_SECONDS, pause * 2 or FIRST_PAUSE_SECONDS)
        self._held[message.destination] = (asyncio.get_running_loop().time() + pause, pause)
        if pause in (FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS):
            log.warning("%s %s waits for %s: %s", message.kind, message.name, message.destination, error)

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_SECONDS)
            try:
                async with self._database.transaction() as session:
                    await outbox.prune(session, SENT_MESSAGES_KEPT)
            except ServiceError as error:
                log.warning("the outbox of %s was not pruned: %s", self._database.schema, error)
