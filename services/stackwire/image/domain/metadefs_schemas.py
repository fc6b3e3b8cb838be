"""JSON schemas of metadata definitions. Source: ``glance/api/v2/metadef_*.py: get_schema, get_collection_schema``."""

from typing import Any, Final

_TYPES: Final = ["array", "boolean", "integer", "number", "object", "string", None]
_SIZE: Final = {"$ref": "#/definitions/positiveInteger"}
_SIZE_0: Final = {"$ref": "#/definitions/positiveIntegerDefault0"}
_NAMES: Final = {"$ref": "#/definitions/stringArray"}
_PROPERTIES: Final = {"$ref": "#/definitions/property"}
_TEXT: Final = {"type": "string"}
_FLAG: Final = {"type": "boolean"}


def _name(description: str | None = None, longest: int = 80) -> dict[str, Any]:
    described = {"description": description} if description else {}
    return {"type": "string", **described, "maxLength": longest}


def _time(description: str) -> dict[str, Any]:
    return {"type": "string", "readOnly": True, "description": description, "format": "date-time"}


def _times(what: str) -> dict[str, Any]:
    return {"created_at": _time(f"When the {what} was made"), "updated_at": _time(f"When the {what} last changed")}


_LINKS: Final = {name: {"readOnly": True, "type": "string"} for name in ("schema", "self")}

PROPERTY: Final[dict[str, Any]] = {
    "name": _name(),
    "title": _TEXT,
    "description": _TEXT,
    "operators": {"type": "array", "items": _TEXT},
    "type": {"type": "string", "enum": _TYPES},
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "maxLength": _SIZE,
    "minLength": _SIZE_0,
    "pattern": {"type": "string", "format": "regex"},
    "enum": {"type": "array"},
    "readonly": _FLAG,
    "confidential": _FLAG,
    "default": {},
    "items": {"type": "object", "properties": {"type": {"type": "string", "enum": _TYPES}, "enum": {"type": "array"}}},
    "maxItems": _SIZE,
    "minItems": _SIZE_0,
    "uniqueItems": {"type": "boolean", "default": False},
    "additionalItems": _FLAG,
}

_DEFINITIONS: Final[dict[str, Any]] = {
    "positiveInteger": {"type": "integer", "minimum": 0},
    "positiveIntegerDefault0": {"allOf": [{"$ref": "#/definitions/positiveInteger"}, {"default": 0}]},
    "stringArray": {"type": "array", "items": _TEXT, "uniqueItems": True},
}
_ALL_DEFINITIONS: Final[dict[str, Any]] = {
    **_DEFINITIONS,
    "property": {
        "type": "object",
        "additionalProperties": {"type": "object", "required": ["title", "type"], "properties": PROPERTY},
    },
}

_OBJECT: Final[dict[str, Any]] = {
    "name": _name(),
    "description": _TEXT,
    "required": _NAMES,
    "properties": _PROPERTIES,
    **_LINKS,
    **_times("object"),
}
_TAG: Final[dict[str, Any]] = {"name": _name(), **_times("tag")}
_ASSOCIATION: Final[dict[str, Any]] = {
    "name": _name("The resource type, by the name Heat has for it"),
    "prefix": _name("Goes before the properties' names on such a resource, its separator included"),
    "properties_target": _name("Which of the resource's metadata is meant, where it has more than one kind"),
    **_times("association"),
}
_NAMESPACE: Final[dict[str, Any]] = {
    "namespace": _name("The namespace's name; there is one of each"),
    "display_name": _name("Its name for people"),
    "description": _name("What it is about", 500),
    "visibility": {"type": "string", "description": "Who may see it", "enum": ["public", "private"]},
    "protected": {"type": "boolean", "description": "True when it cannot be deleted"},
    "owner": _name("The project it belongs to", 255),
    **_times("namespace"),
    **_LINKS,
    "resource_type_associations": {
        "type": "array",
        "items": {"type": "object", "properties": dict.fromkeys(("name", "prefix", "properties_target"), _TEXT)},
    },
    "properties": _PROPERTIES,
    "objects": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {key: _OBJECT[key] for key in ("name", "description", "required", "properties")},
        },
    },
    "tags": {"type": "array", "items": {"type": "object", "properties": {"name": _TEXT}}},
}


def _single(
    name: str, properties: dict[str, Any], required: list[str], definitions: dict[str, Any] | None = None
) -> dict[str, Any]:
    schema = {"name": name, "properties": properties, "additionalProperties": False, "required": required}
    return schema if definitions is None else {**schema, "definitions": definitions}


def _many(name: str, item: dict[str, Any], *, by_name: bool = False) -> dict[str, Any]:
    """``by_name``: a dictionary instead of a list."""
    inside = {key: value for key, value in item.items() if key != "definitions"}
    held = {"type": "object", "additionalProperties": inside} if by_name else {"type": "array", "items": inside}
    schema = {
        "name": name,
        "properties": {name: held, **dict.fromkeys(("first", "next", "schema"), _TEXT)},
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }
    return {**schema, "definitions": item["definitions"]} if "definitions" in item else schema


_ONE_NAMESPACE: Final = _single("namespace", _NAMESPACE, ["namespace"], _ALL_DEFINITIONS)
_ONE_OBJECT: Final = _single("object", _OBJECT, ["name"], _ALL_DEFINITIONS)
_ONE_TAG: Final = _single("tag", _TAG, ["name"])
_ONE_ASSOCIATION: Final = _single("resource_type_association", _ASSOCIATION, ["name"])

METADEF_SCHEMAS: Final = {
    "namespace": _ONE_NAMESPACE,
    "namespaces": _many("namespaces", _ONE_NAMESPACE),
    "object": _ONE_OBJECT,
    "objects": _many("objects", _ONE_OBJECT),
    "property": _single("property", PROPERTY, ["type", "title", "name"], _DEFINITIONS),
    "properties": _many("properties", _single("property", PROPERTY, ["type", "title"], _DEFINITIONS), by_name=True),
    "tag": _ONE_TAG,
    "tags": _many("tags", _ONE_TAG),
    "resource_type": _ONE_ASSOCIATION,
    "resource_types": _many("resource_type_associations", _ONE_ASSOCIATION),
}
