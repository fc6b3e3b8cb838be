"""Notifications of the compute service in Nova's versioned format: exchange ``nova``, topic
``versioned_notifications``.

Classes have the names Nova gives its objects. No payload carries the properties of a server's image; that of the
scheduler alone does, as far as the compute service gives them a meaning.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict

from stackwire.contracts.events_hosts import ServerGroupPayload
from stackwire.contracts.payload import NovaObject, Payload, Zulu


class FlavorPayload(NovaObject, version="1.4"):
    """``memory_mb`` and ``swap`` MiB, disks GiB."""

    flavorid: str
    memory_mb: int
    vcpus: int
    root_gb: int
    ephemeral_gb: int
    name: str
    swap: int
    rxtx_factor: float
    vcpu_weight: int
    disabled: bool
    is_public: bool
    extra_specs: dict[str, str]
    projects: list[str] | None
    description: str | None


class IpPayload(NovaObject, version="1.0"):
    """An address of a server."""

    label: str
    mac: str
    meta: dict[str, Any]
    port_uuid: str | None
    version: int
    address: str
    device_name: str | None


class BlockDevicePayload(NovaObject, version="1.0"):
    """A volume of a server. ``boot_index`` 0 is the root."""

    device_name: str | None
    boot_index: int | None
    delete_on_termination: bool
    volume_id: str
    tag: str | None


class KeypairPayload(NovaObject, version="1.0"):
    """A key pair; before there is one, its key and its fingerprint are null."""

    user_id: str
    name: str
    public_key: str | None
    fingerprint: str | None
    type: str


class ExceptionPayload(NovaObject, version="1.1"):
    """What went wrong. There is never a ``traceback``."""

    module_name: str
    function_name: str
    exception: str
    exception_message: str
    traceback: str | None


class AuditPeriodPayload(NovaObject, version="1.0"):
    """This month, up to now."""

    audit_period_beginning: Zulu
    audit_period_ending: Zulu


class InstanceStateUpdatePayload(NovaObject, version="1.0"):
    """Where a server was, and is now."""

    old_state: str | None
    state: str
    old_task_state: str | None
    new_task_state: str | None


class _Instance(Payload):
    uuid: str
    user_id: str
    tenant_id: str
    reservation_id: str
    display_name: str
    display_description: str | None
    host_name: str
    host: str | None
    node: str | None
    os_type: str | None
    architecture: str | None
    availability_zone: str | None
    flavor: FlavorPayload
    image_uuid: str
    key_name: str | None
    kernel_id: str
    ramdisk_id: str
    created_at: Zulu
    launched_at: Zulu | None
    terminated_at: Zulu | None
    deleted_at: Zulu | None
    updated_at: Zulu | None
    state: str
    power_state: str
    task_state: str | None
    progress: int
    ip_addresses: list[IpPayload]
    block_devices: list[BlockDevicePayload] | None
    metadata: dict[str, str]
    locked: bool
    auto_disk_config: Literal["AUTO", "MANUAL"]
    request_id: str
    action_initiator_user: str | None
    action_initiator_project: str | None
    locked_reason: str | None
    shares: None


class _Action(_Instance):
    fault: ExceptionPayload | None


class InstanceActionPayload(_Action, NovaObject, version="1.9"):
    """Something is done with a server. ``block_devices`` is null in events without them."""


class InstanceActionSnapshotPayload(_Action, NovaObject, version="1.10"):
    """A server becomes the image ``snapshot_image_id``."""

    snapshot_image_id: str


class InstanceActionRescuePayload(_Action, NovaObject, version="1.4"):
    """A server is booted from ``rescue_image_ref``; null: from its base image."""

    rescue_image_ref: str | None


class InstanceActionRebuildPayload(_Action, NovaObject, version="1.10"):
    """A server is rebuilt from the image ``image_uuid``."""

    trusted_image_certificates: list[str] | None


class InstanceActionResizePrepPayload(_Action, NovaObject, version="1.4"):
    """A server is to have the flavor ``new_flavor``."""

    new_flavor: FlavorPayload


class InstanceActionVolumePayload(_Action, NovaObject, version="1.7"):
    """A volume is attached or detached."""

    volume_id: str


class InstanceActionVolumeSwapPayload(_Action, NovaObject, version="1.9"):
    """A guest is moved from one volume to another."""

    old_volume_id: str
    new_volume_id: str


class InstanceCreatePayload(_Action, NovaObject, version="1.13"):
    """A server is built."""

    keypairs: list[KeypairPayload]
    tags: list[str]
    trusted_image_certificates: list[str] | None
    instance_name: str


class InstanceExistsPayload(_Instance, NovaObject, version="2.1"):
    """An audit, before a rebuild: the server with its new image already."""

    audit_period: AuditPeriodPayload


class InstanceUpdatePayload(_Instance, NovaObject, version="2.1"):
    """A server's row has changed; ``old_display_name`` is null unless it was renamed at rest."""

    audit_period: AuditPeriodPayload
    state_update: InstanceStateUpdatePayload
    old_display_name: str | None
    tags: list[str]


PLAIN: type[NovaObject] = InstanceActionPayload
CLASSES: Mapping[str, type[NovaObject]] = {
    "create": InstanceCreatePayload,
    "snapshot": InstanceActionSnapshotPayload,
    "rescue": InstanceActionRescuePayload,
    "rebuild": InstanceActionRebuildPayload,
    "rebuild_scheduled": InstanceActionRebuildPayload,
    "resize_prep": InstanceActionResizePrepPayload,
    "volume_attach": InstanceActionVolumePayload,
    "volume_detach": InstanceActionVolumePayload,
    "volume_swap": InstanceActionVolumeSwapPayload,
    "exists": InstanceExistsPayload,
    "update": InstanceUpdatePayload,
}
"""Of an event without its ``instance.`` and its phase; every other one's is ``PLAIN``."""


class ImageMetaPropsPayload(NovaObject, version="1.20"):
    """The properties the compute service gives a meaning to, with their types; only those that are set."""

    model_config = ConfigDict(extra="allow")


class ImageMetaPayload(NovaObject, version="1.0"):
    """The image of a request for a host. A volume's has neither id nor name."""

    id: str | None
    name: str | None
    status: str | None
    visibility: str | None
    protected: bool | None
    checksum: str | None
    owner: str | None
    size: int | None
    virtual_size: int | None
    container_format: str | None
    disk_format: str | None
    created_at: Zulu | None
    updated_at: Zulu | None
    tags: list[str] | None
    direct_url: str | None
    min_ram: int | None
    min_disk: int | None
    properties: ImageMetaPropsPayload


class CellMappingPayload(NovaObject, version="2.0"):
    """There is one cell."""

    uuid: str
    name: str
    disabled: bool


class DestinationPayload(NovaObject, version="1.0"):
    """Where a rebuilt server stays."""

    cell: CellMappingPayload
    aggregates: list[str] | None


class InstancePCIRequestsPayload(NovaObject, version="1.0"):
    """Requested devices: none."""

    instance_uuid: str
    requests: list[Any]


class RequestSpecPayload(NovaObject, version="1.1"):
    """The requirements for a host. ``force_hosts`` and ``force_nodes`` are the one host, not the list of it."""

    instance_uuid: str
    project_id: str
    user_id: str
    availability_zone: str | None
    flavor: FlavorPayload
    force_hosts: str | None
    force_nodes: str | None
    ignore_hosts: list[str] | None
    image: ImageMetaPayload | None
    instance_group: ServerGroupPayload | None
    num_instances: int
    numa_topology: None
    pci_requests: InstancePCIRequestsPayload
    requested_destination: DestinationPayload | None
    retry: None
    scheduler_hints: dict[str, list[str]]
    security_groups: list[str]


class ComputeTaskPayload(NovaObject, version="1.0"):
    """The conductor failed a server, which is in ``state`` now."""

    instance_uuid: str
    request_spec: RequestSpecPayload | None
    state: str
    reason: ExceptionPayload
