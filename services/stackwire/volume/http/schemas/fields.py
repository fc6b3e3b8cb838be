"""Types of fields in request bodies, as in cinder/api/validation/parameter_types.py."""

from typing import Annotated
from unicodedata import category

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from stackwire.core.ids import canonical_uuid
from stackwire.http.schema_errors import WRONG_TYPE, JsonType
from stackwire.volume.domain.size_checks import MAX_SIZE_GB

MAX_IMAGE_PROPERTY_BYTES = 65535
_KEY = r"[a-zA-Z0-9\-_:. /]{1,255}"
_KEY_WITHOUT_SLASH = r"[a-zA-Z0-9\-_:. ]{1,255}"
_KEY_WITHOUT_BLANK = r"[a-zA-Z0-9\-_:.]{1,255}"
_TRUE = ("True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t")
_FALSE = ("False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f")


def _number(value: object) -> object:
    """An integer, or its digits as text, as the original's schema takes it."""
    if isinstance(value, bool | float):
        raise ValueError(WRONG_TYPE)
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) < 20):
            raise ValueError("does not match '^[0-9]+$'")
        return int(value)
    return value


def _flag(value: object) -> object:
    """A boolean or one of the spellings that the original's schema lists."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError(WRONG_TYPE)
    if value not in _TRUE + _FALSE:
        raise ValueError(f"is not one of {[True, *_TRUE, False, *_FALSE]!r}")
    return value in _TRUE


def _uuid(value: object) -> object:
    found = canonical_uuid(value)
    if found is None:
        raise ValueError("is not a 'uuid'")
    return found


def _printable(value: str) -> str:
    """No control characters, and no separators but spaces."""
    if any((kind := category(letter))[0] in "CZ" and kind != "Zs" for letter in value):
        raise ValueError("is not printable")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is blank")
    return value


def unlike_each_other(items: list[str]) -> list[str]:
    """The list, in which nothing may be twice."""
    if len(set(items)) < len(items):
        raise ValueError("has non-unique elements")
    return items


def _at_most_64k(value: object) -> object:
    if isinstance(value, str) and len(value.encode()) > MAX_IMAGE_PROPERTY_BYTES:
        raise ValueError("is too long")
    return value


Text = Annotated[str, StringConstraints(max_length=255)]
Named = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Stripped = Annotated[str, StringConstraints(max_length=255, strip_whitespace=True)]
"""Blanks around it do not count."""
StrippedLater = Annotated[Text, AfterValidator(str.strip)]
"""Blanks around it count, but are not kept."""
Printable = Annotated[Text, AfterValidator(_printable)]
PrintableStripped = Annotated[Printable, AfterValidator(str.strip)]
NotBlank = Annotated[Named, AfterValidator(_not_blank)]
SizeGb = Annotated[int, BeforeValidator(_number), JsonType(("integer", "string")), Field(ge=1, le=MAX_SIZE_GB)]
KeySize = Annotated[int, BeforeValidator(_number), JsonType(("integer", "string")), Field(ge=0, le=MAX_SIZE_GB)]
Flag = Annotated[bool, BeforeValidator(_flag), JsonType(("boolean", "string"))]
Uuid = Annotated[str, BeforeValidator(_uuid)]
Metadata = dict[Annotated[str, StringConstraints(pattern=f"^{_KEY}$")], Text]
SnapshotMetadata = dict[Annotated[str, StringConstraints(pattern=f"^{_KEY_WITHOUT_SLASH}$")], Text]
NewExtraSpecs = dict[Annotated[str, StringConstraints(pattern=f"^{_KEY}$")], Text | None]
ExtraSpecs = dict[Annotated[str, StringConstraints(pattern=f"^{_KEY_WITHOUT_BLANK}$")], Text | None]
ImagePropertyValue = Annotated[str, Field(max_length=MAX_IMAGE_PROPERTY_BYTES), BeforeValidator(_at_most_64k)]
ImageProperties = dict[Annotated[str, StringConstraints(pattern=f"^{_KEY}$")], ImagePropertyValue]


class Body(BaseModel):
    """A body, or a part of one; a field that is not in it is refused. Built when the first one comes."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
