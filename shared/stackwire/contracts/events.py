"""Every event there is: where it is told, with which priorities, and the payload it has then.

The names of most come from the ``Literal`` types beside the payloads, which the senders' arguments have too: mypy sees
to it that nothing is told that is not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter

from stackwire.contracts import events_compute as legacy
from stackwire.contracts import events_image as image
from stackwire.contracts import events_versioned as versioned
from stackwire.contracts import events_volume as volume
from stackwire.contracts import http_leg, lineage
from stackwire.contracts.base import Contract
from stackwire.contracts.payload import NovaObject

INFO, ERROR = "INFO", "ERROR"


@dataclass(frozen=True, slots=True)
class Told:
    """``payload``: its class, or ``str`` for a text. The routing key is the topic and the priority in small letters."""

    exchange: str
    topic: str
    event_type: str
    payload: type[Contract] | type[str]
    priorities: tuple[str, ...] = (INFO,)


def _each(kind: Any) -> tuple[str, ...]:
    """The words of a ``Literal``."""
    return get_args(kind)


def _image() -> list[Told]:
    def told(event_type: str, payload: type[Contract] | type[str], *priorities: str) -> Told:
        return Told("glance", "notifications", event_type, payload, priorities or (INFO,))

    items = {"object": image.ObjectPayload, "property": image.PropertyPayload, "tag": image.TagPayload}
    return [
        *(told(name, image.ImagePayload) for name in _each(image.ImageEvent)),
        told("image.prepare", image.PreparedImagePayload),
        told("image.upload", image.UploadedImagePayload),
        told("image.upload", str, ERROR),
        told("image.send", image.SentImagePayload, INFO, ERROR),
        *(told(name, image.MemberPayload) for name in _each(image.MemberEvent)),
        *(told(name, image.TaskPayload) for name in _each(image.TaskEvent)),
        *(told(name, image.NamespacePayload) for name in _each(image.NamespaceEvent)),
        *(told(f"metadef_{kind}.{verb}", items[kind]) for kind in items for verb in _each(image.ItemVerb)),
        *(
            told(f"metadef_resource_type.{verb}", image.AssociationPayload)
            for verb in _each(image.AssociationVerb)
        ),
    ]  # fmt: skip


def _volume() -> list[Told]:
    def told(event_type: str, payload: type[Contract]) -> Told:
        return Told("cinder", "notifications", event_type, payload)

    payloads = {action: volume.VOLUMES.get(action, volume.VolumePayload) for action in get_args(volume.VolumeAction)}
    return [
        *(told(f"volume.{action}", payload) for action, payload in payloads.items()),
        *(told(f"snapshot.{action}", volume.SnapshotPayload) for action in _each(volume.SnapshotAction)),
    ]


LEGACY: Mapping[str, type[Contract]] = {
    "create.start": legacy.LegacyInstanceImage,
    "create.end": legacy.LegacyInstanceCreated,
    "rebuild.start": legacy.LegacyInstanceImage,
    "rebuild.end": legacy.LegacyInstanceRebuilt,
}
"""Those whose payload is more than a server."""


def _unversioned() -> list[Told]:
    def told(event_type: str, payload: type[Contract], priority: str = INFO) -> Told:
        return Told("nova", "notifications", event_type, payload, (priority,))

    phases = [f"{action}.{phase}" for action in _each(legacy.InstanceAction) for phase in _each(legacy.Phase)]
    return [
        told("compute.instance.update", legacy.LegacyInstanceUpdate),
        told("compute.instance.exists", legacy.LegacyInstanceExists),
        told("compute.instance.rebuild.scheduled", legacy.LegacyInstance),
        *(told(f"compute.instance.{name}", LEGACY.get(name, legacy.LegacyInstance)) for name in phases),
        *(
            told(f"compute.instance.{name}.error", legacy.LegacyInstanceError, ERROR)
            for name in _each(legacy.FailedAction)
        ),
        *(told(f"compute.instance.volume.{verb}", legacy.LegacyInstanceVolume) for verb in _each(legacy.VolumeVerb)),
        *(told(f"scheduler.select_destinations.{phase}", legacy.LegacySelect) for phase in _each(legacy.Phase)),
        *(told(f"compute_task.{method}", legacy.LegacyTaskFailed, ERROR) for method in _each(legacy.TaskMethod)),
    ]  # fmt: skip


def _versioned() -> list[Told]:
    def told(event_type: str, payload: type[NovaObject], priority: str = INFO) -> Told:
        return Told("nova", "versioned_notifications", event_type, payload, (priority,))

    def instance(event: str, *phases: str) -> list[Told]:
        payload = versioned.CLASSES.get(event, versioned.PLAIN)
        named = [(f"instance.{event}.{phase}", ERROR if phase == "error" else INFO) for phase in phases]
        return [told(name, payload, priority) for name, priority in named or [(f"instance.{event}", INFO)]]

    phases = _each(legacy.Phase)
    failing = _each(legacy.FailedAction)
    return [
        *(row for event in ("update", "exists", "rebuild_scheduled") for row in instance(event)),
        *(row for action in _each(legacy.InstanceAction) for row in instance(action, *phases)),
        *(row for action in failing for row in instance(action, "error")),
        *(row for verb in _each(legacy.VolumeVerb) for row in instance(f"volume_{verb}", *phases, "error")),
        *(told(f"scheduler.select_destinations.{phase}", versioned.RequestSpecPayload) for phase in phases),
        *(
            told(f"compute_task.{method}.error", versioned.ComputeTaskPayload, ERROR)
            for method in _each(legacy.TaskMethod)
        ),
    ]


EVENTS: tuple[Told, ...] = (
    Told(lineage.EXCHANGE, lineage.TOPIC, "properties.crossed", lineage.PropertyTransfer),
    Told(http_leg.EXCHANGE, http_leg.TOPIC, http_leg.SERVED, http_leg.Legs),
    *_image(),
    *_volume(),
    *_unversioned(),
    *_versioned(),
)
_FOUND: Mapping[tuple[str, str, str, str], Told] = {
    (told.exchange, told.topic, told.event_type, priority): told for told in EVENTS for priority in told.priorities
}


def read(exchange: str, topic: str, event_type: str, priority: str, payload: Any) -> Any:
    """The payload as its class says; KeyError for an event there is none of, pydantic's ValidationError otherwise."""
    return _adapter(_FOUND[exchange, topic, event_type, priority.upper()].payload).validate_python(payload)


@cache
def _adapter(payload: type[Contract] | type[str]) -> TypeAdapter[Any]:
    return TypeAdapter(payload)
