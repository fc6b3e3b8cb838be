"""Messages between the compute service's API, conductor, scheduler and hosts: Nova's topics, methods and arguments.

API -> ``conductor`` -> ``scheduler`` and ``compute.<host>``. Objects have the shape of oslo.versionedobjects; the
receiver takes the id from them and reads the rest from its own database. Casts to a host name it as ``server``.
"""

from typing import Any

from stackwire.contracts.base import Call, Cast, Contract, Fanout, Target

NovaObject = dict[str, Any]


def _conductor(version: str) -> Target:
    return Target(exchange="nova", topic="conductor", namespace="compute_task", version=version)


CONDUCTOR = _conductor("1.26")
SCHEDULER = Target(exchange="nova", topic="scheduler", version="4.5")
SCHEDULER_AGGREGATES = Target(exchange="nova", topic="scheduler", version="4.1")
SCHEDULER_UPDATES = Target(exchange="nova", topic="scheduler", version="4.2")
COMPUTE_HOST = Target(exchange="nova", topic="compute", version="6.0")
COMPUTE_REBUILD = Target(exchange="nova", topic="compute", version="6.2")
COMPUTE_ALT = Target(exchange="nova", topic="compute-alt", version="6.0")


class _OfInstance(Contract):
    """The arguments of a message about one server."""

    instance: NovaObject


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


class _Rebuild(_OfInstance):
    """What the conductor gets of a rebuild and hands on to the host."""

    orig_image_ref: str | None
    image_ref: str | None
    injected_files: list[Any] | None = []
    new_pass: str | None = None
    orig_sys_metadata: dict[str, str | None] | None
    bdms: NovaObject | None = None
    recreate: bool = False
    on_shared_storage: bool | None = False
    preserve_ephemeral: bool = False
    request_spec: NovaObject | None = None
    reimage_boot_volume: bool = False
    target_state: str | None = None


class RebuildInstance(_Rebuild, Cast, target=_conductor("1.25"), method="rebuild_instance"):
    """Write an image over a server's root disk; scheduled again, to the same host, only when the image changes."""

    host: str | None = None


class AttachVolume(_OfInstance, Call[NovaObject], target=CONDUCTOR, method="attach_volume"):
    """Reserve a device name on the host and have the volume attached; answers with the new block device."""

    volume: dict[str, Any]
    device: str | None = None
    disk_bus: str | None = None
    device_type: str | None = None
    tag: str | None = None
    supports_multiattach: bool = False
    delete_on_termination: bool = False


class CacheImages(Cast, target=_conductor("1.21"), method="cache_images"):
    """Have the hosts of an aggregate fetch images."""

    aggregate: NovaObject
    image_ids: list[str]


# ---- conductor to scheduler


class SelectDestinations(Call[list[list[NovaObject]]], target=SCHEDULER, method="select_destinations", repeatable=True):
    """For each server the chosen host first, then alternates."""

    instance_uuids: list[str]
    spec_obj: NovaObject
    return_objects: bool = True
    return_alternates: bool = True


# ---- to a host


class BuildAndRunInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="build_and_run_instance"):
    """Build a server on the chosen host: volumes, disk, guest."""

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


class RebuildInstanceOnHost(_Rebuild, Cast, target=COMPUTE_REBUILD, method="rebuild_instance"):
    """Write an image over the server's root disk, on its host."""

    migration: NovaObject | None = None
    scheduled_node: str | None = None
    limits: dict[str, Any] = {}
    accel_uuids: list[str] = []


class SnapshotInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="snapshot_instance"):
    """Upload the server's disk, or the data of its volume snapshots, to the queued image ``image_id``."""

    image_id: str


class QuiesceInstance(_OfInstance, Call[None], target=COMPUTE_HOST, method="quiesce_instance"):
    """Freeze the guest's file systems; QuiesceNotSupported, QuiesceFailed."""


class UnquiesceInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="unquiesce_instance"):
    """Thaw the guest's file systems."""

    mapping: list[dict[str, Any]] | None = None


class StartInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="start_instance"):
    """Power the server on."""


class StopInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="stop_instance"):
    """Power the server off."""

    clean_shutdown: bool = True


class RebootInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="reboot_instance"):
    """``reboot_type`` SOFT or HARD."""

    block_device_info: dict[str, Any] | None = None
    reboot_type: str = "SOFT"


class PauseInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="pause_instance"):
    """Pause the guest in memory."""


class UnpauseInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="unpause_instance"):
    """Continue a paused guest."""


class SuspendInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="suspend_instance"):
    """Save the guest's memory to disk and stop it."""


class ResumeInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="resume_instance"):
    """Continue a suspended guest."""


class TerminateInstance(_OfInstance, Cast, target=COMPUTE_HOST, method="terminate_instance"):
    """Delete the server from its host."""

    bdms: NovaObject | None = None


class ReserveBlockDeviceName(_OfInstance, Call[NovaObject], target=COMPUTE_HOST, method="reserve_block_device_name"):
    """The new block device, with its name."""

    device: str | None = None
    volume_id: str
    disk_bus: str | None = None
    device_type: str | None = None
    tag: str | None = None
    multiattach: bool = False


class AttachVolumeOnHost(_OfInstance, Cast, target=COMPUTE_HOST, method="attach_volume"):
    """Attach a reserved volume to the guest."""

    bdm: NovaObject


class DetachVolume(_OfInstance, Cast, target=COMPUTE_HOST, method="detach_volume"):
    """Detach a volume from the guest."""

    volume_id: str
    attachment_id: str | None = None


class SwapVolume(_OfInstance, Cast, target=COMPUTE_HOST, method="swap_volume"):
    """Move the guest from one volume to another."""

    old_volume_id: str
    new_volume_id: str
    new_attachment_id: str | None = None


class GetConsoleOutput(_OfInstance, Call[str], target=COMPUTE_HOST, method="get_console_output"):
    """The last ``tail_length`` lines of the console; None: all."""

    tail_length: int | None = None


class CacheImagesOnHost(Call[dict[str, str]], target=COMPUTE_HOST, method="cache_images"):
    """Fetch images; answers image id to ``cached``, ``existing`` or ``error``."""

    image_ids: list[str]


class ExternalInstanceEvent(Cast, target=COMPUTE_ALT, method="external_instance_event"):
    """``events``: InstanceExternalEvent objects, ``{name, instance_uuid, tag, status, data}``."""

    instances: list[NovaObject]
    events: list[NovaObject]


# ---- to every scheduler


class UpdateAggregates(Fanout, target=SCHEDULER_AGGREGATES, method="update_aggregates"):
    """Aggregates as they are now."""

    aggregates: list[NovaObject]


class DeleteAggregate(Fanout, target=SCHEDULER_AGGREGATES, method="delete_aggregate"):
    """One that is gone."""

    aggregate: NovaObject


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
