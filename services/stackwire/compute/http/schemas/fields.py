"""The types of fields in this API's bodies, and the check for fields that a version does not know.

``nova/api/validation/parameter_types.py``.
"""

import base64
import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from stackwire.compute.http.unpack import unexpected
from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid
from stackwire.http.microversions import Microversion
from stackwire.http.request import RELAXED
from stackwire.http.schema_errors import WRONG_TYPE, JsonType, WholeMessage

Since = Mapping[str, tuple[int, int]]
"""Field to the first version that knows it (or, of ``..._UNTIL``, to the first that no longer does)."""

_FLAGS: Mapping[Any, bool] = {
    True: True,
    **dict.fromkeys(("True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes"), True),
    False: False,
    **dict.fromkeys(("False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no"), False),
}
_METADATA_KEY = re.compile(r"[a-zA-Z0-9-_:. ]{1,255}", re.ASCII)
_HOSTNAME = re.compile(r"[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+")
_FQDN = re.compile(r"[a-zA-Z0-9._-]{1,255}")
_TAG = re.compile(r"[^,/]{1,60}")


class Body(BaseModel):
    """A request's body or a part of it; unknown fields are refused, and null where it is not ``nullable``.

    A field whose default is None may be left out. Built when the first one comes.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    nullable: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _null_where_it_may_be(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.field_name not in cls.nullable:
            raise ValueError(WRONG_TYPE)
        return value


def _flag(value: Any) -> Any:
    if isinstance(value, str) and value not in _FLAGS:
        raise ValueError(f"is not one of {list(_FLAGS)!r}")
    return _FLAGS[value] if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII):
        raise ValueError("does not match '^[0-9]+$'")
    return int(value)


def _name(value: str) -> str:
    if not value:
        raise ValueError("should be non-empty")
    if value != value.strip():
        raise WholeMessage(
            "An invalid 'name' value was provided. The name must be: printable characters."
            " Can not start or end with whitespace."
        )
    return printable(value)


def printable(value: str) -> str:
    if not all((char.isprintable() or unicodedata.category(char) == "Zs") and char < "\U00010000" for char in value):
        raise ValueError("is not printable, or holds a character beyond U+FFFF")  # as _get_all_chars
    return value


def _uuid(value: str) -> str:
    found = canonical_uuid(value)
    if found is None:
        raise ValueError("is not a 'uuid'")
    return found


def _uuid_or_empty(value: str) -> str:
    if value and canonical_uuid(value) is None:
        raise ValueError("is not valid under any of the given schemas")
    return value and _uuid(value)


def _unique(value: list[str]) -> list[str]:
    if len(set(value)) < len(value):
        raise ValueError("has an element twice")
    return value


def _base64(value: str) -> str:
    base64.b64decode(value)
    return value


def _hostname(value: str) -> str:
    if not _FQDN.fullmatch(value):
        raise ValueError("is not a host name")
    return value


def _metadata(value: dict[str, str]) -> dict[str, str]:
    for key, text in value.items():
        metadata_item(key, text)
    return value


def metadata_item(key: str, text: str) -> None:
    """ValueError unless both can be stored."""
    if not _METADATA_KEY.fullmatch(key):
        raise WholeMessage(f"{key[:60]!r} does not match any of the regexes: '^{_METADATA_KEY.pattern}$'")
    if len(text) > 255:
        raise WholeMessage(f"The value of the metadata {key!r} is too long")


def tag(value: str) -> str:
    """ValueError unless it is a tag: 1 to 60 characters, no comma, no slash."""
    if not _TAG.fullmatch(value):
        raise ValueError("is not a tag: 1 to 60 characters, and no comma or slash")
    return value


def _ipv(version: int) -> Any:
    def check(value: str) -> str:
        """The address in its shortest form, which Nova keeps and shows (``nova/utils.py: get_shortened_ipv6``)."""
        try:
            address = ipaddress.ip_address(value)
        except ValueError as invalid:
            raise ValueError(f"is not a 'ipv{version}'") from invalid
        if address.version != version or "%" in value:  # a scope is none of an address that others are to use
            raise ValueError(f"is not a 'ipv{version}'")
        return str(address)

    return check


Flag = Annotated[bool, BeforeValidator(_flag), JsonType(("boolean", "string"))]
Number = Annotated[int, BeforeValidator(_number), JsonType(("integer", "string"))]
Name = Annotated[str, StringConstraints(max_length=255), AfterValidator(_name)]
Description = Annotated[str, StringConstraints(max_length=255), AfterValidator(printable)] | None
Uuid = Annotated[str, AfterValidator(_uuid)]
UuidOrEmpty = Annotated[str, AfterValidator(_uuid_or_empty)]
Hostname = Annotated[str, AfterValidator(_hostname)]
Metadata = Annotated[dict[str, str], AfterValidator(_metadata)]
Tag = Annotated[str, AfterValidator(tag)]
IPv4 = Annotated[str, AfterValidator(_ipv(4))]
IPv6 = Annotated[str, AfterValidator(_ipv(6))]
Short = Annotated[str, StringConstraints(max_length=255)]
ShortNotEmpty = Annotated[str, StringConstraints(min_length=1, max_length=255)]
FlavorRef = Annotated[str, StringConstraints(min_length=1)] | Annotated[int, AfterValidator(str)]
DiskConfig = Literal["AUTO", "MANUAL"]
Certificates = Annotated[list[ShortNotEmpty], Field(min_length=1, max_length=50), AfterValidator(_unique)]
DeviceName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9._\-/]*$")]
Base64 = Annotated[str, AfterValidator(_base64)]
SizeGb = Annotated[Number, Field(ge=0, le=2**31 - 1)]


class File(Body):
    """One entry of ``personality``: where in the guest, and what."""

    path: str
    contents: Base64


def known_at(fields: Any, version: Microversion, since: Since, until: Since | None = None) -> None:
    """BadRequest for a field that this version does not know yet (``since``), or no longer (``until``)."""
    if not isinstance(fields, Mapping):
        return
    _check_label(fields.get("hostname"), version)
    for name in [each for each in fields if _is_unknown(each, version, since, until or {})]:
        if not (RELAXED.get() and isinstance(fields, dict)):
            raise unexpected(name)
        del fields[name]


def _check_label(label: Any, version: Microversion) -> None:
    if isinstance(label, str) and version < (2, 94) and not (len(label) <= 63 and _HOSTNAME.fullmatch(label)):
        raise BadRequest("Invalid input for field/attribute hostname: one label of 2 to 63 characters.")


def _is_unknown(name: str, version: Microversion, since: Since, until: Since) -> bool:
    return (name in since and version < since[name]) or (name in until and version >= until[name])
