"""Holds what was told to the contracts of events: what is not in them is a failure, wherever it was told."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
from pydantic import ValidationError

from stackwire.contracts import events

OUTBOXES = """
SELECT schemaname FROM pg_tables WHERE tablename = 'outbox' AND schemaname IN ('image', 'volume', 'compute')
"""


def breaches(exchange: str, topic: str, event_type: str, priority: str, payload: Any) -> Iterator[str]:
    """Where a payload is not what its contract says; one breach for an event that has none."""
    where = f"{exchange}/{topic}.{priority.lower()} {event_type}"
    try:
        events.read(exchange, topic, event_type, priority, payload)
    except KeyError:
        yield f"{where}: no such event among the contracts"
    except ValidationError as error:
        for each in error.errors():
            place = ".".join(map(str, each["loc"]))
            yield f"{where}: {place}: {each['msg']}, told {json.dumps(each['input'], default=str)[:100]}"


async def breaches_in(dsn: str) -> list[str]:
    """All that was told in a database's time, as far as the outboxes keep it: their last thousand at least."""
    connection = await asyncpg.connect(dsn, timeout=30)
    try:
        found: dict[str, None] = {}
        for row in await connection.fetch(OUTBOXES):
            sql = f"SELECT name, address, payload FROM {row['schemaname']}.outbox WHERE kind = 'notify'"
            async with connection.transaction():
                async for name, address, payload in connection.cursor(sql):
                    at = json.loads(address)
                    told = breaches(at["exchange"], at["topic"], name, at["priority"], json.loads(payload))
                    found.update(dict.fromkeys(told))
        return list(found)
    finally:
        await connection.close()
