"""Messages from other services to the compute service."""

from typing import Literal

from stackwire.contracts.base import Call, Cast, Contract, Target

COMPUTE = Target(exchange="stackwire", topic="compute-api")
"""Not ``compute``: queue names do not contain the exchange, and that one is the topic of Nova's hosts."""


class ExternalEvent(Contract):
    """One event of os-server-external-events. ``tag`` is the id of the resource (volume, port) it is about."""

    name: str
    server_uuid: str
    tag: str | None = None
    status: Literal["completed", "failed", "in-progress"] = "completed"


class ServerExternalEvents(Cast, target=COMPUTE, method="server_external_events"):
    """Forwards these to the hosts of their servers."""

    events: list[ExternalEvent]


class UpdateServerVolume(Call[None], target=COMPUTE, method="update_server_volume"):
    """The server's host is to move the data of ``volume_id`` to its copy, and to complete the migration then.

    Requested again for the same two it goes on (``cinder/compute/nova.py: update_server_volume``).
    """

    server_uuid: str
    volume_id: str
    new_volume_id: str
