"""What lineage consists of: the latest messages about property transfers, and the names of resources."""

from collections.abc import Mapping, Sequence

from stackwire.db.session import Session
from stackwire.trace.domain.resources import Resource


async def insert_messages(session: Session, bodies: Sequence[bytes]) -> None:
    """In this order."""
    await session.execute(
        "INSERT INTO crossings (body) SELECT body FROM unnest($1::bytea[]) WITH ORDINALITY AS t (body, place)"
        " ORDER BY place",
        bodies,
    )


async def upsert_names(session: Session, names: Mapping[str, Resource]) -> None:
    """The later of two resources with one name has it."""
    await session.execute(
        "INSERT INTO names (name, kind, id) SELECT told->>0, told->>1, told->>2"
        " FROM jsonb_array_elements($1) WITH ORDINALITY AS t (told, place) ORDER BY place"
        " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, id = excluded.id, number = DEFAULT",
        [[name, resource.kind, resource.id] for name, resource in names.items()],
    )


async def delete_oldest(session: Session, bound: int) -> None:
    """Keeps the latest ``bound`` messages and as many names."""
    await session.execute("DELETE FROM crossings WHERE number <= (SELECT max(number) FROM crossings) - $1", bound)
    await session.execute("DELETE FROM names WHERE number <= (SELECT max(number) FROM names) - $1", bound)


async def latest_messages(session: Session, bound: int) -> list[bytes]:
    """At most ``bound`` messages, the oldest first."""
    rows = await session.rows("SELECT body FROM crossings ORDER BY number DESC LIMIT $1", bound)
    return [row["body"] for row in reversed(rows)]


async def latest_names(session: Session, bound: int) -> dict[str, Resource]:
    """At most ``bound`` names, the oldest first."""
    rows = await session.rows("SELECT name, kind, id FROM names ORDER BY number DESC LIMIT $1", bound)
    return {row["name"]: Resource(row["kind"], row["id"]) for row in reversed(rows)}
