"""Messages between the compute service's API, conductor, scheduler and hosts: Nova's topics, methods and arguments.

API -> ``conductor`` -> ``scheduler`` and ``compute.<host>``. Objects have the shape of oslo.versionedobjects; the
receiver takes the id from them and reads the rest from its own database. Casts to a host name it as ``server``.
"""

from typing import Any

from stackwire.contracts.base import Call, Cast, Fanout, Target

NovaObject = dict[str, Any]


def _conductor(version: str) -> Target:
    return Target(exchange="nova", topic="conductor", namespace="compute_task", version=version)


CONDUCTOR = _conductor("1.26")
SCHEDULER = Target(exchange="nova", topic="scheduler", version="4.5")
SCHEDULER_UPDATES = Target(exchange="nova", topic="scheduler", version="4.2")
COMPUTE_HOST = Target(exchange="nova", topic="compute", version="6.0")
COMPUTE_REBUILD = Target(exchange="nova", topic="compute", version="6.2")
COMPUTE_ALT = Target(exchange="nova", topic="compute-alt", version="6.0")


# ---- API to conductor


class ScheduleAndBuildInstances(Cast, target=_conductor("1.17"), method="schedule_and_build_instances"):
    """Find hosts for new servers and have them built; one element a server in the first, second and last list."""

    build_requests: list[NovaObject]
    request_specs: list[NovaObject]
    image: dict[str, Any]
    admin_password: str | None = None
    injected_files: list[Any] = []
    requested_networks: NovaObject | None = None
    block_device_mapping: NovaObject
    tags: NovaObject | None = None


class RebuildInstance(Cast, target=_conductor("1.25"), method="rebuild_instance"):
    """Write an image over a server's root disk; scheduled again, to the same host, only when the image changes."""

    instance: NovaObject
    orig_image_ref: str | None
    image_ref: str | None
    injected_files: list[Any] = []
    new_pass: str | None = None
    orig_sys_metadata: dict[str, str | None]
    bdms: NovaObject | None = None
    recreate: bool = False
    on_shared_storage: bool = False
    preserve_ephemeral: bool = False
    host: str | None = None
    request_spec: NovaObject | None = None
    reimage_boot_volume: bool = False
    target_state: str | None = None


class AttachVolume(Call[NovaObject], target=CONDUCTOR, method="attach_volume"):
    """Reserve a device name on the host and have the volume attached; answers with the new block device."""

    instance: NovaObject
    volume: dict[str, Any]
    device: str | None = None
    disk_bus: str | None = None
    device_type: str | None = None
    tag: str | None = None
    supports_multiattach: bool = False
    delete_on_termination: bool = False


# ---- conductor to scheduler


class SelectDestinations(Call[list[list[NovaObject]]], target=SCHEDULER, method="select_destinations"):
    """For each server the chosen host first, then alternates."""

    instance_uuids: list[str]
    spec_obj: NovaObject
    return_objects: bool = True
    return_alternates: bool = True


# ---- to a host


class BuildAndRunInstance(Cast, target=COMPUTE_HOST, method="build_and_run_instance"):
    """Build a server on the chosen host: volumes, disk, guest."""

    instance: NovaObject
    image: dict[str, Any]
    request_spec: NovaObject
    filter_properties: dict[str, Any] = {}
    admin_password: str | None = None
    injected_files: list[Any] = []
    requested_networks: NovaObject | None = None
    security_groups: list[Any] = []
    block_device_mapping: NovaObject
    node: str | None = None
    limits: dict[str, Any] = {}
    host_list: list[Any] = []
    accel_uuids: list[str] = []


class RebuildInstanceOnHost(Cast, target=COMPUTE_REBUILD, method="rebuild_instance"):
    """Write an image over the server's root disk, on its host."""

    instance: NovaObject
    orig_image_ref: str | None
    image_ref: str | None
    injected_files: list[Any] = []
    new_pass: str | None = None
    orig_sys_metadata: dict[str, str | None]
    bdms: NovaObject | None = None
    recreate: bool = False
    on_shared_storage: bool = False
    preserve_ephemeral: bool = False
    migration: NovaObject | None = None
    scheduled_node: str | None = None
    limits: dict[str, Any] = {}
    request_spec: NovaObject | None = None
    accel_uuids: list[str] = []
    reimage_boot_volume: bool = False
    target_state: str | None = None


class SnapshotInstance(Cast, target=COMPUTE_HOST, method="snapshot_instance"):
    """Upload the server's disk, or the data of its volume snapshots, to the queued image ``image_id``."""

    instance: NovaObject
    image_id: str


class QuiesceInstance(Call[None], target=COMPUTE_HOST, method="quiesce_instance"):
    """Freeze the guest's file systems; QuiesceNotSupported, QuiesceFailed."""

    instance: NovaObject


class UnquiesceInstance(Cast, target=COMPUTE_HOST, method="unquiesce_instance"):
    """Thaw the guest's file systems."""

    instance: NovaObject
    mapping: list[dict[str, Any]] | None = None


class StartInstance(Cast, target=COMPUTE_HOST, method="start_instance"):
    """Power the server on."""

    instance: NovaObject


class StopInstance(Cast, target=COMPUTE_HOST, method="stop_instance"):
    """Power the server off."""

    instance: NovaObject
    clean_shutdown: bool = True


class RebootInstance(Cast, target=COMPUTE_HOST, method="reboot_instance"):
    """``reboot_type`` SOFT or HARD."""

    instance: NovaObject
    block_device_info: dict[str, Any] | None = None
    reboot_type: str = "SOFT"


class PauseInstance(Cast, target=COMPUTE_HOST, method="pause_instance"):
    """Pause the guest in memory."""

    instance: NovaObject


class UnpauseInstance(Cast, target=COMPUTE_HOST, method="unpause_instance"):
    """Continue a paused guest."""

    instance: NovaObject


class SuspendInstance(Cast, target=COMPUTE_HOST, method="suspend_instance"):
    """Save the guest's memory to disk and stop it."""

    instance: NovaObject


class ResumeInstance(Cast, target=COMPUTE_HOST, method="resume_instance"):
    """Continue a suspended guest."""

    instance: NovaObject


class TerminateInstance(Cast, target=COMPUTE_HOST, method="terminate_instance"):
    """Delete the server from its host."""

    instance: NovaObject
    bdms: NovaObject | None = None


class ReserveBlockDeviceName(Call[NovaObject], target=COMPUTE_HOST, method="reserve_block_device_name"):
    """The new block device, with its name."""

    instance: NovaObject
    device: str | None = None
    volume_id: str
    disk_bus: str | None = None
    device_type: str | None = None
    tag: str | None = None
    multiattach: bool = False


class AttachVolumeOnHost(Cast, target=COMPUTE_HOST, method="attach_volume"):
    """Attach a reserved volume to the guest."""

    instance: NovaObject
    bdm: NovaObject


class DetachVolume(Cast, target=COMPUTE_HOST, method="detach_volume"):
    """Detach a volume from the guest."""

    instance: NovaObject
    volume_id: str
    attachment_id: str | None = None


class GetConsoleOutput(Call[str], target=COMPUTE_HOST, method="get_console_output"):
    """The last ``tail_length`` lines of the console; None: all."""

    instance: NovaObject
    tail_length: int | None = None


class ExternalInstanceEvent(Cast, target=COMPUTE_ALT, method="external_instance_event"):
    """``events``: InstanceExternalEvent objects, ``{name, instance_uuid, tag, status, data}``."""

    instances: list[NovaObject]
    events: list[NovaObject]


# ---- from a host to every scheduler


class UpdateInstanceInfo(Fanout, target=SCHEDULER_UPDATES, method="update_instance_info"):
    """The servers of a host that were added or changed."""

    host_name: str
    instance_info: NovaObject


class DeleteInstanceInfo(Fanout, target=SCHEDULER_UPDATES, method="delete_instance_info"):
    """A server that left a host."""

    host_name: str
    instance_uuid: str


class SyncInstanceInfo(Fanout, target=SCHEDULER_UPDATES, method="sync_instance_info"):
    """All servers of a host, for schedulers to compare."""

    host_name: str
    instance_uuids: list[str]
