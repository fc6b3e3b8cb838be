"""What a client asks for when it makes or rebuilds a server, read and typed, in no version's clothes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateServerRequest:
    """A server asked for. ``networks``: ``none``, ``auto``, or the list fields_set; devices as entries of their syntax.

    ``user_data`` is base64; ``count`` is how many at most, ``min_count`` how many at min_count.
    """

    name: str
    flavor_ref: str
    image_ref: str = ""
    admin_password: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    networks: str | Sequence[Mapping[str, Any]] = "none"
    auto_disk: bool | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    personality: bool = False
    availability_zone: str | None = None
    devices_v1: Sequence[Mapping[str, Any]] | None = None
    devices_v2: Sequence[Mapping[str, Any]] | None = None
    config_drive: bool = False
    key_name: str | None = None
    min_count: int = 1
    count: int = 1
    security_groups: Sequence[str] = ()
    user_data: str | None = None
    description: str | None = None
    tags: Sequence[str] = ()
    trusted_certificates: bool = False
    host: bool = False
    hostname: str | None = None
    scheduler_hints: Mapping[str, Any] = field(default_factory=dict)
    multiattach: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildServerRequest:
    """A rebuild asked for; ``fields_set`` names the optional fields that were sent, so that null can mean "none"."""

    image_id: str
    fields_set: frozenset[str] = frozenset()
    name: str | None = None
    metadata: Mapping[str, str] | None = None
    personality: bool = False
    admin_password: str | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    auto_disk: bool | None = None
    preserve_ephemeral: bool = False
    description: str | None = None
    key_name: str | None = None
    user_data: str | None = None
    trusted_certificates: bool = False
    hostname: str | None = None
    reimage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateServerRequest:
    """What ``PUT /servers/{id}`` may change; ``fields_set`` names the fields that were sent."""

    fields_set: frozenset[str]
    name: str | None = None
    auto_disk: bool | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    description: str | None = None
    hostname: str | None = None
    pinned_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachVolumeRequest:
    volume_id: str
    device: str | None = None
    tag: str | None = None
    delete_on_termination: bool = False
    multiattach: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServersAccepted:
    """What the client is told of servers that are not there yet."""

    uuids: tuple[str, ...]
    reservation_id: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListActionsRequest:
    """Which of a server's actions: how many, and those changed in this time (both ends count)."""

    limit: int = 1000
    marker: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFlavorRequest:
    """``flavorid`` None: one is made."""

    name: str
    flavorid: str | None
    memory_mb: int
    vcpus: int
    root_gb: int
    ephemeral_gb: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    is_public: bool = True
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFlavorsRequest:
    """A page of flavors. ``is_public`` None: both kinds, which only administrators see."""

    is_public: bool | None = True
    min_ram: int = 0
    min_disk: int = 0
    name: str | None = None
    sort_key: str = "flavorid"
    descending: bool = False
    limit: int = 1000
    marker: str | None = None
