"""An image as the v1 API has it in headers and bodies, both ways.

Names in headers know neither case nor dashes: ``X-Image-Meta-Property-OS-Type`` is the property ``os_type``.
Source: ``glance/common/utils.py: get_image_meta_from_headers``; ``glance/api/v1/images.py: validate_image_meta``.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from stackwire.core.errors import BadRequest, Forbidden
from stackwire.image.domain import attributes
from stackwire.image.domain.errors import FormatFixed, NotQueued, Reserved
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import FORMATS_OPEN, QUEUED, SAVING

META_HEADER: Final = "x-image-meta-"
PROPERTY_HEADER: Final = "x-image-meta-property-"
COPY_FROM: Final = "x-glance-api-copy-from"
AMAZON: Final = ("ami", "ari", "aki")
BRIEF: Final = ("id", "name", "size", "disk_format", "container_format", "checksum")
"""The fields of the plain list."""

_CHECKSUM = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TRUE, _FALSE = ("true", "1", "t", "on", "y", "yes"), ("false", "0", "f", "off", "n", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class V1ImageRequest:
    """``base``: attributes by their names in v2; ``read_only``: attributes that only the service sets, to be compared.

    ``size`` (bytes) and ``checksum``: of the data. ``location``: where the data stays, ``copy_from``: where it is
    fetched from.
    """

    base: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, str | None] = field(default_factory=dict)
    is_public: bool | None = None
    size: int | None = None
    checksum: str | None = None
    store: str | None = None
    location: str | None = None
    copy_from: str | None = None
    read_only: Mapping[str, str] = field(default_factory=dict)


def read(headers: Iterable[tuple[str, str]]) -> V1ImageRequest:
    """The headers of a POST or PUT; BadRequest for what cannot be read, Forbidden for reserved names."""
    fields: dict[str, str] = {}
    properties: dict[str, str | None] = {}
    for header, value in headers:
        name = header.lower()
        if name.startswith(PROPERTY_HEADER):
            _put(properties, header, _folded(name, PROPERTY_HEADER), value)
        elif name.startswith(META_HEADER):
            _put(fields, header, _folded(name, META_HEADER), value)
        elif name == COPY_FROM:
            _put(fields, header, "copy_from", value)
    return _request(fields, {name: _property(name, value) for name, value in properties.items()})


def _folded(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).replace("-", "_")


def _put(into: dict[str, Any], header: str, name: str, value: str) -> None:
    if name in into:
        raise BadRequest(f"The header {header[:100]} is given twice.")
    into[name] = value


def _property(name: str, value: str | None) -> str | None:
    """Empty is null. Reserved names are compared later: clients send back what they received."""
    if name in attributes.BASE:
        raise Reserved(name=name)
    if not name.startswith(attributes.RESERVED_PREFIX):
        attributes.check_name(name)
    return attributes.check_value(name, value) if value else None


def _request(fields: Mapping[str, str], properties: Mapping[str, str | None]) -> V1ImageRequest:
    for name in fields:
        if name not in _READERS and name not in _READ_ONLY:
            raise BadRequest(f"Bad header: {META_HEADER}{name[:100]}")
    found = {name: _READERS[name](name, fields[name]) for name in fields if name in _READERS}
    own = {name: found.pop(name) for name in _OWN if name in found}
    return V1ImageRequest(
        base=_mirrored(found),
        properties=properties,
        read_only={name: fields[name] for name in fields if name in _READ_ONLY},
        **own,
    )


def _mirrored(base: dict[str, Any]) -> dict[str, Any]:
    """The two formats of a part of an AMI are the same: one of them implies the other."""
    disk, container = base.get("disk_format"), base.get("container_format")
    if disk in AMAZON and container is None:
        return {**base, "container_format": disk}
    if container in AMAZON and disk is None:
        return {**base, "disk_format": container}
    if disk != container and (disk in AMAZON or (container in AMAZON and disk is not None)):
        raise BadRequest(
            "Invalid mix of disk and container formats. When setting a disk or container format to one of 'aki',"
            " 'ari', or 'ami', the container and disk formats must match."
        )
    return base


def _checked(name: str, value: str) -> Any:
    return attributes.BASE[name](name, value or None)


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise BadRequest(f"Cannot convert {name} to a non-negative integer: {value[:100]!r}")
    return int(value)


def _counted(name: str, value: str) -> Any:
    return attributes.BASE[name](name, _number(name, value))


def _flag(name: str, value: str) -> bool:
    """``None`` is false: glanceclient sends ``is_public: None`` by default."""
    return value.strip().lower() != "none" and flag(name, value)


def flag(name: str, value: str) -> bool:
    """A boolean as v1 clients write it; anything else is BadRequest, where Glance took it for false."""
    if value.strip().lower() not in (*_TRUE, *_FALSE):
        raise BadRequest(f"{name} is neither true nor false: {value[:100]!r}")
    return value.strip().lower() in _TRUE


def _digest(name: str, value: str) -> str | None:
    if value and not _CHECKSUM.fullmatch(value):
        raise BadRequest(f"{name} is not the MD5 of the data in hex: {value[:100]!r}")
    return value or None


def _id(name: str, value: str) -> Any:
    return attributes.read_request({name: value})[0][name]


def _text(name: str, value: str) -> str | None:
    return value or None


def _source(name: str, value: str) -> str:
    if not value:
        raise BadRequest("External source should not be empty")
    return value


_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "id": _id,
    **dict.fromkeys(("name", "owner", "disk_format", "container_format"), _checked),
    **dict.fromkeys(("min_disk", "min_ram"), _counted),
    **dict.fromkeys(("protected", "is_public"), _flag),
    "size": _number,
    "checksum": _digest,
    "store": _text,
    **dict.fromkeys(("location", "copy_from"), _source),
}
_OWN: Final = ("is_public", "size", "checksum", "store", "location", "copy_from")
_READ_ONLY: Final = ("status", "created_at", "updated_at", "deleted_at", "deleted", "uri", "virtual_size")
"""Attributes that only the service sets."""


class ReadOnlyHeader(Forbidden, wire="stackwire.image.NotYoursToSay"):
    """Forbidden to modify '{name}' of image."""


def check_new(request: V1ImageRequest) -> None:
    """Raises ReadOnlyHeader, Reserved: a new image has no attributes that only the service sets."""
    for name in request.read_only:
        raise ReadOnlyHeader(name=name)
    for name in request.properties:
        if name.startswith(attributes.RESERVED_PREFIX):
            raise Reserved(name=name)


def updated(
    image: Image, request: V1ImageRequest, *, private: str, purge: bool, with_data: bool, status_is_fixed: bool = True
) -> Image:
    """The image as requested. ``private``: the visibility of one that stops being public.

    ``purge``: properties that are not given are removed. ``with_data``: data comes along, for a queued image only.
    ``status_is_fixed``: False until lp-1482371 was mended, when an active image could be queued again, for other bytes.
    """
    if with_data:
        _check_data(image, request)
    status = _requested_status(request, status_is_fixed=status_is_fixed)
    _check_read_only(image, request, writable=status)
    _check_formats(image, request)
    changes = {name: value for name, value in request.base.items() if name != "id"} | status
    if not with_data:
        changes |= {name: value for name in ("size", "checksum") if (value := getattr(request, name)) is not None}
    if request.is_public is not None and request.is_public != (image.visibility == "public"):
        changes["visibility"] = "public" if request.is_public else private
    return replace(image, **changes, properties=_properties(image, request, purge=purge))


def _requested_status(request: V1ImageRequest, *, status_is_fixed: bool) -> dict[str, str]:
    queued_again = not status_is_fixed and request.read_only.get("status") == QUEUED
    return {"status": QUEUED} if queued_again else {}


def _check_data(image: Image, request: V1ImageRequest) -> None:
    if image.status != QUEUED:
        raise NotQueued(before=image.status, after=SAVING)
    if image.size and request.size not in (None, image.size):
        raise BadRequest(f"{image.size} bytes were announced, and {request.size} come.")


def _check_formats(image: Image, request: V1ImageRequest) -> None:
    for name in ("disk_format", "container_format"):
        current = getattr(image, name)
        if request.base.get(name, current) != current and image.status not in FORMATS_OPEN:
            raise FormatFixed(name=name)


def _check_read_only(image: Image, request: V1ImageRequest, *, writable: Collection[str]) -> None:
    """A client may send attributes back as it received them."""
    current = image_headers(image)
    for name, value in request.read_only.items():
        if name not in writable and value != current.get(META_HEADER + name, "") and value:
            raise ReadOnlyHeader(name=name)
    if request.base.get("id", image.id) != image.id:
        raise ReadOnlyHeader(name="id")
    if image.status != QUEUED:
        for name, requested in (("size", request.size), ("checksum", request.checksum)):
            if requested is not None and requested != getattr(image, name):
                raise ReadOnlyHeader(f"Forbidden to modify '{name}' of {image.status} image.")


def _properties(image: Image, request: V1ImageRequest, *, purge: bool) -> dict[str, str | None]:
    own = attributes.RESERVED_PREFIX
    for name, value in request.properties.items():
        if name.startswith(own) and value != (image.properties.get(name) or None):
            raise Reserved(name=name)
    kept = {
        name: value
        for name, value in image.properties.items()
        if not purge or name in request.properties or name.startswith(own)
    }
    given = {name: value for name, value in request.properties.items() if not name.startswith(own)}
    return {**kept, **given}


def image_view(image: Image) -> dict[str, Any]:
    """An image in the detailed list, and in responses to POST and PUT."""
    return {
        "id": image.id,
        "name": image.name,
        "status": image.status,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "size": image.size or 0,
        "virtual_size": image.virtual_size,
        "checksum": image.checksum,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "owner": image.owner,
        "is_public": image.visibility == "public",
        "protected": image.protected,
        "deleted": image.deleted,
        "created_at": _time(image.created_at),
        "updated_at": _time(image.updated_at),
        "deleted_at": _time(image.deleted_at),
        "properties": dict(image.properties),
    }


def brief_view(image: Image) -> dict[str, Any]:
    """An image in the plain list."""
    whole = image_view(image)
    return {name: whole[name] for name in BRIEF}


def image_headers(image: Image) -> dict[str, str]:
    """Everything that headers can hold: no null, no invalid name; control characters become spaces."""
    whole = image_view(image)
    properties = whole.pop("properties")
    named = {META_HEADER + name: value for name, value in whole.items()}
    named |= {PROPERTY_HEADER + name.lower(): value for name, value in properties.items() if _TOKEN.fullmatch(name)}
    return {name: _CONTROL.sub(" ", str(value)).strip() for name, value in named.items() if value is not None}


def _time(moment: datetime | None) -> str | None:
    """To the second, written with microseconds and without a zone."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.000000")
