"""JSON schemas of the v2 API's resources, built from the attributes' own table. Source: ``glance/api/v2/images.py``."""

from typing import Any, Final

from stackwire.image.domain.attributes import (
    CONTAINER_FORMATS,
    DESCRIBED,
    DISK_FORMATS,
    MAX_INT32,
    NAME_CHARACTERS,
    UUID_PATTERN,
    Described,
)
from stackwire.image.domain.states import IMAGE_STATUSES, MEMBER_STATUSES, TASK_STATUSES, VISIBILITIES
from stackwire.image.domain.task_requests import TYPES

_TEXT_OR_NULL: Final = ["null", "string"]

_LOCATION: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "maxLength": 255},
        "metadata": {"type": "object"},
        "validation_data": {
            "type": "object",
            "writeOnly": True,
            "additionalProperties": False,
            "properties": {
                "checksum": {"type": "string", "minLength": 32, "maxLength": 32},
                "os_hash_algo": {"type": "string", "maxLength": 64},
                "os_hash_value": {"type": "string", "maxLength": 128},
            },
            "required": ["os_hash_algo", "os_hash_value"],
        },
    },
    "required": ["url", "metadata"],
}


def _entry(kind: str | list[str], description: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "description": description, **more}


def _read_only(kind: str | list[str], description: str, **more: Any) -> dict[str, Any]:
    """An attribute only the service writes."""
    return _entry(kind, description, readOnly=True, **more)


def _base() -> dict[str, Any]:
    return {
        "id": _entry("string", "The image's identifier", pattern=UUID_PATTERN),
        "name": _entry(_TEXT_OR_NULL, "A name for people", maxLength=NAME_CHARACTERS),
        "status": _read_only("string", "Where the image is in its life", enum=sorted(IMAGE_STATUSES)),
        "visibility": _entry("string", "Who may see the image", enum=list(VISIBILITIES)),
        "protected": _entry("boolean", "True when the image cannot be deleted"),
        "os_hidden": _entry("boolean", "True when the image is left out of lists that do not ask for it"),
        "checksum": _read_only(_TEXT_OR_NULL, "MD5 of the data", maxLength=32),
        "os_hash_algo": _read_only(_TEXT_OR_NULL, "The algorithm of os_hash_value", maxLength=64),
        "os_hash_value": _read_only(_TEXT_OR_NULL, "Digest of the data, in hex", maxLength=128),
        "owner": _entry(_TEXT_OR_NULL, "The project the image belongs to", maxLength=NAME_CHARACTERS),
        "size": _read_only(["null", "integer"], "Bytes of data"),
        "virtual_size": _read_only(["null", "integer"], "Bytes of the disk inside the data"),
        "container_format": _entry(_TEXT_OR_NULL, "What is around the disk", enum=[None, *CONTAINER_FORMATS]),
        "disk_format": _entry(_TEXT_OR_NULL, "How the disk is stored", enum=[None, *DISK_FORMATS]),
        "created_at": _read_only("string", "When the image was made"),
        "updated_at": _read_only("string", "When the image last changed"),
        "tags": _entry("array", "Words that go with the image", items={"type": "string", "maxLength": NAME_CHARACTERS}),
        "direct_url": _read_only("string", "Where the data lies"),
        "min_ram": _entry("integer", "MiB of memory the image needs", minimum=0, maximum=MAX_INT32),
        "min_disk": _entry("integer", "GiB of disk the image needs", minimum=0, maximum=MAX_INT32),
        "self": _read_only("string", "This image's path"),
        "file": _read_only("string", "The data's path"),
        "stores": _read_only("string", "The stores that have the data"),
        "schema": _read_only("string", "This schema's path"),
        "locations": _entry("array", "Where the data lies, as those see it who may", items=_LOCATION),
    }


def _described(item: Described) -> dict[str, Any]:
    more: dict[str, Any] = {"is_base": False}
    if item.pattern is not None:
        more["pattern"] = item.pattern
    if item.choices is not None:
        more["enum"] = list(item.choices)
    return _entry(_TEXT_OR_NULL if item.null else "string", item.description, **more)


def image_schema() -> dict[str, Any]:
    """The schema of an image, properties of the described ones included."""
    return {
        "name": "image",
        "properties": {**_base(), **{name: _described(item) for name, item in DESCRIBED.items()}},
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


def member_schema() -> dict[str, Any]:
    return {
        "name": "member",
        "properties": {
            "member_id": _entry("string", "The project the image is shared with"),
            "image_id": _entry("string", "The image", pattern=UUID_PATTERN),
            "created_at": _entry("string", "When the membership was made"),
            "updated_at": _entry("string", "When the membership last changed"),
            "status": _entry("string", "What the member says to it", enum=list(MEMBER_STATUSES)),
            "schema": {"readOnly": True, "type": "string"},
        },
    }


def task_schema(*, whole: bool = True) -> dict[str, Any]:
    """``whole``: with input, result and message, which lists leave out."""
    properties = {
        "id": _entry("string", "The task's identifier", pattern=UUID_PATTERN),
        "type": _entry("string", "What kind of work it is", enum=list(TYPES)),
        "status": _entry("string", "Where the task is in its life", enum=list(TASK_STATUSES)),
        "input": _entry(["null", "object"], "What was asked for"),
        "result": _entry(["null", "object"], "What came of it"),
        "owner": _entry("string", "The project the task belongs to"),
        "message": _entry("string", "How far it is, or why it failed"),
        "image_id": _entry("string", "The image it works on"),
        "request_id": _entry("string", "The request that asked for it"),
        "user_id": _entry("string", "The user who asked for it"),
        "expires_at": _entry(_TEXT_OR_NULL, "When it will be forgotten"),
        "created_at": _entry("string", "When it was asked for"),
        "updated_at": _entry("string", "When it last changed"),
        "self": {"readOnly": True, "type": "string"},
        "schema": {"readOnly": True, "type": "string"},
    }
    hidden = () if whole else ("input", "result", "message")
    return {"name": "task", "properties": {name: it for name, it in properties.items() if name not in hidden}}


def _collection(name: str, item: dict[str, Any], links: list[dict[str, Any]]) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {"type": "array", "items": item}}
    properties.update({link["rel"]: {"type": "string"} for link in links if link["rel"] != "describedby"})
    properties["schema"] = {"type": "string"}
    return {"name": name, "properties": properties, "links": links}


SCHEMAS: Final = {
    "image": image_schema(),
    "images": _collection(
        "images",
        image_schema(),
        [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    ),
    "task": task_schema(),
    "tasks": _collection(
        "tasks",
        task_schema(whole=False),
        [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    ),
    "member": member_schema(),
    "members": _collection("members", member_schema(), [{"rel": "describedby", "href": "{schema}"}]),
}
