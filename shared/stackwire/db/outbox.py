"""The transactional outbox: messages are rows written in the same transaction as the changes they are about.

A row's id is the message id on the bus, so a message sent twice is recognised as the same.  ``seq`` is the order in
which the relay sends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from stackwire.contracts.base import Cast, Event, Fanout
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.session import Session

Kind = Literal["notify", "cast", "fanout"]

# The first step of every schema, applied before; a later change is a step of its own (SHARED_STEPS in migrate.py).
# Payloads are json, not jsonb: the text goes out as it was written, key order included.
TABLES = """
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id varchar(36) NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('notify', 'cast', 'fanout')),
    name text NOT NULL,
    destination text NOT NULL,
    address json NOT NULL,
    payload json NOT NULL,
    context json NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX outbox_waiting ON outbox (seq) WHERE sent_at IS NULL;
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id varchar(64) NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX inbox_age ON inbox (received_at);
CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('outbox', TG_TABLE_SCHEMA); RETURN NULL; END $$;
CREATE TRIGGER outbox_wakes AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();
"""
_ERASED = "context = '{}', payload = CASE kind WHEN 'notify' THEN payload ELSE '{}' END"
_UNHANDLED = "kind = 'cast' AND sent_at IS NOT NULL AND context::text <> '{}'"
"""A cast always has a context, until it is erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to be sent.

    ``name`` is the event type or the method; ``address`` says where it goes (exchange, topic, and for a notification
    publisher_id, priority, durable; for a cast namespace, version, server); ``context`` is in wire form.
    Messages of one ``destination`` keep their order, except for a notification that the broker itself refuses.
    """

    seq: int = 0
    id: str
    kind: Kind
    name: str
    destination: str
    address: Mapping[str, Any]
    payload: Any
    context: Mapping[str, Any]
    created_at: datetime

    @classmethod
    def of_event(cls, ctx: RequestContext, event: Event, now: datetime) -> "Outgoing":
        """The row of a notification; secrets in the context are left out."""
        address = attributes(event, "exchange topic publisher_id priority durable context")
        payload = event.payload if isinstance(event.payload, str) else dict(event.payload)
        return cls(
            id=new_id(),
            kind="notify",
            name=event.event_type,
            destination=f"{event.exchange}/{event.topic}",
            address=address,
            payload=payload,
            context=ctx.redacted() if event.context else ctx.ids(),
            created_at=now,
        )

    @classmethod
    def of_message(
        cls,
        ctx: RequestContext,
        message: Cast | Fanout,
        now: datetime,
        server: str | None = None,
        topic: str | None = None,
    ) -> "Outgoing":
        """The row of a cast or fanout; the context keeps the caller's token."""
        target, kind = message.target, "fanout" if isinstance(message, Fanout) else "cast"
        topic = topic or target.topic
        address = {**attributes(target, "exchange namespace version"), "topic": topic, "server": server}
        return cls(
            id=new_id(),
            kind="fanout" if isinstance(message, Fanout) else "cast",
            name=message.method,
            destination=f"{kind}:{target.exchange}/{topic}/{server or ''}",
            address=address,
            payload=message.to_args(),
            context=ctx.to_wire(),
            created_at=now,
        )


_COLUMNS = ("id", "kind", "name", "destination", "address", "payload", "context", "created_at")
_TYPES = ("text", "text", "text", "text", "json", "json", "json", "timestamptz")


def columns(messages: Sequence[Outgoing]) -> list[list[Any]]:
    """The arguments of ``insertion``."""
    return [[getattr(message, name) for message in messages] for name in _COLUMNS]


def insertion(after: int = 0, condition: str = "true") -> str:
    """A statement that inserts messages in their order, where the condition holds. ``after``: so many arguments."""
    names = ", ".join(_COLUMNS)
    given = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(_TYPES, after + 1))
    return (
        f"INSERT INTO outbox ({names}) SELECT {names} FROM unnest({given}) WITH ORDINALITY"
        f" AS message ({names}, at) WHERE {condition} ORDER BY at"
    )


_INSERT = insertion()


async def write(session: Session, messages: Sequence[Outgoing]) -> None:
    """Inserts the messages in their order."""
    await session.execute(_INSERT, *columns(messages))


async def waiting(session: Session, limit: int, held_back: Sequence[str] = ()) -> list[Outgoing]:
    """The oldest unsent messages; destinations ``held_back`` are left out. The relay's advisory lock is theirs, too."""
    return await session.all(
        Outgoing,
        "SELECT seq, id, kind, name, destination, address, payload, context, created_at FROM outbox"
        " WHERE sent_at IS NULL AND destination <> ALL($2) ORDER BY seq LIMIT $1",
        limit,
        list(held_back),
    )


async def mark_sent(session: Session, seqs: Sequence[int], now: datetime, *, unhandled: Sequence[int] = ()) -> None:
    """Marks messages as sent and erases what may be secret: the token in their context, a password among arguments.

    ``unhandled``: casts that are erased by ``mark_handled`` only.
    """
    if seqs:
        await session.execute(f"UPDATE outbox SET sent_at = $2, {_ERASED} WHERE seq = ANY($1)", list(seqs), now)
    if unhandled:
        await session.execute("UPDATE outbox SET sent_at = $2 WHERE seq = ANY($1)", list(unhandled), now)


async def mark_handled(session: Session, ids: Sequence[str]) -> None:
    """Erases casts that need not be sent again, whatever becomes of the bus."""
    await session.execute(f"UPDATE outbox SET {_ERASED} WHERE id = ANY($1) AND sent_at IS NOT NULL", list(ids))


async def send_unhandled_again(session: Session) -> None:
    """Casts that were on the bus of a process that has ended wait to be sent, as before."""
    await session.execute(f"UPDATE outbox SET sent_at = NULL WHERE {_UNHANDLED}")


async def prune(session: Session, keep: int) -> None:
    """Deletes sent messages but the last ``keep``, which stay as history, and unhandled casts."""
    await session.execute(
        "DELETE FROM outbox WHERE sent_at IS NOT NULL AND seq < (SELECT coalesce(max(seq), 0) - $1 FROM outbox)"
        f" AND NOT ({_UNHANDLED})",
        keep,
    )


async def unsent(session: Session) -> int:
    """How many messages have not been sent yet."""
    return int(await session.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL"))


async def unhandled(session: Session) -> int:
    """How many casts are not sent yet, or on a bus that ends with its process and not handled."""
    return int(
        await session.value(f"SELECT count(*) FROM outbox WHERE kind = 'cast' AND (sent_at IS NULL OR {_UNHANDLED})")
    )
