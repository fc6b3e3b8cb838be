"""Notifications about metadata definitions. Source: ``glance/notifier.py: format_metadef_*_notification``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stackwire.contracts.base import Event
from stackwire.contracts.events_image import AssociationVerb, ItemVerb, NamespaceEvent
from stackwire.image.domain.image import stamp
from stackwire.image.domain.metadefs import OBJECT, PROPERTY, TAG, Association, Item, Kind, Namespace

_PROPERTY_KEYS: Final = (
    *("type", "title", "description", "default", "minimum", "maximum", "enum", "pattern"),
    *("minLength", "maxLength", "confidential", "items", "uniqueItems", "minItems", "maxItems", "additionalItems"),
)

_ALL_DELETED: Final[Mapping[Kind, NamespaceEvent]] = {
    OBJECT: "metadef_namespace.delete_objects",
    PROPERTY: "metadef_namespace.delete_properties",
    TAG: "metadef_namespace.delete_tags",
}


def _property(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {key: definition.get(key) for key in _PROPERTY_KEYS}


def _item(namespace: str, item: Item) -> dict[str, Any]:
    payload: dict[str, Any] = {"namespace": namespace, "name": item.name, "name_old": item.name}
    if item.kind == PROPERTY:
        return {**payload, **_property(item.definition)}
    if item.kind == OBJECT:
        inside = item.definition.get("properties") or {}
        payload["properties"] = [
            {"name": name, **{key: value or None for key, value in _property(each).items()}}
            for name, each in inside.items()
        ]
        payload["required"] = item.definition.get("required")
        payload["description"] = item.definition.get("description")
    return {**payload, "created_at": stamp(item.created_at), "updated_at": stamp(item.updated_at)}


@dataclass(frozen=True, slots=True)
class MetadefNotificationBuilder:
    """``publisher``: ``image.<host>``. A deleted resource is described as it was, with ``deleted_at``."""

    publisher: str

    def namespace(
        self,
        event_type: NamespaceEvent,
        namespace: Namespace,
        *,
        old: str | None = None,
        deleted_at: datetime | None = None,
    ) -> Event:
        """``metadef_namespace.*``; ``old``: the name before an update."""
        payload = {
            "namespace": namespace.namespace,
            "namespace_old": old or namespace.namespace,
            "display_name": namespace.display_name,
            "protected": namespace.protected,
            "visibility": namespace.visibility,
            "owner": namespace.owner,
            "description": namespace.description,
            "created_at": stamp(namespace.created_at),
            "updated_at": stamp(namespace.updated_at),
        }
        return self._event(event_type, namespace.namespace, payload, deleted_at)

    def all_deleted(self, kind: Kind, namespace: Namespace) -> Event:
        """One notification about the namespace when all items of the kind are deleted."""
        return self.namespace(_ALL_DELETED[kind], namespace)

    def item(
        self, verb: ItemVerb, namespace: str, item: Item, *, old: str | None = None, deleted_at: datetime | None = None
    ) -> Event:
        """``metadef_object.*``, ``metadef_property.*``, ``metadef_tag.*``; ``old``: the name before an update."""
        payload = _item(namespace, item)
        if old is not None:
            payload["name_old"] = old
        return self._event(f"metadef_{item.kind}.{verb}", namespace, payload, deleted_at)

    def association(
        self, verb: AssociationVerb, namespace: str, association: Association, *, deleted_at: datetime | None = None
    ) -> Event:
        """``metadef_resource_type.*``."""
        payload = {
            "namespace": namespace,
            "name": association.name,
            "name_old": association.name,
            "prefix": association.prefix,
            "properties_target": association.properties_target,
            "created_at": stamp(association.created_at),
            "updated_at": stamp(association.updated_at),
        }
        return self._event(f"metadef_resource_type.{verb}", namespace, payload, deleted_at)

    def _event(self, event_type: str, namespace: str, payload: Mapping[str, Any], deleted_at: datetime | None) -> Event:
        return Event(
            exchange="glance",
            event_type=event_type,
            publisher_id=self.publisher,
            payload={**payload, "deleted": deleted_at is not None, "deleted_at": stamp(deleted_at)},
            context=False,
            resource=namespace,
        )
