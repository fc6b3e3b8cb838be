"""JSON patch as Glance reads it: three verbs, one level, two media types.

Source: ``glance/api/v2/images.py: RequestDeserializer._get_change_operation_*, _validate_json_pointer``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from stackwire.core.errors import BadRequest, TooLarge
from stackwire.image.domain.attributes import BASE, check_name, check_value
from stackwire.image.domain.errors import FormatFixed, PropertyMissing, PropertyPresent, ReadOnly
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import FORMATS_OPEN

V21: Final = "application/openstack-images-v2.1-json-patch"
V20: Final = "application/openstack-images-v2.0-json-patch"
MEDIA_TYPES: Final = (V21, V20)
VERBS: Final = ("add", "remove", "replace")
MAX_OPERATIONS: Final = 1000
LOCATION_DEPTHS: Final = {"add": 1, "remove": 1, "replace": 0}
"""How many tokens a pointer has below ``/locations``."""
_BAD_ESCAPE = re.compile(r"~(?![01])")


class BadPatch(BadRequest):
    """The patch is malformed."""


@dataclass(frozen=True, slots=True)
class Change:
    """``name``: the attribute or property; ``rest``: the deeper path, which only locations have."""

    verb: str
    name: str
    value: Any = None
    rest: tuple[str, ...] = ()


def read(document: Any, media_type: str) -> list[Change]:
    """The changes of a patch. Errors: BadPatch; TooLarge beyond 1000 operations."""
    if not isinstance(document, list):
        raise BadPatch("Request body must be a JSON array of operation objects.")
    if len(document) > MAX_OPERATIONS:
        raise TooLarge(f"A patch has at most {MAX_OPERATIONS} operations.")
    return [_change(operation, media_type) for operation in document]


def _change(operation: Any, media_type: str) -> Change:
    if not isinstance(operation, dict):
        raise BadPatch("Operations must be JSON objects.")
    verb, path = _verb_2_1(operation) if media_type == V21 else _verb_2_0(operation)
    name, rest = _pointer(path)
    if len(rest) != (LOCATION_DEPTHS[verb] if name == "locations" else 0):
        raise BadPatch("Invalid JSON pointer for this resource: '" + path[:200] + "'")
    if verb == "remove":
        return Change(verb, name, rest=rest)
    if "value" not in operation:
        raise BadPatch(f'Operation "{verb}" requires a member named "value".')
    return Change(verb, name, operation["value"], rest)


def _verb_2_1(operation: Mapping[str, Any]) -> tuple[str, str]:
    verb, path = operation.get("op"), operation.get("path")
    if verb not in VERBS:
        raise BadPatch("Operations must have a member 'op' that is one of 'add', 'remove', 'replace'.")
    if not isinstance(path, str):
        raise BadPatch("Operations must have a member 'path' that is a string.")
    return str(verb), path


def _verb_2_0(operation: Mapping[str, Any]) -> tuple[str, str]:
    verbs = [verb for verb in VERBS if verb in operation]
    if len(verbs) != 1:
        raise BadPatch("Operation objects must contain exactly one member named 'add', 'remove', or 'replace'.")
    path = operation[verbs[0]]
    if not isinstance(path, str):
        raise BadPatch("An operation's path must be a string.")
    return verbs[0], path


def _pointer(path: str) -> tuple[str, tuple[str, ...]]:
    if not path.startswith("/"):
        raise BadPatch(f'Pointer `{path[:200]}` does not start with "/".')
    if _BAD_ESCAPE.search(path):
        raise BadPatch(f'Pointer `{path[:200]}` contains "~" not part of a recognized escape sequence.')
    tokens = path[1:].split("/")
    if not all(tokens):
        raise BadPatch(f"Pointer `{path[:200]}` contains an empty token.")
    first, *rest = (token.replace("~1", "/").replace("~0", "~") for token in tokens)
    return first, tuple(rest)


def applied(
    image: Image,
    changes: Sequence[Change],
    media_type: str = V21,
    locate: Callable[[Image, Change], Image] | None = None,
) -> Image:
    """The image after all changes, in order: all of them, or an error and none.

    ``locate`` changes its locations; without it they are reserved.
    """
    for change in changes:
        if change.name == "locations" and locate is not None:
            image = locate(image, change)
        else:
            image = _apply(image, change, media_type)
    return image


def _apply(image: Image, change: Change, media_type: str) -> Image:
    name = change.name
    if name in BASE:
        return _set_attribute(image, change, media_type)
    check_name(name)
    present = name in image.properties
    if not present and change.verb in ("replace", "remove"):
        raise PropertyMissing(name=name)
    if present and change.verb == "add" and media_type == V20:
        raise PropertyPresent(name=name)
    if change.verb == "remove":
        return replace(image, properties={key: value for key, value in image.properties.items() if key != name})
    return replace(image, properties={**image.properties, name: check_value(name, change.value)})


def _set_attribute(image: Image, change: Change, media_type: str) -> Image:
    name = change.name
    if change.verb == "remove":
        raise ReadOnly(f"Property {name} may not be removed.", name=name)
    if change.verb == "add" and media_type == V20:
        raise PropertyPresent(name=name)
    if name in ("disk_format", "container_format") and image.status not in FORMATS_OPEN:
        raise FormatFixed(name=name)
    value = BASE[name](name, change.value)
    return replace(image, **{name: value})
