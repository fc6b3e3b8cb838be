"""Metadata definitions as the API shows them: what has no value is left out (``wsme_utils.py: to_wsme_model``)."""

from datetime import datetime
from typing import Any

from stackwire.image.domain.image import stamp
from stackwire.image.domain.metadefs import (
    OBJECT,
    PROPERTY,
    TAG,
    Association,
    Detail,
    Item,
    Namespace,
    ResourceType,
    prefixed,
)

NAMESPACES = "/v2/metadefs/namespaces"
SCHEMAS = "/v2/schemas/metadefs"


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _times(created_at: datetime, updated_at: datetime) -> dict[str, Any]:
    return {"created_at": stamp(created_at), "updated_at": stamp(updated_at)}


def namespace_view(namespace: Namespace) -> dict[str, Any]:
    return _given(
        {
            "namespace": namespace.namespace,
            "display_name": namespace.display_name,
            "description": namespace.description,
            "visibility": namespace.visibility,
            "protected": namespace.protected,
            "owner": namespace.owner,
            **_times(namespace.created_at, namespace.updated_at),
            "self": f"{NAMESPACES}/{namespace.namespace}",
            "schema": f"{SCHEMAS}/namespace",
        }
    )


def detail_view(detail: Detail, resource_type: str | None = None) -> dict[str, Any]:
    """With everything in it; as on a resource of the type, if one is asked for."""
    prefix = detail.prefix_for(resource_type)
    name = detail.namespace.namespace
    view = namespace_view(detail.namespace)
    inside: dict[str, Any] = {
        "resource_type_associations": [association_view(each) for each in detail.associations],
        "properties": {prefix + item.name: dict(item.definition) for item in detail.of(PROPERTY)},
        "objects": [object_view(name, item, prefix) for item in detail.of(OBJECT)],
        "tags": [{"name": item.name} for item in detail.of(TAG)],
    }
    return {**view, **{what: found for what, found in inside.items() if found}}


def association_view(association: Association) -> dict[str, Any]:
    return _given(
        {
            "name": association.name,
            "prefix": association.prefix,
            "properties_target": association.properties_target,
            **_times(association.created_at, association.updated_at),
        }
    )


def resource_type_view(resource_type: ResourceType) -> dict[str, Any]:
    return {"name": resource_type.name, **_times(resource_type.created_at, resource_type.updated_at)}


def object_view(namespace: str, item: Item, prefix: str = "") -> dict[str, Any]:
    return {
        "name": item.name,
        **prefixed(prefix, item.definition),
        **_times(item.created_at, item.updated_at),
        "self": f"{NAMESPACES}/{namespace}/objects/{item.name}",
        "schema": f"{SCHEMAS}/object",
    }


def property_view(item: Item) -> dict[str, Any]:
    return {"name": item.name, **item.definition}


def tag_view(item: Item) -> dict[str, Any]:
    return {"name": item.name, **_times(item.created_at, item.updated_at)}
