"""The nouns of the compute service, as frozen values; fields are columns, under the names Nova's tables have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """``flavorid`` is what clients call its id. ``memory_mb`` and ``swap`` MiB, disks GiB."""

    id: int
    flavorid: str
    name: str
    memory_mb: int
    vcpus: int
    root_gb: int
    ephemeral_gb: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    vcpu_weight: int = 0
    disabled: bool = False
    is_public: bool = True
    description: str | None = None
    extra_specs: Mapping[str, str]
    created_at: datetime
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A server. ``image_ref`` is empty for a volume-backed one without an image of its own."""

    id: int
    uuid: str
    user_id: str
    project_id: str
    image_ref: str
    kernel_id: str
    ramdisk_id: str
    launch_index: int
    key_name: str | None
    key_data: str | None
    power_state: int
    vm_state: str
    task_state: str | None
    memory_mb: int
    vcpus: int
    root_gb: int
    ephemeral_gb: int
    hostname: str
    host: str | None
    node: str | None
    launched_on: str | None
    user_data: str | None
    reservation_id: str
    launched_at: datetime | None
    terminated_at: datetime | None
    display_name: str
    display_description: str | None
    availability_zone: str | None
    os_type: str | None
    architecture: str | None
    vm_mode: str | None
    root_device_name: str | None
    access_ip_v4: str | None
    access_ip_v6: str | None
    config_drive: str
    auto_disk_config: bool
    progress: int
    locked: bool
    locked_by: str | None
    instance_type_id: int
    hidden: bool
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDevice:
    """A device of a server (``block_device_mapping``). ``volume_size`` GiB, MiB for swap."""

    id: int
    uuid: str
    instance_uuid: str
    source_type: str
    destination_type: str
    guest_format: str | None
    device_type: str | None
    disk_bus: str | None
    boot_index: int | None
    device_name: str | None
    delete_on_termination: bool
    snapshot_id: str | None
    volume_id: str | None
    volume_size: int | None
    volume_type: str | None
    image_id: str | None
    no_device: bool
    connection_info: dict[str, Any] | None
    tag: str | None
    attachment_id: str | None
    encrypted: bool
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool

    @property
    def is_root(self) -> bool:
        return self.boot_index == 0

    @property
    def is_volume(self) -> bool:
        return self.destination_type == "volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSwap:
    """A device on its way from one volume to another, to which it will be attached by ``attachment_id``."""

    attachment_id: str
    device_uuid: str
    instance_uuid: str
    old_volume_id: str
    new_volume_id: str
    request_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A user's SSH key (``key_pairs``)."""

    id: int
    user_id: str
    name: str
    type: str
    public_key: str
    fingerprint: str
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An operation on a server (``instance_actions``); its events are what the hosts did about it."""

    id: int
    action: str
    instance_uuid: str
    request_id: str
    user_id: str | None
    project_id: str | None
    start_time: datetime
    finish_time: datetime | None
    message: str | None
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEvent:
    """A step of an action on a host; ``result``: Success or Error."""

    id: int
    action_id: int
    event: str
    start_time: datetime
    finish_time: datetime | None
    result: str | None
    traceback: str | None
    host: str | None
    details: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong with a server; ``details`` are for administrators."""

    id: int
    instance_uuid: str
    code: int
    message: str
    details: str | None
    host: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A move of a server (``migrations``): resize, migration, live-migration or evacuation."""

    id: int
    uuid: str
    instance_uuid: str
    source_compute: str
    source_node: str | None
    dest_compute: str | None
    dest_node: str | None
    dest_host: str | None
    old_instance_type_id: int | None
    new_instance_type_id: int | None
    status: str
    migration_type: str
    user_id: str | None
    project_id: str | None
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool

    @property
    def same_host(self) -> bool:
        """A resize need not leave the host."""
        return self.source_compute == self.dest_compute


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A compute host: capacity and what is claimed of it. Memory MiB, disk GiB; ``updated_at``: its last heartbeat.

    ``aggregates``: the metadata of those it is in; ``zone``: the one they name, else the deployment's default.
    ``inventory``, ``claims``: of other resource classes; ``capabilities``: what flavors may ask for beside the columns;
    ``numa``: its cells, each with ``vcpus``, ``memory_mb`` and ``threads``. ``io_workload``: how many of its servers
    are being built, moved, rebuilt or copied; ``failed_builds``: how many builds in a row have failed on it.
    """

    id: int
    uuid: str
    host: str
    hypervisor_hostname: str
    hypervisor_type: str
    hypervisor_version: int
    host_ip: str
    vcpus: int
    memory_mb: int
    local_gb: int
    cpu_info: dict[str, Any]
    traits: list[str]
    zone: str
    created_at: datetime
    updated_at: datetime | None
    disabled: bool
    disabled_reason: str | None
    forced_down: bool
    service_id: int
    service_uuid: str
    vcpus_used: int
    memory_mb_used: int
    local_gb_used: int
    running_vms: int
    aggregates: list[dict[str, str]] = field(default_factory=list)
    inventory: dict[str, int] = field(default_factory=dict)
    claims: list[dict[str, int]] = field(default_factory=list)
    capabilities: dict[str, Any] = field(default_factory=dict)
    numa: list[dict[str, int]] = field(default_factory=list)
    started_at: datetime | None = None
    io_workload: int = 0
    failed_builds: int = 0

    @property
    def resources(self) -> dict[str, int]:
        """What is left of the classes in its inventory."""
        return {
            name: total - sum(claim.get(name, 0) for claim in self.claims) for name, total in self.inventory.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlace:
    """A compute host as far as a request may name it."""

    host: str
    hypervisor_hostname: str
    zone: str
    disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """A daemon as os-services lists it; ``updated_at``: its last heartbeat; ``zone``: its host's."""

    id: int
    uuid: str
    host: str
    binary: str
    topic: str
    disabled: bool
    disabled_reason: str | None
    report_count: int
    forced_down: bool
    created_at: datetime
    updated_at: datetime | None
    zone: str
