"""The requests of the tasks API. Source: ``glance/api/v2/tasks.py: RequestDeserializer``.

Glance takes any input and lets the task fail; here invalid input is refused at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid
from stackwire.image.domain import attributes
from stackwire.image.domain.states import TASK_STATUSES
from stackwire.image.domain.tasks import API_IMPORT, LEGACY_IMPORT, LOCATION_IMPORT

TYPES: Final = (LEGACY_IMPORT, API_IMPORT, LOCATION_IMPORT)
SORT_KEYS: Final = ("created_at", "updated_at", "expires_at", "id", "type", "status", "owner", "image_id")
FILTERS: Final = ("id", "type", "status", "owner", "image_id", "user_id", "request_id")
_INPUT: Final = ("import_from", "import_from_format", "image_properties")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTaskRequest:
    """``image`` is the body of a request to create the image, ``uri`` where its bytes are."""

    type: str
    input: Mapping[str, Any]
    image_id: str | None = None
    uri: str | None = None
    image: Mapping[str, Any] = field(default_factory=dict)


def read_task(body: Any) -> CreateTaskRequest:
    """The body of ``POST /v2/tasks``; BadRequest, or what a create of such an image would be refused with."""
    if not isinstance(body, dict):
        raise BadRequest("Body expected in request.")
    for name in ("type", "input"):
        if name not in body:
            raise BadRequest(f"Task '{name}' is required")
    if body["type"] not in TYPES or len(body) > 2:
        raise BadRequest(f"A task has an input, and a type that is one of {', '.join(TYPES)}.")
    if not isinstance(body["input"], dict):
        raise BadRequest("The input of a task is an object.")
    if body["type"] == LEGACY_IMPORT:
        return _import(body["input"])
    return CreateTaskRequest(type=body["type"], input=body["input"], image_id=_image_id(body["input"]))


def _image_id(given: Mapping[str, Any]) -> str:
    image_id = canonical_uuid(given.get("image_id"))
    if image_id is None:
        raise BadRequest("Missing required 'image_id' field")
    return image_id


def _import(given: Mapping[str, Any]) -> CreateTaskRequest:
    for name in _INPUT:
        if name not in given:
            raise BadRequest(f"Input does not contain '{name}' field")
    if len(given) > len(_INPUT):
        raise BadRequest(f"The input of an import is {', '.join(_INPUT)}, and nothing else.")
    uri = given["import_from"]
    if not isinstance(uri, str) or not uri:
        raise BadRequest(f"Invalid location: {str(uri)[:200]}")
    if uri.startswith(("file:///", "filesystem:///")):
        raise BadRequest("File based imports are not allowed. Please use a non-local source of image data.")
    image = _image(given["image_properties"], given["import_from_format"])
    return CreateTaskRequest(type=LEGACY_IMPORT, input=given, uri=uri, image=image)


def _image(properties: Any, disk_format: Any) -> dict[str, Any]:
    """Without a format of its own the image has that of the bytes; another one would be a conversion."""
    if not isinstance(properties, dict):
        raise BadRequest("'image_properties' is an object.")
    if disk_format not in attributes.DISK_FORMATS:
        raise BadRequest(f"'import_from_format' is one of {', '.join(attributes.DISK_FORMATS)}.")
    image = {"disk_format": disk_format, "container_format": "bare", **properties}
    attributes.read_request(image)
    if image["disk_format"] != disk_format:
        raise BadRequest("An import does not convert: 'import_from_format' is not the image's 'disk_format'.")
    return image


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """A page of tasks. ``sort`` ends with the keys that make the order total."""

    sort: tuple[str, ...] = ("created_at", "id")
    direction: str = "desc"
    filters: tuple[tuple[str, str], ...] = ()
    marker: str | None = None
    limit: int | None = None


def read_query(pairs: Sequence[tuple[str, str]]) -> TaskQuery:
    """The query of a list of tasks, or BadRequest; parameters that are no filters are allowed."""
    given = dict(pairs)
    if len(given) < len(pairs):
        raise BadRequest("Each parameter of a list of tasks is given once.")
    key, direction = given.pop("sort_key", "created_at"), given.pop("sort_dir", "desc")
    if key not in SORT_KEYS:
        raise BadRequest(f"Invalid sort key: {key[:100]}. It must be one of the following: {', '.join(SORT_KEYS)}.")
    if direction not in ("asc", "desc"):
        raise BadRequest(f"Invalid sort direction: {direction[:100]}")
    marker, limit = given.pop("marker", None), given.pop("limit", None)
    if marker is not None and canonical_uuid(marker) is None:
        raise BadRequest("Invalid marker format")
    return TaskQuery(
        sort=(*((key,) if key not in ("created_at", "id") else ()), "created_at", "id"),
        direction=direction,
        filters=tuple(_filter(name, value) for name, value in given.items() if name in FILTERS and value),
        marker=canonical_uuid(marker),
        limit=None if limit is None else _limit(limit),
    )


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("limit param must be an integer, and positive")
    return min(int(text[:18]), 2**31)


def _filter(name: str, value: str) -> tuple[str, str]:
    if name == "status" and value not in TASK_STATUSES:
        raise BadRequest(f"Invalid status value: {value[:100]}")
    if name == "type" and value not in TYPES:
        raise BadRequest(f"Invalid type value: {value[:100]}")
    return name, value
