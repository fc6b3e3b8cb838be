"""One HTTP request that a service answered: told on the bus, so that whoever reads the bus sees the whole way."""

from collections.abc import Sequence

from stackwire.contracts.base import Contract, Event

EXCHANGE = "stackwire"
TOPIC = "http"
SERVED = "http.served"


class Leg(Contract):
    """``request_id`` and what follows it are of the context it was answered in. ``started`` in seconds since the epoch,
    ``seconds`` until the last byte was sent. ``caller``: one of our services by its name, otherwise the first word of
    the client's User-Agent. ``path`` is without the query, whose names alone are told: values may be secret. Bytes are
    None where the length was never said. ``missed``: legs not told before this one, because the bus was behind.
    """

    request_id: str
    global_request_id: str | None = None
    traceparent: str | None = None
    user_id: str | None = None
    project_id: str | None = None
    service: str
    caller: str
    method: str
    path: str
    query: tuple[str, ...] = ()
    status: int
    started: float
    seconds: float
    request_bytes: int | None = None
    response_bytes: int | None = None
    missed: int = 0


class Legs(Contract):
    """What a service answered within a moment: one message for all of it, for a poll a millisecond would be many."""

    legs: tuple[Leg, ...]


def served(service: str, legs: Sequence[Leg]) -> Event:
    return Event(
        exchange=EXCHANGE,
        topic=TOPIC,
        event_type=SERVED,
        publisher_id=service,
        payload=Legs(legs=tuple(legs)).model_dump(mode="json"),
        context=False,
        keep=False,
    )
