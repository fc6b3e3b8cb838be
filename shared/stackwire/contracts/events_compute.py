"""Notifications of the compute service in Nova's unversioned format: exchange ``nova``, topic ``notifications``."""

from typing import Any, Literal

from stackwire.contracts.payload import Naive, Never, Payload, Printed

InstanceAction = Literal[
    "create", "delete", "shutdown", "reboot", "rebuild", "snapshot", "power_off", "power_on", "pause", "unpause",
    "suspend", "resume", "shelve", "shelve_offload", "unshelve", "rescue", "unrescue", "resize_prep", "resize",
    "resize_finish", "soft_delete", "restore", "resize_confirm", "resize_revert", "trigger_crash_dump",
    "live_migration_pre", "live_migration_post", "live_migration_post_dest", "live_migration_rollback",
    "live_migration_force_complete", "live_migration_abort",
]  # fmt: skip
UNVERSIONED = {
    "resize_prep": "resize.prep",
    "resize_finish": "finish_resize",
    "resize_confirm": "resize.confirm",
    "resize_revert": "resize.revert",
    "live_migration_pre": "live_migration.pre",
    "live_migration_post": "live_migration._post",
    "live_migration_post_dest": "live_migration.post.dest",
    "live_migration_rollback": "live_migration._rollback",
    "live_migration_force_complete": "live.migration.force.complete",
    "live_migration_abort": "live.migration.abort",
}
"""Actions that the unversioned format calls otherwise."""
Phase = Literal["start", "end"]
FailedAction = Literal["create", "rebuild", "resize"]
"""Actions with an ``.error`` event."""
FailedMethod = Literal["rescue_instance", "swap_volume"]
"""Methods of hosts whose failure is an event of its own."""
VolumeVerb = Literal["attach", "detach"]
KeypairVerb = Literal["create", "import", "delete"]
TaskMethod = Literal["build_instances", "rebuild_server", "migrate_server"]
"""Methods of the conductor's failures."""


class LegacyInstance(Payload):
    """A server. Memory in MiB, disks in GiB; ``image_meta`` are its image's properties, as ``system_metadata`` keeps
    them. ``state`` is Nova's ``vm_state``, ``state_description`` its ``task_state``, empty for none.
    """

    tenant_id: str
    user_id: str
    instance_id: str
    display_name: str
    reservation_id: str
    hostname: str
    instance_type: str
    instance_type_id: int
    instance_flavor_id: str
    architecture: str | None
    memory_mb: int
    disk_gb: int
    vcpus: int
    root_gb: int
    ephemeral_gb: int
    host: str | None
    node: str | None
    availability_zone: str | None
    cell_name: str
    created_at: Printed
    terminated_at: Naive | Never
    deleted_at: Naive | Never
    launched_at: Naive | Never
    image_ref_url: str
    os_type: str | None
    kernel_id: str
    ramdisk_id: str
    state: str
    state_description: str
    progress: int | Literal[""]
    access_ip_v4: str | None
    access_ip_v6: str | None
    image_meta: dict[str, str]
    metadata: dict[str, str]


class LegacyInstanceUpdate(LegacyInstance):
    """Where a server was and is; ``old_display_name`` is there where it was renamed at rest."""

    audit_period_beginning: Naive
    audit_period_ending: Naive
    old_state: str
    old_task_state: str | None
    new_task_state: str | None
    old_display_name: str | None = None


class LegacyInstanceExists(LegacyInstance):
    """An audit, before a rebuild: the server with its old image."""

    audit_period_beginning: Printed
    audit_period_ending: Printed


class LegacyInstanceImage(LegacyInstance):
    """A build or a rebuild begins; ``image_name`` is null for a server without an image."""

    image_name: str | None


class FixedIp(Payload):
    """An address a server has."""

    address: str
    type: Literal["fixed"]
    version: int
    meta: dict[str, Any]
    floating_ips: list[Any]
    label: str
    vif_mac: str


class LegacyInstanceRescued(LegacyInstance):
    """A server is booted from another image, whose name this is."""

    fixed_ips: list[FixedIp]
    rescue_image_name: str | None


class LegacyInstanceCreated(LegacyInstance):
    """A build has ended; ``message`` is "Success"."""

    fixed_ips: list[FixedIp]
    message: str


class LegacyInstanceAddresses(LegacyInstance):
    """A server leaves its host, has come to another, or has left the old one for good."""

    fixed_ips: list[FixedIp]


class LegacyInstanceResizePrepared(LegacyInstance):
    """The host a server goes to has claimed it."""

    new_instance_type: str
    new_instance_type_id: int


class LegacyInstanceRebuilt(LegacyInstanceImage):
    """A rebuild has ended."""

    fixed_ips: list[FixedIp]


class LegacyInstanceVolume(LegacyInstance):
    """A volume was attached or detached."""

    volume_id: str


class LegacyInstanceError(LegacyInstance):
    """What went wrong, in a text fit for users; ``code`` is an HTTP status."""

    message: str
    exception: str
    code: int


class LegacyImage(Payload):
    """The image of a request for a host, as far as it is known: a volume's has neither id nor name.

    ``properties`` are those the compute service gives a meaning to, with the types it reads them as.
    """

    id: str | None = None
    name: str | None = None
    status: str | None = None
    checksum: str | None = None
    owner: str | None = None
    size: int | None = None
    container_format: str | None = None
    disk_format: str | None = None
    created_at: Naive | None = None
    updated_at: Naive | None = None
    min_ram: int | None = None
    min_disk: int | None = None
    properties: dict[str, Any] = {}


class LegacyInstanceProperties(Payload):
    """The server's requirements.

    ``pci_requests`` is an object whole, with the caller's context in it; Nova's has his token and its catalog, too.
    """

    availability_zone: str | None
    ephemeral_gb: int
    memory_mb: int
    numa_topology: None
    pci_requests: dict[str, Any] | None
    project_id: str
    root_gb: int
    user_id: str
    uuid: str
    vcpus: int


class LegacyFlavor(Payload):
    """A flavor's row. ``memory_mb`` and ``swap`` MiB, disks GiB."""

    id: int
    flavorid: str
    name: str
    memory_mb: int
    vcpus: int
    root_gb: int
    ephemeral_gb: int
    swap: int
    rxtx_factor: float
    vcpu_weight: int
    disabled: bool
    is_public: bool
    description: str | None
    extra_specs: dict[str, str]
    created_at: Naive
    updated_at: Naive | None
    deleted_at: Naive | None
    deleted: bool


class LegacyRequestSpec(Payload):
    """The requirements for a host."""

    image: LegacyImage
    instance_properties: LegacyInstanceProperties
    instance_type: LegacyFlavor
    num_instances: int


class LegacySelect(Payload):
    """The scheduler begins to select hosts, or has selected them."""

    request_spec: LegacyRequestSpec


class LegacyException(Payload):
    """A method of a host failed; its arguments, without passwords. The event is called as the method is."""

    exception: str
    args: dict[str, Any]


class LegacyTaskFailed(Payload):
    """The conductor failed a server, for ``reason``; it is in ``state`` now."""

    request_spec: LegacyRequestSpec
    instance_properties: LegacyInstanceProperties
    instance_id: str
    state: str
    method: TaskMethod
    reason: str


class LegacyKeypair(Payload):
    """A key pair is made, imported or deleted, by whom."""

    tenant_id: str | None
    user_id: str | None
    key_name: str
