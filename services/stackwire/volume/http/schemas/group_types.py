"""Bodies of /group_types: create, update, specs."""

import re
from typing import Annotated

from pydantic import BeforeValidator

from stackwire.volume.http.schemas.fields import Body, Flag, Metadata, Named, Text

_KEY = re.compile(r"[a-zA-Z0-9\-_:.]{1,255}")


def _keys(value: object) -> object:
    if isinstance(value, dict) and not all(isinstance(key, str) and _KEY.fullmatch(key) for key in value):
        raise ValueError("has a key that does not match '^[a-zA-Z0-9-_:.]{1,255}$'")
    return value


class NewGroupType(Body):
    name: Named
    description: Text | None = None
    is_public: Flag = True
    group_specs: Metadata = {}


class CreateGroupTypeBody(Body):
    group_type: NewGroupType


class GroupTypeChanges(Body):
    name: Named | None = None
    description: Text | None = None
    is_public: Flag | None = None


class UpdateGroupTypeBody(Body):
    group_type: GroupTypeChanges


class GroupSpecsBody(Body):
    group_specs: Annotated[dict[str, Text | None], BeforeValidator(_keys)]
