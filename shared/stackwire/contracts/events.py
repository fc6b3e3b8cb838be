"""Every event of the services: where it is published, with which priorities, and the payload it has then.

Most names come from the ``Literal`` types beside the payloads, which type the senders' arguments too: mypy ensures
that no event is emitted that is not listed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter

from stackwire.contracts import events_backup as backup
from stackwire.contracts import events_compute as legacy
from stackwire.contracts import events_groups as groups
from stackwire.contracts import events_hosts as hosts
from stackwire.contracts import events_image as image
from stackwire.contracts import events_versioned as versioned
from stackwire.contracts import events_volume as volume
from stackwire.contracts import http_exchange as http
from stackwire.contracts import lineage, scheduling
from stackwire.contracts.base import Contract
from stackwire.contracts.payload import NovaObject

INFO, ERROR = "INFO", "ERROR"


@dataclass(frozen=True, slots=True)
class EventContract:
    """One event type. ``payload``: its class, or ``str``. The routing key is the topic and the lower-case priority."""

    exchange: str
    topic: str
    event_type: str
    payload: type[Contract] | type[str]
    priorities: tuple[str, ...] = (INFO,)


def _each(kind: Any) -> tuple[str, ...]:
    """The values of a ``Literal``."""
    return get_args(kind)


def _image() -> list[EventContract]:
    def contract(event_type: str, payload: type[Contract] | type[str], *priorities: str) -> EventContract:
        return EventContract("glance", "notifications", event_type, payload, priorities or (INFO,))

    items = {"object": image.ObjectPayload, "property": image.PropertyPayload, "tag": image.TagPayload}
    return [
        *(contract(name, image.ImagePayload) for name in _each(image.ImageEvent)),
        contract("image.prepare", image.PreparedImagePayload),
        contract("image.upload", image.UploadedImagePayload),
        contract("image.upload", str, ERROR),
        contract("image.send", image.SentImagePayload, INFO, ERROR),
        *(contract(name, image.MemberPayload) for name in _each(image.MemberEvent)),
        *(contract(name, image.TaskPayload) for name in _each(image.TaskEvent)),
        *(contract(name, image.NamespacePayload) for name in _each(image.NamespaceEvent)),
        *(contract(f"metadef_{kind}.{verb}", items[kind]) for kind in items for verb in _each(image.ItemVerb)),
        *(contract(f"metadef_resource_type.{verb}", image.AssociationPayload) for verb in _each(image.AssociationVerb)),
    ]


def _volume() -> list[EventContract]:
    def contract(event_type: str, payload: type[Contract], priority: str = INFO) -> EventContract:
        return EventContract("cinder", "notifications", event_type, payload, (priority,))

    payloads = {action: volume.VOLUMES.get(action, volume.VolumePayload) for action in get_args(volume.VolumeAction)}
    failed = (volume.SchedulingFailedPayload, volume.SnapshotSchedulingFailedPayload)
    return [
        *(contract(f"volume.{action}", payload) for action, payload in payloads.items()),
        *(contract(f"snapshot.{action}", volume.SnapshotPayload) for action in _each(volume.SnapshotAction)),
        *(contract(f"backup.{action}", backup.BackupPayload) for action in _each(backup.BackupAction)),
        *(contract(f"image_volume_cache.{action}", volume.CachePayload) for action in _each(volume.CacheAction)),
        contract("backup.createprogress", backup.BackupProgressPayload),
        *(
            contract(f"qos_specs.{action}", volume.QOS_SPECS.get(action, volume.QosSpecsPayload))
            for action in get_args(volume.QosSpecsAction)
        ),
        *(
            contract(f"qos_specs.{action}", volume.QosSpecsRefusedPayload, ERROR)
            for action in _each(volume.QosSpecsAction)
        ),
        *(
            contract(f"scheduler.{method}", failed["snapshot" in method], ERROR)
            for method in _each(volume.SchedulerMethod)
        ),
    ]


def _groups() -> list[EventContract]:
    """Of volumes."""

    def contract(event_type: str, payload: type[Contract], priority: str = INFO) -> EventContract:
        return EventContract("cinder", "notifications", event_type, payload, (priority,))

    return [
        *(contract(f"group.{action}", groups.GroupPayload) for action in _each(groups.GroupAction)),
        *(
            contract(f"group_snapshot.{action}", groups.GroupSnapshotPayload)
            for action in _each(groups.GroupSnapshotAction)
        ),
        *(
            contract(f"{noun}.reset_status.{phase}", groups.StatusResetPayload)
            for noun in ("groups", "groupsnapshots")
            for phase in ("start", "end")
        ),
        *(
            contract(f"{noun}.reset_status", groups.StatusNotResetPayload, ERROR)
            for noun in ("groups", "groupsnapshots")
        ),
    ]


LEGACY: Mapping[str, type[Contract]] = {
    "create.start": legacy.LegacyInstanceImage,
    "create.end": legacy.LegacyInstanceCreated,
    "rebuild.start": legacy.LegacyInstanceImage,
    "rebuild.end": legacy.LegacyInstanceRebuilt,
    "resize.prep.end": legacy.LegacyInstanceResizePrepared,
    "resize.start": legacy.LegacyInstanceAddresses,
    "resize.end": legacy.LegacyInstanceAddresses,
    "finish_resize.start": legacy.LegacyInstanceAddresses,
    "finish_resize.end": legacy.LegacyInstanceAddresses,
    "resize.confirm.end": legacy.LegacyInstanceAddresses,
    **dict.fromkeys(("rescue.start", "rescue.end"), legacy.LegacyInstanceRescued),
    **dict.fromkeys(("unrescue.start", "unrescue.end"), legacy.LegacyInstanceAddresses),
    **{
        f"live_migration.{step}.{phase}": legacy.LegacyInstanceAddresses
        for step in ("pre", "_post", "post.dest")
        for phase in ("start", "end")
    },
}
"""Events whose payload is more than a server."""


def _unversioned() -> list[EventContract]:
    def contract(event_type: str, payload: type[Contract], priority: str = INFO) -> EventContract:
        return EventContract("nova", "notifications", event_type, payload, (priority,))

    actions = [legacy.UNVERSIONED.get(action, action) for action in _each(legacy.InstanceAction)]
    phases = [f"{action}.{phase}" for action in actions for phase in _each(legacy.Phase)]
    return [
        contract("compute.instance.update", legacy.LegacyInstanceUpdate),
        contract("compute.instance.exists", legacy.LegacyInstanceExists),
        contract("compute.instance.rebuild.scheduled", legacy.LegacyInstance),
        contract("compute.instance.evacuate", legacy.LegacyInstance),
        *(contract(f"compute.instance.{name}", LEGACY.get(name, legacy.LegacyInstance)) for name in phases),
        *(
            contract(f"compute.instance.{name}.error", legacy.LegacyInstanceError, ERROR)
            for name in _each(legacy.FailedAction)
        ),
        *(
            contract(f"compute.instance.volume.{verb}", legacy.LegacyInstanceVolume)
            for verb in _each(legacy.VolumeVerb)
        ),
        *(contract(f"scheduler.select_destinations.{phase}", legacy.LegacySelect) for phase in _each(legacy.Phase)),
        *(contract(method, legacy.LegacyException, ERROR) for method in _each(legacy.FailedMethod)),
        *(contract(f"compute_task.{method}", legacy.LegacyTaskFailed, ERROR) for method in _each(legacy.TaskMethod)),
    ]


def _versioned() -> list[EventContract]:
    def contract(event_type: str, payload: type[NovaObject], priority: str = INFO) -> EventContract:
        return EventContract("nova", "versioned_notifications", event_type, payload, (priority,))

    def instance(event: str, *phases: str) -> list[EventContract]:
        payload = versioned.CLASSES.get(event, versioned.PLAIN)
        named = [(f"instance.{event}.{phase}", ERROR if phase == "error" else INFO) for phase in phases]
        return [contract(name, payload, priority) for name, priority in named or [(f"instance.{event}", INFO)]]

    phases = _each(legacy.Phase)
    failing = _each(legacy.FailedAction)
    single = ("update", "exists", "rebuild_scheduled", "evacuate", "lock", "unlock")
    return [
        *(row for event in single for row in instance(event)),
        *(row for action in _each(legacy.InstanceAction) for row in instance(action, *phases)),
        *(row for action in failing for row in instance(action, "error")),
        *(row for verb in _each(legacy.VolumeVerb) for row in instance(f"volume_{verb}", *phases, "error")),
        *instance("volume_swap", *phases, "error"),
        contract("compute.exception", versioned.ExceptionPayload, ERROR),
        *(contract(f"scheduler.select_destinations.{phase}", versioned.RequestSpecPayload) for phase in phases),
        *(
            contract(f"compute_task.{method}.error", versioned.ComputeTaskPayload, ERROR)
            for method in _each(legacy.TaskMethod)
        ),
    ]


def _server_groups() -> list[EventContract]:
    def contract(topic: str, event_type: str, payload: type[Contract]) -> EventContract:
        return EventContract("nova", topic, event_type, payload)

    return [
        *(
            contract("versioned_notifications", f"service.{verb}", hosts.ServiceStatusPayload)
            for verb in ("update", "delete")
        ),
        contract("notifications", "servergroup.create", hosts.LegacyServerGroup),
        *(
            contract("notifications", f"servergroup.{verb}", hosts.LegacyServerGroupChange)
            for verb in ("addmember", "delete")
        ),
        *(
            contract("versioned_notifications", f"server_group.{verb}", hosts.ServerGroupPayload)
            for verb in ("create", "add_member", "delete")
        ),
    ]


def _keypairs() -> list[EventContract]:
    kinds: dict[str, type[Contract]] = {
        "notifications": legacy.LegacyKeypair,
        "versioned_notifications": versioned.KeypairPayload,
    }
    return [
        EventContract("nova", topic, f"keypair.{verb}.{phase}", payload)
        for topic, payload in kinds.items()
        for verb in _each(legacy.KeypairVerb)
        for phase in _each(legacy.Phase)
    ]


def _aggregates() -> list[EventContract]:
    def contract(topic: str, event_type: str, payload: type[Contract]) -> EventContract:
        return EventContract("nova", topic, f"aggregate.{event_type}", payload)

    phases, versioned_topic = _each(legacy.Phase), "versioned_notifications"
    return [
        *(
            contract("notifications", f"{verb}.{phase}", hosts.LegacyAggregate)
            for verb in _each(hosts.LegacyAggregateVerb)
            for phase in phases
        ),
        *(
            contract(versioned_topic, f"{verb}.{phase}", hosts.AggregatePayload)
            for verb in (*_each(hosts.AggregateVerb), "cache_images")
            for phase in phases
        ),
        contract(versioned_topic, "cache_images.progress", hosts.AggregateCachePayload),
    ]


EVENTS: tuple[EventContract, ...] = (
    EventContract(lineage.STACKWIRE_EXCHANGE, lineage.LINEAGE_TOPIC, "properties.crossed", lineage.PropertyTransfer),
    EventContract(
        lineage.STACKWIRE_EXCHANGE, lineage.LINEAGE_TOPIC, scheduling.HOST_SELECTED, scheduling.HostSelection
    ),
    EventContract(http.STACKWIRE_EXCHANGE, http.HTTP_TOPIC, http.SERVED, http.HttpExchanges),
    *_image(),
    *_volume(),
    *_groups(),
    *_unversioned(),
    *_versioned(),
    *_keypairs(),
    *_aggregates(),
    *_server_groups(),
)
_FOUND: Mapping[tuple[str, str, str, str], EventContract] = {
    (event.exchange, event.topic, event.event_type, priority): event
    for event in EVENTS
    for priority in event.priorities
}


def read(exchange: str, topic: str, event_type: str, priority: str, payload: Any) -> Any:
    """The payload as its class. Raises KeyError for an unknown event, pydantic's ValidationError for its payload."""
    return _adapter(_FOUND[exchange, topic, event_type, priority.upper()].payload).validate_python(payload)


@cache
def _adapter(payload: type[Contract] | type[str]) -> TypeAdapter[Any]:
    return TypeAdapter(payload)
