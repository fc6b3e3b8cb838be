"""Sends the outbox to the bus: in order, at least once, and whatever was unavailable in between.

A message that no queue accepts holds back its own destination only, and is tried again with growing pauses; while the
broker is unavailable everything waits.  A commit wakes the relay of its own process at once, and a slow poll finds the
messages of a process that crashed after its commit.

A bus within this process ends with it: a cast on it stays in the outbox until it has been handled, and the next process
sends it again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from itertools import groupby
from typing import Protocol

from stackwire.core.errors import ServiceError, Unavailable
from stackwire.core.faults import CAUSE
from stackwire.core.metrics import RELAY_FAILURES, RELAY_SENT
from stackwire.db import outbox
from stackwire.db.outbox import Outgoing
from stackwire.db.pool import Database
from stackwire.db.session import Session
from stackwire.messaging.errors import Undeliverable

log = logging.getLogger(__name__)

OUTBOX_BATCH = 64
CONCURRENT_NOTIFICATIONS = 16
"""Notifications that are published together."""
OUTBOX_POLL_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 5.0
ERASE_SECONDS = 0.1
"""How long casts that were handled are collected before they are erased."""
SENT_MESSAGES_KEPT = 1_000
"""Sent messages that stay in the outbox, for whoever debugs."""
PRUNE_SECONDS = 60.0


class Sender(Protocol):
    """Publishes one outbox row. ``outlives_process``: see Transport."""

    outlives_process: bool

    async def send(self, message: Outgoing, handled: Callable[[], None] | None = None) -> None:
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
        self._handled: list[str] = []
        self._wakes = False
        self._begun = False
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
        handled = list(self._handled)
        sent: set[int] = set()
        failed: Exception | None = None
        async with self._database.transaction() as session:
            await session.value(
                "SELECT pg_advisory_xact_lock(hashtext('stackwire.relay'), hashtext($1))", self._database.schema
            )
            await self._update_handled(session, handled)
            messages = await outbox.waiting(session, OUTBOX_BATCH, held)
            try:
                for notifications, run in groupby(messages, lambda message: message.kind == "notify"):
                    await (self._send_at_once if notifications else self._send_singly)(list(run), sent)
            except Exception as error:
                failed = error
            await self._mark_sent(session, [message for message in messages if message.seq in sent])
        self._begun = True
        del self._handled[: len(handled)]
        if failed is not None:
            RELAY_FAILURES.labels(self._database.schema).inc()
            raise failed
        return len(messages) == OUTBOX_BATCH and bool(sent)

    async def _mark_sent(self, session: Session, messages: Sequence[Outgoing]) -> None:
        done: dict[bool, list[int]] = {False: [], True: []}
        for message in messages:
            done[self._is_lost_with_process(message.kind)].append(message.seq)
        for kind, count in Counter(message.kind for message in messages).items():
            RELAY_SENT.labels(self._database.schema, kind).inc(count)
        if messages:
            await outbox.mark_sent(session, done[False], self._database.clock.now(), unhandled=done[True])

    async def _send_at_once(self, messages: Sequence[Outgoing], sent: set[int]) -> None:
        """Publishes notifications in their order, without waiting for each confirm.

        A notification needs no consumer, so none can be held back while the next is published.
        """
        for some in (
            messages[at : at + CONCURRENT_NOTIFICATIONS] for at in range(0, len(messages), CONCURRENT_NOTIFICATIONS)
        ):
            results = await asyncio.gather(*(self._send(message) for message in some), return_exceptions=True)
            sent.update(message.seq for message, end in zip(some, results, strict=True) if end is True)
            for end in results:
                if isinstance(end, BaseException):
                    raise end

    async def _send_singly(self, messages: Sequence[Outgoing], sent: set[int]) -> None:
        for message in messages:
            if await self._send(message):
                sent.add(message.seq)

    async def _send(self, message: Outgoing) -> bool:
        """True when it was published. One that cannot be holds back its destination, to keep the order."""
        now = asyncio.get_running_loop().time()
        until, pause = self._held.get(message.destination, (0.0, 0.0))
        if until > now:
            return False
        try:
            await self._publish(message)
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

    async def _publish(self, message: Outgoing) -> None:
        lost = self._is_lost_with_process(message.kind)
        await self._sender.send(message, partial(self._on_handled, message.id) if lost else None)

    def _is_lost_with_process(self, kind: str) -> bool:
        return kind == "cast" and not self._sender.outlives_process

    def _on_handled(self, id: str) -> None:
        self._handled.append(id)
        if not self._wakes:
            self._wakes = True
            asyncio.get_running_loop().call_later(ERASE_SECONDS, self._wake_to_erase)

    def _wake_to_erase(self) -> None:
        self._wakes = False
        self.wake()

    async def _update_handled(self, session: Session, handled: Sequence[str]) -> None:
        """Erases the casts that were handled; the first time, sends those again that an earlier process left."""
        if not self._begun:
            await outbox.send_unhandled_again(session)
        if handled:
            await outbox.mark_handled(session, handled)

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
