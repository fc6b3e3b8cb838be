"""An image as the v1 API's headers say it, both ways.

Names in headers know neither case nor dashes: ``X-Image-Meta-Property-OS-Type`` is the property ``os_type``.
Source: ``glance/common/utils.py: get_image_meta_from_headers``; ``glance/api/v1/images.py: validate_image_meta``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from stackwire.core.errors import BadRequest, Forbidden
from stackwire.image.domain import attributes
from stackwire.image.domain.errors import FormatFixed, NotQueued, Reserved
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import FORMATS_OPEN, QUEUED, SAVING

META: Final = "x-image-meta-"
PROPERTY: Final = "x-image-meta-property-"
COPY_FROM: Final = "x-glance-api-copy-from"
AMAZON: Final = ("ami", "ari", "aki")
BRIEF: Final = ("id", "name", "size", "disk_format", "container_format", "checksum")
"""What the plain list shows."""

_CHECKSUM = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TRUE, _FALSE = ("true", "1", "t", "on", "y", "yes"), ("false", "0", "f", "off", "n", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """``base``: attributes by their names in v2; ``told``: what only the service says, to be compared.

    ``size`` (bytes) and ``checksum``: what the data is said to be. ``location``: where it stays, ``copy_from``: where
    it is fetched from.
    """

    base: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, str | None] = field(default_factory=dict)
    is_public: bool | None = None
    size: int | None = None
    checksum: str | None = None
    store: str | None = None
    location: str | None = None
    copy_from: str | None = None
    told: Mapping[str, str] = field(default_factory=dict)


def read(headers: Iterable[tuple[str, str]]) -> Wish:
    """What the headers of a POST or PUT wish for; BadRequest for what cannot be read, Forbidden for reserved names."""
    fields: dict[str, str] = {}
    properties: dict[str, str | None] = {}
    for header, value in headers:
        name = header.lower()
        if name.startswith(PROPERTY):
            _put(properties, header, _folded(name, PROPERTY), value)
        elif name.startswith(META):
            _put(fields, header, _folded(name, META), value)
        elif name == COPY_FROM:
            _put(fields, header, "copy_from", value)
    return _wish(fields, {name: _property(name, value) for name, value in properties.items()})


def _folded(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).replace("-", "_")


def _put(into: dict[str, Any], header: str, name: str, value: str) -> None:
    if name in into:
        raise BadRequest(f"The header {header[:100]} is given twice.")
    into[name] = value


def _property(name: str, value: str | None) -> str | None:
    """Empty is null. What the service keeps to itself is compared later: clients send back what they were shown."""
    if name in attributes.BASE:
        raise Reserved(name=name)
    if not name.startswith(attributes.RESERVED_PREFIX):
        attributes.check_name(name)
    return attributes.check_value(name, value) if value else None


def _wish(fields: Mapping[str, str], properties: Mapping[str, str | None]) -> Wish:
    for name in fields:
        if name not in _READERS and name not in _TOLD:
            raise BadRequest(f"Bad header: {META}{name[:100]}")
    found = {name: _READERS[name](name, fields[name]) for name in fields if name in _READERS}
    own = {name: found.pop(name) for name in _OWN if name in found}
    return Wish(
        base=_mirrored(found),
        properties=properties,
        told={name: fields[name] for name in fields if name in _TOLD},
        **own,
    )


def _mirrored(base: dict[str, Any]) -> dict[str, Any]:
    """The parts of an AMI are of one kind: what is said of one format is said of both."""
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
    """``None`` is false: glanceclient sends ``is_public: None`` where its user said nothing."""
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
    return attributes.read_wish({name: value})[0][name]


def _text(name: str, value: str) -> str | None:
    return value or None


def _source(name: str, value: str) -> str:
    if not value:
        raise BadRequest("External source should not be empty")
    return value


_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "id": _id, "name": _checked, "owner": _checked, "disk_format": _checked, "container_format": _checked,
    "min_disk": _counted, "min_ram": _counted, "protected": _flag, "is_public": _flag, "size": _number,
    "checksum": _digest, "store": _text, "location": _source, "copy_from": _source,
}  # fmt: skip
_OWN: Final = ("is_public", "size", "checksum", "store", "location", "copy_from")
_TOLD: Final = ("status", "created_at", "updated_at", "deleted_at", "deleted", "uri", "virtual_size")
"""Only ever the service's to say."""


class NotYoursToSay(Forbidden, wire="stackwire.image.NotYoursToSay"):
    """Forbidden to modify '{name}' of image."""


def check_new(wish: Wish) -> None:
    """Of an image that is not there yet nothing can be known: NotYoursToSay."""
    for name in wish.told:
        raise NotYoursToSay(name=name)
    for name in wish.properties:
        if name.startswith(attributes.RESERVED_PREFIX):
            raise Reserved(name=name)


def changed(image: Image, wish: Wish, *, private: str, purge: bool, with_data: bool) -> Image:
    """The image as wished. ``private``: the visibility of one that stops being public.

    ``purge``: properties that are not given go. ``with_data``: data comes with it, which only a queued image takes.
    """
    if with_data and image.status != QUEUED:
        raise NotQueued(before=image.status, after=SAVING)
    if with_data and image.size and wish.size not in (None, image.size):
        raise BadRequest(f"{image.size} bytes were announced, and {wish.size} come.")
    _check_told(image, wish)
    for name in ("disk_format", "container_format"):
        if wish.base.get(name, getattr(image, name)) != getattr(image, name) and image.status not in FORMATS_OPEN:
            raise FormatFixed(name=name)
    changes = {name: value for name, value in wish.base.items() if name != "id"}
    if not with_data:
        changes |= {name: value for name in ("size", "checksum") if (value := getattr(wish, name)) is not None}
    if wish.is_public is not None and wish.is_public != (image.visibility == "public"):
        changes["visibility"] = "public" if wish.is_public else private
    return replace(image, **changes, properties=_properties(image, wish, purge=purge))


def _check_told(image: Image, wish: Wish) -> None:
    """What a client was told it may send back as it was."""
    told = shown_headers(image)
    for name, value in wish.told.items():
        if value != told.get(META + name, "") and value:
            raise NotYoursToSay(name=name)
    if wish.base.get("id", image.id) != image.id:
        raise NotYoursToSay(name="id")
    if image.status != QUEUED:
        for name, asked in (("size", wish.size), ("checksum", wish.checksum)):
            if asked is not None and asked != getattr(image, name):
                raise NotYoursToSay(f"Forbidden to modify '{name}' of {image.status} image.")


def _properties(image: Image, wish: Wish, *, purge: bool) -> dict[str, str | None]:
    own = attributes.RESERVED_PREFIX
    for name, value in wish.properties.items():
        if name.startswith(own) and value != (image.properties.get(name) or None):
            raise Reserved(name=name)
    kept = {
        name: value
        for name, value in image.properties.items()
        if not purge or name in wish.properties or name.startswith(own)
    }
    given = {name: value for name, value in wish.properties.items() if not name.startswith(own)}
    return {**kept, **given}


# ---- an image as it is shown


def shown(image: Image) -> dict[str, Any]:
    """All of it, as the detailed list and the answers to POST and PUT have it."""
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


def brief(image: Image) -> dict[str, Any]:
    whole = shown(image)
    return {name: whole[name] for name in BRIEF}


def shown_headers(image: Image) -> dict[str, str]:
    """All of it that headers can hold: no null, no name that is no header's; control characters become spaces."""
    whole = shown(image)
    properties = whole.pop("properties")
    named = {META + name: value for name, value in whole.items()}
    named |= {PROPERTY + name.lower(): value for name, value in properties.items() if _TOKEN.fullmatch(name)}
    return {name: _CONTROL.sub(" ", str(value)).strip() for name, value in named.items() if value is not None}


def _time(moment: datetime | None) -> str | None:
    """To the second, written with microseconds and without a zone."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.000000")
