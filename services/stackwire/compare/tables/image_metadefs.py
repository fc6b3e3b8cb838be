"""Metadata definitions (``glance/api/v2/metadef_*.py``)."""

from typing import Any

from stackwire.compare.request import Request

NAMESPACES = "/v2/metadefs/namespaces"
NAMESPACE: dict[str, Any] = {
    "namespace": "{unique}",
    "display_name": "a",
    "description": "a",
    "visibility": "private",
    "protected": False,
    "owner": "admin",
}
PROPERTY: dict[str, Any] = {
    "title": "a",
    "description": "a",
    "type": "string",
    "operators": ["<or>"],
    "enum": ["a", "b"],
    "default": "a",
    "readonly": False,
    "minLength": 1,
    "maxLength": 2,
    "pattern": "a",
}
NUMBER: dict[str, Any] = {"title": "a", "type": "integer", "minimum": 0, "maximum": 9, "default": 1}
ARRAY: dict[str, Any] = {
    "title": "a",
    "type": "array",
    "items": {"type": "string", "enum": ["a"]},
    "minItems": 0,
    "maxItems": 2,
    "uniqueItems": False,
    "additionalItems": False,
}
OBJECT: dict[str, Any] = {
    "name": "a",
    "description": "a",
    "required": ["b"],
    "properties": {"b": {"title": "a", "type": "string"}},
}


def _in_namespace(kind: str, name: str, body: Any, **more: Any) -> Request:
    path = f"{NAMESPACES}/{{namespace}}/{kind}"
    if "renew" not in more:
        more = {"created": "name", "undo": f"{path}/{{}}", **more}
    return Request(name, "image", "POST", path, body=body, admin=True, **more)


def _put(name: str, path: str, body: Any, fixture: str) -> Request:
    """A new name takes the fixture's address away: it is made anew each time, in a new namespace."""
    return Request(
        name, "image", "PUT", f"{NAMESPACES}/{{namespace}}{path}", body=body, admin=True, renew=(fixture, "namespace")
    )


UNDELETABLE = tuple(f"namespace {value}" for value in ("empty", "blank", "blanks-around", "newline", "accent"))
"""Names that a cloud takes, and no address reaches."""

REQUESTS = [
    Request(
        "namespaces.create",
        "image",
        "POST",
        NAMESPACES,
        body=NAMESPACE,
        admin=True,
        created="namespace",
        undo=NAMESPACES + "/{}",
        unvaried=("protected true", *UNDELETABLE),
    ),
    Request(
        "namespaces.create-whole",
        "image",
        "POST",
        NAMESPACES,
        body={
            "namespace": "{unique}",
            "resource_type_associations": [
                {"name": "OS::Glance::Image", "prefix": "hw_", "properties_target": "image"}
            ],
            "properties": {"a": {"title": "a", "type": "string"}},
            "objects": [OBJECT],
            "tags": [{"name": "a"}],
        },
        admin=True,
        created="namespace",
        undo=NAMESPACES + "/{}",
        unvaried=("namespace",),
    ),
    Request(
        "namespaces.update",
        "image",
        "PUT",
        NAMESPACES + "/{namespace}",
        body=NAMESPACE,
        admin=True,
        unvaried=("protected true", "namespace"),
    ),
    _in_namespace("objects", "metadef-objects.create", OBJECT),
    _in_namespace("properties", "metadef-properties.create", {"name": "a", **PROPERTY}),
    _in_namespace("properties", "metadef-properties.create-number", {"name": "a", **NUMBER}, unvaried=("name", "")),
    _in_namespace("properties", "metadef-properties.create-array", {"name": "a", **ARRAY}, unvaried=("name", "")),
    _in_namespace("tags", "metadef-tags.create-all", {"tags": [{"name": "a"}]}, renew=("namespace",)),
    _in_namespace(
        "resource_types",
        "metadef-resource-types.associate",
        {"name": "OS::Glance::Image", "prefix": "hw_", "properties_target": "image"},
        renew=("namespace",),
    ),
    _put("metadef-objects.update", "/objects/{metadef_object}", OBJECT, "metadef_object"),
    _put("metadef-properties.update", "/properties/{metadef_property}", {"name": "a", **NUMBER}, "metadef_property"),
    Request(
        "metadef-tags.update",
        "image",
        "PUT",
        NAMESPACES + "/{tagged_namespace}/tags/tag",
        body={"name": "a"},
        admin=True,
        renew=("tagged_namespace",),
    ),
]
