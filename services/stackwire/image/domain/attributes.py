"""Every attribute a client may write, with its validation.

Source: ``glance/api/v2/images.py: get_base_properties``; ``etc/schema-image.json`` for the described ones.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stackwire.image.domain.errors import Invalid, ReadOnly, Reserved
from stackwire.image.domain.states import VISIBILITIES

CONTAINER_FORMATS: Final = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DISK_FORMATS: Final = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")
MAX_INT32: Final = 2**31 - 1
NAME_CHARACTERS: Final = 255
MAX_VALUE_BYTES: Final = 65535

READ_ONLY: Final = frozenset(
    {
        *("created_at", "updated_at", "status", "size", "virtual_size"),
        *("checksum", "os_hash_algo", "os_hash_value"),
        *("direct_url", "self", "file", "schema", "stores"),
    }
)
RESERVED: Final = frozenset({"locations", "location", "deleted", "deleted_at"})
RESERVED_PREFIX: Final = "os_glance"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Check = Callable[[str, Any], Any]


def _refuse(name: str, value: Any, why: str) -> Invalid:
    text = repr(value)
    return Invalid(reason=f"{text if len(text) <= 200 else text[:200] + '...'} is not valid for '{name}': {why}")


def _text_or_null(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _refuse(name, value, "it must be a string or null")
    if value is not None and len(value) > NAME_CHARACTERS:
        raise _refuse(name, value, f"it is longer than {NAME_CHARACTERS} characters")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse(name, value, "it must be a boolean")
    return value


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INT32:
        raise _refuse(name, value, f"it must be an integer from 0 to {MAX_INT32}")
    return value


def _one_of(choices: tuple[str, ...], *, null: bool = False) -> Check:
    def check(name: str, value: Any) -> str | None:
        if value is None and null:
            return None
        if not isinstance(value, str) or value not in choices:
            raise _refuse(name, value, f"it must be one of {', '.join(choices)}")
        return value

    return check


def _uuid_or_null(name: str, value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and _UUID.fullmatch(value)):
        raise _refuse(name, value, "it must be a uuid or null")
    return value


def check_tag(value: Any) -> str:
    """A tag, or Invalid."""
    if not isinstance(value, str) or len(value) > NAME_CHARACTERS:
        raise _refuse("tags", value, f"a tag is a string of at most {NAME_CHARACTERS} characters")
    return value


def _tags(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise _refuse(name, value, "it must be an array of strings")
    return tuple(dict.fromkeys(check_tag(tag) for tag in value))


@dataclass(frozen=True, slots=True)
class Described:
    """A property, not a base attribute, that the image schema describes."""

    name: str
    description: str
    check: Check
    null: bool = False
    pattern: str | None = None
    choices: tuple[str, ...] | None = None


def _plain(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse(name, value, "a property's value must be a string")
    if len(value) > MAX_VALUE_BYTES // 4 and len(value.encode()) > MAX_VALUE_BYTES:
        raise _refuse(name, value, f"it is longer than {MAX_VALUE_BYTES} bytes")
    return value


BASE: Final[Mapping[str, Check]] = {
    "name": _text_or_null,
    "visibility": _one_of(VISIBILITIES),
    "protected": _flag,
    "os_hidden": _flag,
    "container_format": _one_of(CONTAINER_FORMATS, null=True),
    "disk_format": _one_of(DISK_FORMATS, null=True),
    "min_disk": _count,
    "min_ram": _count,
    "owner": _text_or_null,
    "tags": _tags,
}
"""The base attributes a client may write."""

UUID_PATTERN: Final = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
_DELETION: Final = ("on_image_deletion", "do_not_delete")
DESCRIBED: Final = {
    item.name: item
    for item in (
        Described("kernel_id", "Image to boot as the kernel of an AMI-style image.", _uuid_or_null, True, UUID_PATTERN),
        Described(
            "ramdisk_id", "Image to use as the ramdisk of an AMI-style image.", _uuid_or_null, True, UUID_PATTERN
        ),
        Described("instance_uuid", "The server this image was made from.", _plain),
        Described("architecture", "The processor architecture the operating system is built for.", _plain),
        Described("os_distro", "The distribution's usual short name.", _plain),
        Described("os_version", "The version as the distributor counts it.", _plain),
        Described("description", "A description for people.", _plain),
        Described("cinder_encryption_key_id", "The key an encrypted volume's image needs.", _plain),
        Described(
            "cinder_encryption_key_deletion_policy",
            "Whether the key goes with the image.",
            _one_of(_DELETION),
            choices=_DELETION,
        ),
    )
}

FIRST_WORDS: Final = frozenset({*BASE, *READ_ONLY, *RESERVED, "id"})
"""Names that are never a custom property's."""


def check_name(name: str) -> str:
    """A custom property's name. Errors: ReadOnly, Reserved; Invalid for what cannot be a name."""
    if name in READ_ONLY or name == "id":
        raise ReadOnly(name=name)
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise Reserved(name=name)
    if not name or len(name) > NAME_CHARACTERS or _CONTROL.search(name):
        raise Invalid(reason=f"a property name has 1 to {NAME_CHARACTERS} characters and no control character")
    return name


def check_value(name: str, value: Any) -> str | None:
    """A custom property's value as stored; Invalid for anything but a string (or what its description allows)."""
    described = DESCRIBED.get(name)
    if described is None:
        return _plain(name, value)
    checked: str | None = described.check(name, value)
    return checked


def read_request(
    body: Mapping[str, Any], settable: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, str | None]]:
    """A create body as base attributes (``id`` among them) and properties. Forbidden names are refused first.

    ``settable``: names that only the service sets today, and that an old release took as properties.
    """
    for name in body:
        if name not in BASE and name != "id" and name not in settable:
            check_name(name)
    base: dict[str, Any] = {}
    properties: dict[str, str | None] = {}
    for name, value in body.items():
        if name == "id":
            if not isinstance(value, str) or not _UUID.fullmatch(value):
                raise _refuse(name, value, "it must be a uuid")
            base["id"] = value.lower()
        elif name in BASE:
            base[name] = BASE[name](name, value)
        else:
            properties[name] = check_value(name, value)
    return base, properties
