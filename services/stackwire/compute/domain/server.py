"""A server with all its parts, and pages and details of what the API shows of servers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.hypervisors import HostService
from stackwire.compute.domain.model import Action, ActionEvent, BlockDevice, Fault, Flavor, Instance
from stackwire.contracts.compute import ExternalEvent
from stackwire.core.behaviours import Behaviours


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """``flavor``: as it was when the server was created or resized; ``old_flavor`` and ``new_flavor``: what it was and
    is to be, from a resize until its confirmation; ``request_spec``: what the request held beyond the columns;
    ``views``: what is shown of it, by whom it is shown to, kept by who makes it.
    """

    instance: Instance
    flavor: Flavor
    old_flavor: Flavor | None = None
    new_flavor: Flavor | None = None
    devices: tuple[BlockDevice, ...] = ()
    metadata: Mapping[str, str]
    system_metadata: Mapping[str, str]
    tags: tuple[str, ...] = ()
    addresses: tuple[FixedIp, ...] = ()
    fault: Fault | None = None
    request_spec: Mapping[str, Any]
    group_uuid: str | None = None
    service: HostService | None = None
    views: dict[Any, Any] = field(init=False, default_factory=dict, compare=False, repr=False)

    @property
    def uuid(self) -> str:
        return self.instance.uuid

    @property
    def pinned_zone(self) -> str | None:
        """The availability zone that the client requested, which is more than the one the server is in."""
        zone = self.request_spec.get("availability_zone")
        return zone if isinstance(zone, str) else None

    @property
    def hints(self) -> dict[str, list[str]]:
        """The scheduler hints in the request."""
        return dict(self.request_spec.get("scheduler_hints") or {})

    @property
    def trusted_certificates(self) -> list[str] | None:
        """The ids of the certificates that the client trusts to sign the image; since 2.63."""
        found = self.request_spec.get("trusted_certificates")
        return list(found) if found else None

    @property
    def image_name(self) -> str | None:
        """The name of the image in the request, as it was then."""
        return (self.request_spec.get("image") or {}).get("name")

    @property
    def locked_reason(self) -> str | None:
        return self.system_metadata.get("locked_reason")

    @property
    def root(self) -> BlockDevice | None:
        return next((device for device in self.devices if device.is_root), None)

    @property
    def is_volume_backed(self) -> bool:
        """Its root device is a volume (``nova/compute/utils.py: is_volume_backed_instance``)."""
        root = self.root
        return root.is_volume if root is not None else not self.instance.image_ref

    def with_instance(self, instance: Instance) -> "Server":
        return replace(self, instance=instance)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDetails:
    """An action with its events, newest first; ``server_project_id``: the project whose host ids are shown.

    ``event_details``: the caller may see hosts, errors and tracebacks.
    """

    action: Action
    events: tuple[ActionEvent, ...] = ()
    server_project_id: str
    event_details: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerVisibility:
    """What of a server a caller may see: the administrators' attributes, its host's status, as it is ``now``.

    ``behaviours``: of the simulated release, which decides on image properties.
    """

    extended_attributes: bool
    host_status: bool
    now: datetime
    behaviours: Behaviours


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """An external event with its outcome: 200 forwarded, 404 no such server, 422 a server on no host."""

    event: ExternalEvent
    code: int
