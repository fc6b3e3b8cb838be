"""Types of fields in request bodies, as in cinder/api/validation/parameter_types.py."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.size_checks import MAX_SIZE_GB

MAX_IMAGE_PROPERTY_BYTES = 65535
_KEY = re.compile(r"[a-zA-Z0-9\-_:. /]{1,255}")
_TRUE = {"1", "t", "true", "on", "y", "yes"}
_FALSE = {"0", "f", "false", "off", "n", "no"}


def _number(value: object) -> object:
    """An integer, or its digits as text, as the original's schema takes it."""
    if isinstance(value, bool | float):
        raise ValueError("must be an integer")
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) < 20):
            raise ValueError("must be an integer")
        return int(value)
    return value


def _flag(value: object) -> object:
    if isinstance(value, str):
        if value.strip().lower() in _TRUE:
            return True
        if value.strip().lower() in _FALSE:
            return False
    if not isinstance(value, bool):
        raise ValueError("must be a boolean")
    return value


def _uuid(value: object) -> object:
    found = canonical_uuid(value)
    if found is None:
        raise ValueError("must be a uuid")
    return found


def _keys(value: object) -> object:
    if isinstance(value, dict) and not all(isinstance(key, str) and _KEY.fullmatch(key) for key in value):
        raise ValueError("keys must match ^[a-zA-Z0-9-_:. /]{1,255}$")
    return value


def _at_most_64k(value: object) -> object:
    if isinstance(value, str) and len(value.encode()) > MAX_IMAGE_PROPERTY_BYTES:
        raise ValueError(f"must be at most {MAX_IMAGE_PROPERTY_BYTES} bytes long")
    return value


Text = Annotated[str, StringConstraints(max_length=255)]
Named = Annotated[str, StringConstraints(min_length=1, max_length=255)]
SizeGb = Annotated[int, BeforeValidator(_number), Field(ge=1, le=MAX_SIZE_GB)]
KeySize = Annotated[int, BeforeValidator(_number), Field(ge=0, le=MAX_SIZE_GB)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Uuid = Annotated[str, BeforeValidator(_uuid)]
Metadata = Annotated[dict[str, Text], BeforeValidator(_keys)]
ImagePropertyValue = Annotated[str, Field(max_length=MAX_IMAGE_PROPERTY_BYTES), BeforeValidator(_at_most_64k)]
ImageProperties = Annotated[dict[str, ImagePropertyValue], BeforeValidator(_keys)]


class Body(BaseModel):
    """A body, or a part of one; a field that is not in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
