"""HTTP requests that a service has answered, as an event on the bus: a reader of the bus sees the whole action."""

from collections.abc import Sequence

from pydantic import Field

from stackwire.contracts.base import Contract, Event

STACKWIRE_EXCHANGE = "stackwire"
HTTP_TOPIC = "http"
SERVED = "http.served"


class DatabaseExchange(Contract):
    """A transaction, or reads outside one: ``core.database_use.DatabaseUse``."""

    statement: str
    started: float
    seconds: float


class HttpExchange(Contract):
    """One request with its response.

    ``request_id`` to ``project_id`` are of the request's context. ``started`` is in seconds since the epoch,
    ``seconds`` lasts until the last byte was sent. ``caller``: the name of one of our services, otherwise the first
    word of the client's User-Agent. ``path`` has no query; ``query`` has the names of its parameters only: values may
    be secret. ``request_bytes`` and ``response_bytes`` are None where no length is known. ``missed``: exchanges before
    this one that were not emitted, because the bus could not keep up. ``database``: what the service did in its
    database meanwhile, where it shows that. ``action``: the name in the body of ``POST .../action`` (``rebuild``).
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
    action: str | None = None
    query: tuple[str, ...] = ()
    status: int
    started: float
    seconds: float
    request_bytes: int | None = None
    response_bytes: int | None = None
    missed: int = 0
    database: tuple[DatabaseExchange, ...] = ()


class HttpExchanges(Contract):
    """What a service answered within a short time: one message for all, where a client polls every millisecond."""

    exchanges: tuple[HttpExchange, ...] = Field(alias="legs")


def served(service: str, exchanges: Sequence[HttpExchange]) -> Event:
    """The event ``http.served`` for these exchanges."""
    return Event(
        exchange=STACKWIRE_EXCHANGE,
        topic=HTTP_TOPIC,
        event_type=SERVED,
        publisher_id=service,
        payload=HttpExchanges(legs=tuple(exchanges)).model_dump(mode="json", by_alias=True),
        context=False,
        durable=False,
    )
