"""Validates emitted notifications against the contracts of events; one that has no contract is a violation too."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
from pydantic import ValidationError

from stackwire.contracts import events

OUTBOXES = """
SELECT schemaname FROM pg_tables WHERE tablename = 'outbox' AND schemaname IN ('image', 'volume', 'compute')
"""


def violations(exchange: str, topic: str, event_type: str, priority: str, payload: Any) -> Iterator[str]:
    """Where a payload differs from its contract; one violation for an event that has none."""
    event = f"{exchange}/{topic}.{priority.lower()} {event_type}"
    try:
        events.read(exchange, topic, event_type, priority, payload)
    except KeyError:
        yield f"{event}: no such event among the contracts"
    except ValidationError as error:
        for detail in error.errors():
            path = ".".join(map(str, detail["loc"]))
            yield f"{event}: {path}: {detail['msg']}, got {json.dumps(detail['input'], default=str)[:100]}"


async def violations_in(connection: asyncpg.Connection) -> list[str]:
    """The violations of the notifications that the outboxes still hold: the last thousand at least."""
    found: dict[str, None] = {}
    for row in await connection.fetch(OUTBOXES):
        sql = f"SELECT name, address, payload FROM {row['schemaname']}.outbox WHERE kind = 'notify'"
        async with connection.transaction():
            async for name, address, payload in connection.cursor(sql):
                at = json.loads(address)
                found_here = violations(at["exchange"], at["topic"], name, at["priority"], json.loads(payload))
                found.update(dict.fromkeys(found_here))
    return list(found)
