"""Rows of ``properties`` and ``rebuilds``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stackwire.contracts.properties import ResourceProperties
from stackwire.db.pool import Session
from stackwire.index.domain.resources import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedProperty:
    """One property of one resource. ``since``: when it got its value."""

    kind: str
    id: str
    key: str
    value: str | None
    since: datetime


async def replace(session: Session, resource: Resource, found: ResourceProperties | None) -> None:
    """The resource has these properties and no others; None: it is deleted."""
    keys = list(found.properties) if found is not None else []
    await session.execute(
        "DELETE FROM properties WHERE kind = $1 AND id = $2 AND NOT key = ANY($3::text[])", *resource, keys
    )
    if found is None or not keys:
        return
    await session.execute(
        "INSERT INTO properties (kind, id, key, value, since)"
        " SELECT $1, $2, n.key, n.value, n.since"
        " FROM unnest($3::text[], $4::text[], $5::timestamptz[]) AS n (key, value, since)"
        " ON CONFLICT (kind, id, key) DO UPDATE SET value = excluded.value, since = excluded.since",
        *resource,
        keys,
        list(found.properties.values()),
        [datetime.fromisoformat(found.since[key]) for key in keys],
    )


async def known_ids(session: Session, kind: str) -> set[str]:
    """The resources of a kind that have properties here."""
    return {row["id"] for row in await session.rows("SELECT DISTINCT id FROM properties WHERE kind = $1", kind)}


async def where(session: Session, keys: Sequence[str], kind: str | None, value: str | None) -> list[IndexedProperty]:
    """Resources that have a property of these names now; the latest last."""
    return await session.all(
        IndexedProperty,
        "SELECT kind, id, key, value, since FROM properties WHERE key = ANY($1) AND ($2::text IS NULL OR kind = $2)"
        " AND ($3::text IS NULL OR value = $3) ORDER BY since, kind, id, key",
        list(keys),
        kind,
        value,
    )


async def counts(session: Session) -> dict[str, int]:
    """How many resources of each kind have properties."""
    rows = await session.rows(
        "SELECT kind, count(DISTINCT id) AS resources FROM properties GROUP BY kind ORDER BY kind"
    )
    return {row["kind"]: row["resources"] for row in rows}


async def begin_rebuild(session: Session, now: datetime) -> None:
    """Only the latest are kept."""
    await session.execute("INSERT INTO rebuilds (began_at) VALUES ($1) ON CONFLICT DO NOTHING", now)
    await session.execute(
        "DELETE FROM rebuilds WHERE began_at < (SELECT max(began_at) FROM rebuilds) - interval '1 day'"
    )


async def end_rebuild(session: Session, began_at: datetime, now: datetime, resources: int) -> None:
    """It read that many."""
    await session.execute(
        "UPDATE rebuilds SET ended_at = $2, resources = $3 WHERE began_at = $1", began_at, now, resources
    )


async def last_rebuild(session: Session) -> dict[str, Any] | None:
    """The latest one, ended or not."""
    rows = await session.rows("SELECT began_at, ended_at, resources FROM rebuilds ORDER BY began_at DESC LIMIT 1")
    return rows[0] if rows else None
