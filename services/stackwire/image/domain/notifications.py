"""The payloads of the image service's notifications. Source: ``glance/notifier.py: format_image_notification``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stackwire.contracts.base import Event
from stackwire.contracts.events_image import ImageEvent, MemberEvent, TaskEvent
from stackwire.image.domain.image import Image, stamp
from stackwire.image.domain.imports import FAILED_IMPORT, IMPORTING_TO, stores_in
from stackwire.image.domain.members import Member
from stackwire.image.domain.tasks import Task

EXCHANGE: Final = "glance"
DEFAULT_STORE: Final = "file"
"""The id of the only store where the settings name none."""

EVENT_GROUPS: Final = (
    "image", "task", "metadef_namespace", "metadef_object", "metadef_property", "metadef_resource_type", "metadef_tag",
)  # fmt: skip
"""The first part of each event type."""


def notification_filter(disabled: Sequence[str]) -> Callable[[Event], bool]:
    """Whether the operator has disabled an event: by its type, or by the beginning of it up to a dot.

    Source: ``disabled_notifications`` of ``glance/notifier.py``. Events of other exchanges are never disabled.
    """

    def is_disabled(event: Event) -> bool:
        name = event.event_type
        return event.exchange == EXCHANGE and any(
            name == prefix or name.startswith(f"{prefix}.") for prefix in disabled
        )

    return is_disabled


def image_payload(image: Image) -> dict[str, Any]:
    return {
        "id": image.id,
        "name": image.name,
        "status": image.status,
        "created_at": stamp(image.created_at),
        "updated_at": stamp(image.updated_at),
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "protected": image.protected,
        "checksum": image.checksum,
        "owner": image.owner,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "is_public": image.visibility == "public",
        "visibility": image.visibility,
        "properties": dict(image.properties),
        "tags": list(image.tags),
        "deleted": image.deleted,
        "deleted_at": stamp(image.deleted_at),
    }


def _import_lists(image: Image) -> dict[str, Any]:
    return {name: stores_in(image, name) for name in (IMPORTING_TO, FAILED_IMPORT)}


def task_payload(task: Task) -> dict[str, Any]:
    """Without input and result: both may hold secrets."""
    return {
        "id": task.id,
        "type": task.type,
        "status": task.status,
        "result": None,
        "owner": task.owner,
        "message": None,
        "expires_at": stamp(task.expires_at or task.updated_at),  # `isotime(None)` is now
        "created_at": stamp(task.created_at),
        "updated_at": stamp(task.updated_at),
        "deleted": task.deleted,
        "deleted_at": stamp(task.deleted_at),
    }


@dataclass(frozen=True, slots=True)
class NotificationBuilder:
    """``publisher``: ``image.<host>``. Glance sends an empty context, and texts for failures."""

    publisher: str

    def image(self, event_type: ImageEvent, image: Image) -> Event:
        return self._event(event_type, image.id, image_payload(image))

    def prepare(self, image: Image, store: str) -> Event:
        payload = {**image_payload(image), **_import_lists(image), "backend": store}
        return self._event("image.prepare", image.id, payload)

    def uploaded(self, image: Image) -> Event:
        return self._event("image.upload", image.id, {**image_payload(image), **_import_lists(image)})

    def upload_failed(self, image: Image, reason: str) -> Event:
        return self._event("image.upload", image.id, reason, "ERROR")

    def downloaded(self, image: Image, sent: int, expected: int, project_id: str | None, user_id: str | None) -> Event:
        payload = {
            "bytes_sent": sent,
            "image_id": image.id,
            "owner_id": image.owner,
            "receiver_tenant_id": project_id,
            "receiver_user_id": user_id,
        }
        return self._event("image.send", image.id, payload, "INFO" if sent == expected else "ERROR")

    def member(self, event_type: MemberEvent, member: Member, deleted_at: str | None = None) -> Event:
        payload = {
            "image_id": member.image_id,
            "member_id": member.member,
            "status": member.status,
            "created_at": stamp(member.created_at),
            "updated_at": stamp(member.updated_at),
            "deleted": deleted_at is not None,
            "deleted_at": deleted_at,
        }
        return self._event(event_type, member.image_id, payload)

    def task(self, event_type: TaskEvent, task: Task) -> Event:
        return self._event(event_type, task.id, task_payload(task))

    def _event(
        self, event_type: str, resource_id: str, payload: Mapping[str, Any] | str, priority: str = "INFO"
    ) -> Event:
        return Event(
            exchange=EXCHANGE,
            event_type=event_type,
            publisher_id=self.publisher,
            payload=payload,
            priority=priority,
            context=False,
            resource=resource_id,
        )
