"""The latest messages of the bus."""

from collections.abc import Sequence

from stackwire.db.session import Session


async def insert(session: Session, bodies: Sequence[bytes]) -> None:
    """In this order; a crash of PostgreSQL may lose the last of them, for which nothing waits on the disk."""
    await session.execute("SET LOCAL synchronous_commit = off")
    await session.execute(
        "INSERT INTO messages (body) SELECT body FROM unnest($1::bytea[]) WITH ORDINALITY AS t (body, place)"
        " ORDER BY place",
        bodies,
    )


async def delete_oldest(session: Session, bound: int, size: int) -> None:
    """Keeps the latest ``bound`` messages, and of these ``size`` bytes."""
    await session.execute("DELETE FROM messages WHERE number <= (SELECT max(number) FROM messages) - $1", bound)
    await session.execute(
        "DELETE FROM messages WHERE number <= (SELECT max(number) FROM (SELECT number, sum(octet_length(body))"
        " OVER (ORDER BY number DESC) AS total FROM messages) AS latest WHERE total > $1)",
        size,
    )


async def delete_all(session: Session) -> None:
    """After a reset."""
    if await session.value("SELECT EXISTS (SELECT FROM messages)"):
        await session.execute("TRUNCATE messages")


async def latest(session: Session, bound: int) -> list[bytes]:
    """At most ``bound`` messages, the oldest first."""
    rows = await session.rows("SELECT body FROM messages ORDER BY number DESC LIMIT $1", bound)
    return [row["body"] for row in reversed(rows)]
