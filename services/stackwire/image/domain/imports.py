"""Interoperable import: its requests, and the images that are ready for one.

Source: ``glance/api/v2/images.py: import_image``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid
from stackwire.image.domain.attributes import RESERVED_PREFIX
from stackwire.image.domain.errors import ImportConflict
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import ACTIVE, QUEUED, UPLOADING

DIRECT: Final = "glance-direct"
DOWNLOAD: Final = "web-download"
COPY: Final = "copy-image"
FROM_GLANCE: Final = "glance-download"

LOCK: Final = "os_glance_import_task"
"""The property that names the task an image is locked by."""
IMPORTING_TO: Final = "os_glance_importing_to_stores"
FAILED_IMPORT: Final = "os_glance_failed_import"

_NEEDS: Final = {
    DIRECT: (UPLOADING, "Image needs to be staged before 'glance-direct' method can be used"),
    DOWNLOAD: (QUEUED, "Image needs to be in 'queued' state to use 'web-download' method"),
    FROM_GLANCE: (QUEUED, "Image needs to be in 'queued' state to use 'glance-download' method"),
    COPY: (ACTIVE, "Only images with status active can be targeted for copying"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """``stores`` None: the default store; ``body`` is the request as the client sent it."""

    method: str
    body: Mapping[str, Any]
    uri: str | None = None
    stores: tuple[str, ...] | None = None
    all_stores: bool = False
    all_stores_must_succeed: bool = True


def read_import(body: Any, enabled: Sequence[str]) -> ImportRequest:
    """The body of ``POST /v2/images/{id}/import``, or BadRequest. ``enabled``: the methods of this service."""
    method, name = _method(body)
    if name not in enabled:
        raise BadRequest(f"Unknown import method name '{str(name)[:200]}'.")
    if name == FROM_GLANCE:
        _check_remote(method)
    return ImportRequest(
        method=name,
        body=body,
        uri=_uri(method) if name == DOWNLOAD else None,
        stores=_stores(body),
        all_stores=_flag(body, "all_stores", default=False),
        all_stores_must_succeed=_flag(body, "all_stores_must_succeed", default=True),
    )


def _method(body: Any) -> tuple[Mapping[str, Any], str]:
    if not isinstance(body, dict) or not isinstance(body.get("method"), dict):
        raise BadRequest("Import request requires a 'method' field.")
    method = body["method"]
    if "name" not in method:
        raise BadRequest("Import request requires a 'name' field.")
    if not isinstance(method["name"], str):
        raise BadRequest("The name of an import method is a string.")
    return method, method["name"]


def _uri(method: Mapping[str, Any]) -> str:
    uri = method.get("uri")
    if not isinstance(uri, str) or not uri:
        raise BadRequest("URI for web-download does not pass filtering: it needs a 'uri' that is a string.")
    return uri


def _check_remote(method: Mapping[str, Any]) -> None:
    for name in ("glance_region", "glance_image_id"):
        if name not in method:
            raise BadRequest(f"'{name}' needs to be set for glance-download import method")
    if canonical_uuid(method["glance_image_id"]) is None:
        raise BadRequest(f"Remote image id does not look like a UUID: {str(method['glance_image_id'])[:200]}")
    if not all(isinstance(value, str) for value in method.values()):
        raise BadRequest("The fields of an import method are strings.")


def _stores(body: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Glance looks for each of what it can iterate; a text is its letters."""
    if "stores" not in body:
        return None
    stores = body["stores"]
    if not isinstance(stores, list | dict | str) or any(isinstance(store, list | dict) for store in stores):
        raise BadRequest("'stores' is a list of the names of stores.")
    if body.get("all_stores"):
        raise BadRequest("All_stores parameter can't be used with x-image-meta-store header or stores parameter")
    return tuple(dict.fromkeys(map(str, stores))) or None


def _flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest(f"'{name}' must be boolean value only")
    return value


def check_ready(image: Image, method: str) -> None:
    """Raises ImportConflict unless the image is in the state that the method begins in."""
    if image.status == ACTIVE and method != COPY:
        raise ImportConflict("Image with status active cannot be target for import")
    status, otherwise = _NEEDS[method]
    if image.status != status or (method == DIRECT and image.size is None):
        raise ImportConflict(otherwise)
    if method == COPY and image.object is None:
        raise ImportConflict("The image's data is not in a store of its own: it is not copied")
    for name in ("container_format", "disk_format"):
        if getattr(image, name) is None:
            raise ImportConflict(f"'{name}' needs to be set before import")


def stores_in(image: Image, name: str) -> list[str]:
    """The stores that one of an import's properties names, separated by commas."""
    value = image.properties.get(name)
    return value.split(",") if value else []


def importable(view: Mapping[str, Any], prefixes: Sequence[str]) -> dict[str, str]:
    """The properties that an image takes over from its original in another Glance: texts under one of the prefixes.

    Source: ``glance/async_/flows/api_image_import.py: _ImportMetadata``.
    """
    return {
        name: value
        for name, value in view.items()
        if isinstance(value, str) and name.startswith(tuple(prefixes)) and not name.startswith(RESERVED_PREFIX)
    }
