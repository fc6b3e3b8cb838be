"""The schemas of the document: those the service tells, those it reads by, and the few that are neither."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from stackwire.image.domain.attributes import BASE, DESCRIBED, DISK_FORMATS, NAME_CHARACTERS
from stackwire.image.domain.imports import DIRECT, DOWNLOAD, FROM_GLANCE
from stackwire.image.domain.locations import DIGESTS, LONGEST_SAID
from stackwire.image.domain.metadefs_requests import (
    AssociationWish,
    NamedProperty,
    NamespaceWish,
    ObjectWish,
    TagsWish,
    TagWish,
)
from stackwire.image.domain.metadefs_schemas import METADEF_SCHEMAS
from stackwire.image.domain.patch import MOST_OPERATIONS, VERBS
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
"""How the names begin of what metadata definitions' schemas define for themselves."""
_OURS: Final = frozenset({"name", "links"})
"""Words of Glance's schemas that are none of JSON schema's."""
_WISHES: Final = (NamespaceWish, ObjectWish, NamedProperty, TagWish, TagsWish, AssociationWish)


def _object(*required: str, more: bool | Mapping[str, Any] = False, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": more,
    }


def _all(**properties: Any) -> dict[str, Any]:
    """An object that has each of these and nothing else."""
    return _object(*properties, **properties)


def _array(items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": dict(items), **more}


def _pointed(value: Any) -> Any:
    """``value`` with what it refers to where the document has it."""
    if isinstance(value, list):
        return [_pointed(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: _pointed(each) for key, each in value.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].replace("#/definitions/", _TABLE + _DEFINED)
    return made


def _shown(told: Mapping[str, Any]) -> dict[str, Any]:
    """A schema the service tells, of an answer: the only writable thing in an answer is nothing."""
    kept = {key: value for key, value in told.items() if key not in _OURS and key != "definitions"}
    held = kept.get("properties", {})
    return {"type": "object", **_pointed(kept), "properties": {name: _plain(each) for name, each in held.items()}}


def _plain(told: Any) -> Any:
    """A member's schema; of lists and dictionaries of whole objects without the words that are none."""
    made = _pointed(told)
    for key in ("items", "additionalProperties"):
        inside = made.get(key)
        if isinstance(inside, dict) and isinstance(inside.get("name"), str):
            made[key] = {"type": "object", **{word: it for word, it in inside.items() if word not in _OURS}}
    return made


def _told() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, told in {**SCHEMAS, **METADEF_SCHEMAS}.items():
        made[name] = _shown(told)
        made.update({_DEFINED + word: _pointed(it) for word, it in told.get("definitions", {}).items()})
    return made


def _wishes() -> dict[str, Any]:
    _, made = models_json_schema([(wish, "validation") for wish in _WISHES], ref_template=f"{_TABLE}{{model}}")
    return {name: _without_null(each) for name, each in made["$defs"].items()}


def _without_null(value: Any) -> Any:
    """Optional members of a wish are left out, never null."""
    if isinstance(value, list):
        return [_without_null(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: _without_null(each) for key, each in value.items() if not (key == "default" and each is None)}
    if "anyOf" in made:
        kept = [each for each in made.pop("anyOf") if each != {"type": "null"}]
        made.update(kept[0] if len(kept) == 1 else {"anyOf": kept})
    return made


def _image_wish() -> dict[str, Any]:
    shown = SCHEMAS["image"]["properties"]
    asked = {name: shown[name] for name in (*BASE, "id", *DESCRIBED)}
    return {"type": "object", "properties": asked, "additionalProperties": {"type": "string"}}


def _patch_20() -> dict[str, Any]:
    changes = [_object(verb, **{verb: _TEXT}, **({} if verb == "remove" else {"value": _ANY})) for verb in VERBS]
    return _array({"oneOf": changes}, maxItems=MOST_OPERATIONS)


def _patch_21() -> dict[str, Any]:
    change = _object("op", "path", op={"type": "string", "enum": list(VERBS)}, path=_TEXT, value=_ANY)
    return _array(change, maxItems=MOST_OPERATIONS)


def _import_wish() -> dict[str, Any]:
    flag = {"type": "boolean"}
    methods = [
        _all(name={"const": DIRECT}),
        _all(name={"const": DOWNLOAD}, uri={"type": "string", "minLength": 1}),
        _object(
            *("name", "glance_region", "glance_image_id"),
            name={"const": FROM_GLANCE}, glance_region=_TEXT, glance_image_id=_UUID, glance_service_interface=_TEXT,
        ),
    ]  # fmt: skip
    stores = {"stores": _array(_TEXT), "all_stores": flag, "all_stores_must_succeed": flag}
    return _object("method", method={"oneOf": methods}, **stores)


def _location_wish() -> dict[str, Any]:
    digest = _all(os_hash_algo={"type": "string", "enum": list(DIGESTS)}, os_hash_value=_TEXT)
    none = {"type": "object", "maxProperties": 0}
    url = {"type": "string", "minLength": 1, "maxLength": LONGEST_SAID}
    return _object("url", url=url, validation_data={"oneOf": [digest, none]})


def _task_wish() -> dict[str, Any]:
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
    cached = _all(
        image_id=_TEXT, hits=count, last_accessed=number, last_modified=number, size=count,
        checksum={"type": ["string", "null"]},
    )  # fmt: skip
    link = _all(rel=_TEXT, href=_TEXT)
    limit = _all(limit={"type": "integer"}, usage={"type": "integer"})
    return {
        "Error": _all(message=_TEXT, code=_TEXT, title=_TEXT),
        "Unauthorized": _all(error=_all(code={"const": 401}, title=_TEXT, message=_TEXT)),
        "Versions": _all(versions=_array(_all(id=_TEXT, status=_TEXT, links=_array(link)))),
        "Schema": {"type": "object", "required": ["name", "properties"]},
        "ImageWish": _image_wish(),
        "Patch20": _patch_20(),
        "Patch21": _patch_21(),
        "MemberWish": _all(member=_WORD),
        "MemberAnswer": _all(status={"type": "string", "enum": list(MEMBER_STATUSES)}),
        "ImportWish": _import_wish(),
        "LocationWish": _location_wish(),
        "Locations": _array(_all(url=_TEXT, metadata={"type": "object"})),
        "TaskWish": _task_wish(),
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
    return {**_told(), **_wishes(), **_own()}
