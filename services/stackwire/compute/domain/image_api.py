"""An image as Nova works on it, and in the two versions of the Image API: what differs is in this file.

Nova's image is a dictionary of attributes with its custom properties apart, under ``properties``.
Source: ``nova/image/glance.py: _translate_to_glance, _translate_from_glance``; the six differences are those of
Mikhail Fedosin's mail "Nova + Glance_v2 = Love" (openstack-dev, 2015-12-24).
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from stackwire.core.errors import BadRequest

PREFIX: Final = "x-image-meta-"
PROPERTY_HEADER: Final = "x-image-meta-property-"
FILTER: Final = "property-"
RESERVED: Final = "os_glance"
READ_ONLY: Final = frozenset(
    [
        "status",
        "created_at",
        "updated_at",
        "deleted_at",
        "deleted",
        "checksum",
        "virtual_size",
        "os_hash_algo",
        "os_hash_value",
        "size",
        "visibility",
        "is_public",
        "self",
        "file",
        "schema",
        "stores",
        "direct_url",
        "locations",
    ]
)
"""Never sent as they are: set by the service, or sent in another form."""
STRUCTURED: Final = ("mappings", "block_device_mapping")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBERS: Final = ("size", "min_disk", "min_ram", "virtual_size")
_FLAGS: Final = ("is_public", "protected", "deleted")

ImageDict = dict[str, Any]
EmptyMode = Literal["auto", "upload_empty", "size_zero", "root_location"]
"""How an image of nothing but metadata becomes active: by an upload of nothing, or by a size of 0 in the v1 API; auto
is what the API in use can. With ``root_location`` it has data: its location is the snapshot of the root volume.
"""


def texts(properties: Mapping[str, Any]) -> dict[str, str]:
    """Properties as they are sent: text, lists as JSON; nothing for null, nor for a kernel or ramdisk that is none."""
    sent = {}
    for name, value in properties.items():
        absent = value is None or (name in ("kernel_id", "ramdisk_id") and str(value).lower() in ("", "none"))
        if not absent:
            sent[name] = json.dumps(value) if name in STRUCTURED and not isinstance(value, str) else str(value)
    return sent


def visibility(meta: Mapping[str, Any]) -> str | None:
    """The requested visibility: ``visibility``, else what ``is_public`` stands for; None when neither is given."""
    if meta.get("visibility") is not None:
        return str(meta["visibility"])
    if meta.get("is_public") is None:
        return None
    return "public" if meta["is_public"] else "private"


def _attributes(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in meta.items()
        if name not in READ_ONLY and name not in ("properties", "member") and value is not None
    }


# ---- v1: headers


def v1_headers(meta: Mapping[str, Any]) -> dict[str, str]:
    """An image's metadata as headers; names of properties lose their case, as headers do.

    BadRequest for what no header can hold: a control character, or a name that is no header's.
    """
    headers = {PREFIX + name: str(value) for name, value in _attributes(meta).items() if name != "tags"}
    requested = visibility(meta)
    if requested is not None:
        headers[PREFIX + "is_public"] = str(requested == "public")
    headers |= {PROPERTY_HEADER + name: value for name, value in texts(meta.get("properties") or {}).items()}
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise BadRequest(f"The v1 Image API has no header for {name[:100]!r} with such a value.")
    return headers


def from_headers(headers: Iterable[tuple[str, str]]) -> ImageDict:
    """The response to HEAD as an image."""
    image: ImageDict = {"properties": {}}
    for header, value in headers:
        name = header.lower()
        if name.startswith(PROPERTY_HEADER):
            image["properties"][name.removeprefix(PROPERTY_HEADER)] = value
        elif name.startswith(PREFIX):
            image[name.removeprefix(PREFIX)] = _typed(name.removeprefix(PREFIX), value)
    return from_v1(image)


def _typed(name: str, value: str) -> Any:
    if name in _FLAGS:
        return value.lower() == "true"
    return int(value) if name in _NUMBERS and value.isdigit() else value


def from_v1(image: Mapping[str, Any]) -> ImageDict:
    """An image of a v1 response, with its visibility."""
    public = bool(image.get("is_public"))
    return _normalized({**image, "is_public": public, "visibility": "public" if public else "private"})


def v1_filters(filters: Mapping[str, Any], changed_since: datetime | None) -> list[tuple[str, str]]:
    """v1 has these names already. It lists what changed later than that, deleted images included."""
    pairs = [(name, str(value)) for name, value in filters.items()]
    return pairs if changed_since is None else [*pairs, ("changes-since", _moment(changed_since))]


# ---- v2: JSON, flat


def v2_body(meta: Mapping[str, Any]) -> dict[str, Any]:
    """A create body: properties beside the attributes."""
    body = {**texts(meta.get("properties") or {}), **_attributes(meta)}
    requested = visibility(meta)
    return body if requested is None else {**body, "visibility": requested}


def v2_patch(meta: Mapping[str, Any], existing: Collection[str], *, purge: bool) -> list[dict[str, Any]]:
    """A patch that sets what is given. ``purge``: ``existing`` properties that are not given are removed."""
    body = v2_body(meta)
    body.pop("id", None)
    removed = [name for name in existing if name not in body and not name.startswith(RESERVED)] if purge else []
    return [
        *({"op": "add", "path": _pointer(name), "value": value} for name, value in body.items()),
        *({"op": "remove", "path": _pointer(name)} for name in removed),
    ]


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def base_names(schema: Mapping[str, Any]) -> frozenset[str]:
    """What is an attribute in the image schema: ``is_base`` false marks a property that is only described."""
    return frozenset(name for name, rule in schema["properties"].items() if rule.get("is_base", True))


def from_v2(image: Mapping[str, Any], base: Collection[str]) -> ImageDict:
    """An image of v2: what is no attribute in the schema is a property."""
    attributes = {name: value for name, value in image.items() if name in base}
    properties = {name: value for name, value in image.items() if name not in base}
    return _normalized({**attributes, "properties": properties, "is_public": image.get("visibility") == "public"})


def v2_filters(filters: Mapping[str, Any], changed_since: datetime | None) -> list[tuple[str, str]]:
    """``property-`` is cut off as the prefix it is; ``is_public`` becomes a visibility, and none of them no filter.

    Two differences remain: v2 lists what changed at that very moment too, and never deleted images.
    """
    pairs: list[tuple[str, str]] = []
    for name, value in filters.items():
        if name == "is_public":
            public = str(value).lower()
            if public in ("true", "false"):
                pairs.append(("visibility", "public" if public == "true" else "private"))
        else:
            pairs.append((name.removeprefix(FILTER), str(value)))
    return pairs if changed_since is None else [*pairs, ("updated_at", f"gte:{_moment(changed_since)}")]


# ---- an image of nothing but metadata


def empty_v2(meta: Mapping[str, Any]) -> ImageDict:
    """In v2 no image is active without formats and an upload: ``raw`` and ``bare`` where none is given.

    BadRequest for another disk format: no bytes are no image of it.
    """
    if meta.get("disk_format") not in (None, "raw"):
        raise BadRequest(f"An image without data cannot have the disk format {meta['disk_format']}.")
    return {**meta, "disk_format": "raw", "container_format": meta.get("container_format") or "bare"}


# ---- helpers


def _normalized(image: Mapping[str, Any]) -> ImageDict:
    """A missing size is 0; times are ISO 8601 with Z."""
    times = {name: _read(image.get(name)) for name in ("created_at", "updated_at", "deleted_at")}
    return {**image, **times, "size": image.get("size") or 0}


def _read(text: Any) -> str | None:
    if not text:
        return None
    moment = datetime.fromisoformat(str(text))
    return _moment(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
