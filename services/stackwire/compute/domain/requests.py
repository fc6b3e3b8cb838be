"""What callers request, independent of microversions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_COLUMNS = {
    "name": "display_name",
    "description": "display_description",
    "access_ip_v4": "access_ip_v4",
    "access_ip_v6": "access_ip_v6",
    "hostname": "hostname",
    "auto_disk": "auto_disk_config",
    "key_name": "key_name",
    "user_data": "user_data",
}
"""Fields of a request that are columns of ``instances``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateServerRequest:
    """New servers. ``networks``: ``none``, ``auto``, or a list of networks; devices as entries of their syntax.

    ``user_data`` is base64. ``min_count``: how many servers at least, ``count``: how many at most.
    ``personality``: paths with contents in base64. ``host``, ``hypervisor_hostname``: the chosen ones;
    ``scheduler_hints``: each with its values.
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
    personality: Sequence[tuple[str, str]] = ()
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
    host: str | None = None
    hypervisor_hostname: str | None = None
    trusted_certificates: Sequence[str] | None = None
    hostname: str | None = None
    scheduler_hints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    multiattach: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServersAccepted:
    """Servers that are still to be built. ``password``: the administrator's, of all of them."""

    uuids: tuple[str, ...]
    reservation_id: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ServerFields:
    """``fields_set`` names the fields that were sent, so that null can mean "none"."""

    fields_set: frozenset[str] = frozenset()
    name: str | None = None
    auto_disk: bool | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    description: str | None = None
    hostname: str | None = None

    def columns(self) -> dict[str, Any]:
        """The columns of ``instances`` that the sent fields change; an empty address is none."""
        sent = {column: getattr(self, name) for name, column in _COLUMNS.items() if name in self.fields_set}
        return {column: None if value == "" and "_ip_" in column else value for column, value in sent.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildServerRequest(_ServerFields):
    """Another image over the root disk. ``reimage``: the version allows it for the root volume too (2.93)."""

    image_id: str
    metadata: Mapping[str, str] | None = None
    personality: Sequence[tuple[str, str]] = ()
    admin_password: str | None = None
    preserve_ephemeral: bool = False
    key_name: str | None = None
    user_data: str | None = None
    trusted_certificates: Sequence[str] | None = None
    reimage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateServerRequest(_ServerFields):
    """What ``PUT /servers/{id}`` may change."""

    pinned_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBackupRequest:
    """``rotation``: how many backups of this type the server keeps, this one included. See ``CreateImageRequest``."""

    name: str
    backup_type: str
    rotation: int
    metadata: Mapping[str, str]
    limits_metadata: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RescueRequest:
    """``volume_backed``: the version allows it for servers on volumes (2.87)."""

    image_id: str | None = None
    password: str | None = None
    volume_backed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UnshelveRequest:
    """Where to. ``zone`` counts only when ``zone_given``: then the server is pinned to it, or to none (None)."""

    zone: str | None = None
    zone_given: bool = False
    host: str | None = None


@dataclass(frozen=True, slots=True)
class ResizeServerRequest:
    """Another flavor. ``auto_disk``: None where the client does not say."""

    flavor_ref: str
    auto_disk: bool | None = None


@dataclass(frozen=True, slots=True)
class EvacuateRequest:
    """``force``: None where the version does not know it, and then a named host is taken unasked; ``stays_off``: it is
    not started, as since 2.95."""

    host: str | None
    admin_password: str | None
    on_shared_storage: bool | None
    force: bool | None
    stays_off: bool


@dataclass(frozen=True, slots=True)
class LiveMigrateRequest:
    """``block_migration``: None where the hosts decide; ``force``: None where the version does not know it, and then a
    named host is taken unasked; ``waits``: the answer comes after the checks of the hosts, as before 2.34."""

    host: str | None
    block_migration: bool | None
    disk_over_commit: bool | None = None
    force: bool | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMigrationsRequest:
    """``filters``: by name, as in the address; ``limit`` None: all, the oldest first."""

    filters: Mapping[str, str]
    limit: int | None = None
    marker: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreateImageRequest:
    """``limits_metadata``: the properties count against the quota of metadata items, as before 2.39."""

    name: str
    metadata: Mapping[str, str]
    limits_metadata: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachVolumeRequest:
    """``multiattach``: the caller knows volumes that several servers may share."""

    volume_id: str
    device: str | None = None
    tag: str | None = None
    delete_on_termination: bool = False
    multiattach: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListActionsRequest:
    """Which of a server's actions: how many, behind which request, and those changed in this time (inclusive)."""

    limit: int = 1000
    marker: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFlavorRequest:
    """``flavorid`` None: one is generated. Memory and swap in MiB, disks in GiB."""

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
    """A page of flavors. ``is_public`` None: public and private ones, which only administrators see."""

    is_public: bool | None = True
    min_ram: int = 0
    min_disk: int = 0
    name: str | None = None
    sort_key: str = "flavorid"
    descending: bool = False
    limit: int = 1000
    marker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKeypairRequest:
    """``public_key`` None: a pair is generated. ``relaxed_name``: since 2.92 names may hold dots and at signs."""

    name: str
    type: str
    public_key: str | None
    user_id: str | None
    relaxed_name: bool


@dataclass(frozen=True, slots=True)
class UpdateQuotasRequest:
    """Limits by resource (-1: none), of a user of the project or of all. ``force``: below what is used, too."""

    project_id: str
    user_id: str | None
    limits: Mapping[str, int]
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListHypervisorsRequest:
    """``pattern``: a part of the names; ``by_uuid``: the marker is a uuid, not a number; ``limit`` None: all."""

    pattern: str | None = None
    with_servers: bool = False
    by_uuid: bool = False
    limit: int | None = None
    marker: str | None = None
