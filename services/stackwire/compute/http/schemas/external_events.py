"""The body of ``POST /os-server-external-events``, and the version in which each event came."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from stackwire.compute.http.schemas.fields import Body, Short, Uuid

EVENTS_SINCE: Mapping[str, tuple[int, int]] = {
    "network-changed": (2, 1),
    "network-vif-plugged": (2, 1),
    "network-vif-unplugged": (2, 1),
    "network-vif-deleted": (2, 1),
    "volume-extended": (2, 51),
    "power-update": (2, 76),
    "accelerator-request-bound": (2, 82),
    "volume-reimaged": (2, 93),
}


class ExternalEventBody(Body):
    """One event; ``tag``: the port or volume it is about."""

    name: str
    server_uuid: Uuid
    status: Literal["failed", "completed", "in-progress"] = "completed"
    tag: Short | None = None


class ExternalEvents(Body):
    """``POST /os-server-external-events``."""

    events: Annotated[list[ExternalEventBody], Field(min_length=1)]
