"""A server with everything that is shown of it, and what was asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.model import Action, ActionEvent, BlockDevice, Fault, Flavor, Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server. ``flavor`` is what it was made with, ``request_spec`` what was asked for it beyond its columns."""

    instance: Instance
    flavor: Flavor
    devices: tuple[BlockDevice, ...] = ()
    metadata: Mapping[str, str]
    system_metadata: Mapping[str, str]
    tags: tuple[str, ...] = ()
    addresses: tuple[FixedIp, ...] = ()
    fault: Fault | None = None
    request_spec: Mapping[str, Any]

    @property
    def uuid(self) -> str:
        return self.instance.uuid

    @property
    def pinned_zone(self) -> str | None:
        """The availability zone the client asked for, which is more than the one the server is in."""
        zone = self.request_spec.get("availability_zone")
        return zone if isinstance(zone, str) else None

    @property
    def scheduler_hints(self) -> Mapping[str, Any]:
        hints = self.request_spec.get("scheduler_hints")
        return hints if isinstance(hints, Mapping) else {}

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


@dataclass(frozen=True, slots=True)
class Page:
    """Servers in the order asked for; ``more``: there are others behind."""

    servers: list[Server]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDetails:
    """An action with its events, newest first; ``server_project_id`` is whose host ids are shown."""

    action: Action
    events: tuple[ActionEvent, ...] = ()
    server_project_id: str
