"""Tells of each injected fault on the bus, so that the story it happened in shows it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from stackwire.contracts.faults import InjectedFault, injected
from stackwire.core.errors import ServiceError
from stackwire.core.faults import Injection
from stackwire.core.ids import new_id
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import Transport

NOTE_SECONDS = 1.0
"""How long an unavailable bus delays an injected fault."""


def notes_on(transport: Transport) -> Callable[[Injection], Awaitable[None]]:
    """What publishes them; a note may be lost."""
    notifier = Notifier(transport)

    async def report(injection: Injection) -> None:
        fault = injection.fault
        note = InjectedFault(
            fault_id=fault.id, text=injection.text, rule=fault.rule.model_dump(mode="json", exclude_none=True)
        )
        event = injected(injection.service, note)
        with contextlib.suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(NOTE_SECONDS):
                await notifier.send(event, injection.cause, new_id(), datetime.now(UTC))

    return report
