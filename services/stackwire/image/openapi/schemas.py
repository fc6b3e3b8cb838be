"""The schemas of the document: those the service publishes, those it validates with, and the few that are neither."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from stackwire.image.domain.attributes import BASE, DESCRIBED, DISK_FORMATS, NAME_CHARACTERS
from stackwire.image.domain.imports import DIRECT, DOWNLOAD, FROM_GLANCE
from stackwire.image.domain.locations import DIGESTS, MAX_CLIENT_URL_LENGTH
from stackwire.image.domain.metadefs_requests import (
    AssociationRequest,
    NamedProperty,
    NamespaceRequest,
    ObjectRequest,
    TagRequest,
    TagsRequest,
)
from stackwire.image.domain.metadefs_schemas import METADEF_SCHEMAS
from stackwire.image.domain.patch import MAX_OPERATIONS, VERBS
from stackwire.image.domain.schemas import SCHEMAS
from stackwire.image.domain.states import MEMBER_STATUSES
from stackwire.image.domain.tasks import API_IMPORT, LEGACY_IMPORT, LOCATION_IMPORT
from stackwire.image.domain.usage import NAMES
from stackwire.image.openapi.call import schema

_ANY: Final[dict[str, Any]] = {}
_TEXT: Final = {"type": "string"}
_UUID: Final = {"type": "string", "format": "uuid"}
_WORD: Final = {"type": "string", "minLength": 1, "maxLength": NAME_CHARACTERS}
_TABLE: Final = "#/components/schemas/"
_DEFINED: Final = "defined_"
"""The prefix of names that metadata definitions' schemas define for themselves."""
_GLANCE_KEYWORDS: Final = frozenset({"name", "links"})
"""Keywords of Glance's schemas that JSON schema does not have."""
_REQUESTS: Final = (NamespaceRequest, ObjectRequest, NamedProperty, TagRequest, TagsRequest, AssociationRequest)


def _object(*required: str, more: bool | Mapping[str, Any] = False, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": more}


def _all(**properties: Any) -> dict[str, Any]:
    """An object that has each of these and nothing else."""
    return _object(*properties, **properties)


def _array(items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": dict(items), **more}


def _with_references(value: Any) -> Any:
    """``value`` with references into the document's components."""
    if isinstance(value, list):
        return [_with_references(each) for each in value]
    if not isinstance(value, dict):
        return value
    result = {key: _with_references(each) for key, each in value.items()}
    if isinstance(result.get("$ref"), str):
        result["$ref"] = result["$ref"].replace("#/definitions/", _TABLE + _DEFINED)
    return result


def _response_schema(published: Mapping[str, Any]) -> dict[str, Any]:
    """A published schema, as that of a response."""
    kept = {key: value for key, value in published.items() if key not in _GLANCE_KEYWORDS and key != "definitions"}
    properties = {name: _member(schema) for name, schema in kept.get("properties", {}).items()}
    return {"type": "object", **_with_references(kept), "properties": properties}


def _member(published: Any) -> Any:
    """A member's schema, without Glance's keywords in lists and dictionaries of whole objects."""
    member = _with_references(published)
    for key in ("items", "additionalProperties"):
        inner = member.get(key)
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            plain = {keyword: value for keyword, value in inner.items() if keyword not in _GLANCE_KEYWORDS}
            member[key] = {"type": "object", **plain}
    return member


def _published() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, published in {**SCHEMAS, **METADEF_SCHEMAS}.items():
        found[name] = _response_schema(published)
        definitions = published.get("definitions", {})
        found.update({_DEFINED + key: _with_references(value) for key, value in definitions.items()})
    return found


def _requests() -> dict[str, Any]:
    _, generated = models_json_schema([(model, "validation") for model in _REQUESTS], ref_template=f"{_TABLE}{{model}}")
    return {_component(name): _request_schema(each) for name, each in generated["$defs"].items()}


def _component(name: str) -> str:
    """A model's name in the document, which keeps the names that generated clients know."""
    return name.replace("Request", "Wish")


def _request_schema(value: Any) -> Any:
    """A model's schema: optional members of a request are absent, never null."""
    if isinstance(value, list):
        return [_request_schema(each) for each in value]
    if isinstance(value, str):
        return _component(value)
    if not isinstance(value, dict):
        return value
    result = {key: _request_schema(each) for key, each in value.items() if not (key == "default" and each is None)}
    if "anyOf" in result:
        kept = [each for each in result.pop("anyOf") if each != {"type": "null"}]
        result.update(kept[0] if len(kept) == 1 else {"anyOf": kept})
    return result


def _image_request() -> dict[str, Any]:
    published = SCHEMAS["image"]["properties"]
    writable = {name: published[name] for name in (*BASE, "id", *DESCRIBED)}
    return {"type": "object", "properties": writable, "additionalProperties": {"type": "string"}}


def _patch_20() -> dict[str, Any]:
    changes = [_object(verb, **{verb: _TEXT}, **({} if verb == "remove" else {"value": _ANY})) for verb in VERBS]
    return _array({"oneOf": changes}, maxItems=MAX_OPERATIONS)


def _patch_21() -> dict[str, Any]:
    change = _object("op", "path", op={"type": "string", "enum": list(VERBS)}, path=_TEXT, value=_ANY)
    return _array(change, maxItems=MAX_OPERATIONS)


def _import_request() -> dict[str, Any]:
    flag = {"type": "boolean"}
    methods = [
        _all(name={"const": DIRECT}),
        _all(name={"const": DOWNLOAD}, uri={"type": "string", "minLength": 1}),
        _object(
            *("name", "glance_region", "glance_image_id"),
            name={"const": FROM_GLANCE},
            glance_region=_TEXT,
            glance_image_id=_UUID,
            glance_service_interface=_TEXT,
        ),
    ]
    stores = {"stores": _array(_TEXT), "all_stores": flag, "all_stores_must_succeed": flag}
    return _object("method", method={"oneOf": methods}, **stores)


def _location_request() -> dict[str, Any]:
    digest = _all(os_hash_algo={"type": "string", "enum": list(DIGESTS)}, os_hash_value=_TEXT)
    none = {"type": "object", "maxProperties": 0}
    url = {"type": "string", "minLength": 1, "maxLength": MAX_CLIENT_URL_LENGTH}
    return _object("url", url=url, validation_data={"oneOf": [digest, none]})


def _task_request() -> dict[str, Any]:
    legacy = _all(
        import_from={"type": "string", "minLength": 1},
        import_from_format={"type": "string", "enum": list(DISK_FORMATS)},
        image_properties=schema("ImageWish"),
    )
    by_api = _object("image_id", more=True, image_id=_UUID)
    kinds = {LEGACY_IMPORT: legacy, API_IMPORT: by_api, LOCATION_IMPORT: by_api}
    return {"oneOf": [_all(type={"const": name}, input=given) for name, given in kinds.items()]}


def _own() -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    number = {"type": "number"}
    checksum = {"type": ["string", "null"]}
    cached = _all(image_id=_TEXT, hits=count, last_accessed=number, last_modified=number, size=count, checksum=checksum)
    link = _all(rel=_TEXT, href=_TEXT)
    limit = _all(limit={"type": "integer"}, usage={"type": "integer"})
    return {
        "Error": _all(message=_TEXT, code=_TEXT, title=_TEXT),
        "Unauthorized": _all(error=_all(code={"const": 401}, title=_TEXT, message=_TEXT)),
        "Versions": _all(versions=_array(_all(id=_TEXT, status=_TEXT, links=_array(link)))),
        "Schema": {"type": "object", "required": ["name", "properties"]},
        "ImageWish": _image_request(),
        "Patch20": _patch_20(),
        "Patch21": _patch_21(),
        "MemberWish": _all(member=_WORD),
        "MemberAnswer": _all(status={"type": "string", "enum": list(MEMBER_STATUSES)}),
        "ImportWish": _import_request(),
        "LocationWish": _location_request(),
        "Locations": _array(_all(url=_TEXT, metadata={"type": "object"})),
        "TaskWish": _task_request(),
        "ImageTasks": _all(tasks=_array({"type": "object"})),
        "ImportMethods": _all(**{"import-methods": _all(description=_TEXT, type=_TEXT, value=_array(_TEXT))}),
        "Stores": _all(stores=_array(_object("id", more=True, id=_TEXT))),
        "Usage": _all(usage={"type": "object", "properties": dict.fromkeys(NAMES, limit)}),
        "Cache": _all(cached_images=_array(cached), queued_images=_array(_TEXT)),
        "CacheNodes": _array(_TEXT),
        "Pruned": _all(total_files_pruned=count, total_bytes_pruned=count),
        "ResourceTypes": _all(resource_types=_array(_all(name=_TEXT, created_at=_TEXT, updated_at=_TEXT))),
    }


def schemas() -> dict[str, Any]:
    """Every schema by its name in the document."""
    return {**_published(), **_requests(), **_own()}
