"""What is counted in a service's schema, for its metrics."""

from typing import NamedTuple

from stackwire.db.pool import Database
from stackwire.db.table import GOVERNED, Table


class StateCount(NamedTuple):
    """``state``: the state columns' values, joined by a slash. ``oldest_seconds``: of a state of transition, since when
    the row that has been in it for longest was not written."""

    resource: str
    state: str
    number: int
    oldest_seconds: float | None


async def outbox(database: Database) -> tuple[int, float]:
    """How many messages are not sent yet, and for how many seconds the oldest has waited."""
    (row,) = await database.rows(
        "SELECT count(*) AS unsent, min(created_at) AS oldest FROM outbox WHERE sent_at IS NULL"
    )
    oldest = row["oldest"]
    return row["unsent"], 0.0 if oldest is None else max(0.0, (database.clock.now() - oldest).total_seconds())


async def leases(database: Database) -> dict[str, int]:
    """Leases by whether they have run out; nothing where the service has none."""
    if await database.value("SELECT to_regclass('leases') IS NULL"):
        return {}
    (row,) = await database.rows(
        "SELECT count(*) FILTER (WHERE expires_at >= $1) AS held, count(*) FILTER (WHERE expires_at < $1) AS expired"
        " FROM leases",
        database.clock.now(),
    )
    return row


async def states(database: Database) -> list[StateCount]:
    """Live rows by state, of each table that has states."""
    found: list[StateCount] = []
    for table in GOVERNED.get(database.schema, ()):
        found += await _states_of(database, table)
    return found


async def _states_of(database: Database, table: Table[object]) -> list[StateCount]:
    machine = table.states
    assert machine is not None
    columns = ", ".join(machine.columns)
    moments = [name for name in ("updated_at", "created_at") if name in table.names]
    age = f"min(coalesce({', '.join(moments)}))" if moments else "NULL"
    rows = await database.rows(
        f"SELECT {columns}, count(*) AS number, {age} AS oldest FROM {table.name} WHERE {table.live} GROUP BY {columns}"
    )
    now = database.clock.now()
    return [
        StateCount(
            machine.noun,
            "/".join(str(row[column]) for column in machine.columns if row[column] is not None) or "none",
            row["number"],
            max(0.0, (now - row["oldest"]).total_seconds())
            if row["oldest"] is not None and any(row[column] in machine.transient(column) for column in machine.columns)
            else None,
        )
        for row in rows
    ]
