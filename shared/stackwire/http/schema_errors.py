"""Says what is wrong with a body in the words of JSON schema, which the originals validate with.

``nova/api/validation/validators.py``, ``cinder/api/validation/validators.py``, ``keystone/common/validation``.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from stackwire.core.secrets import is_secret

WRONG_TYPE = "is of another type"
"""What a validator says of a value for which the types of its field are to be named."""
_MAX_QUOTED = 200
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array"}
_NO_FIELD = FieldInfo()
_PHRASES = {
    "too_short": "is too short",
    "string_too_short": "is too short",
    "too_long": "is too long",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "does not match {pattern!r}",
    "greater_than_equal": "is less than the minimum of {ge}",
    "greater_than": "is less than or equal to the minimum of {gt}",
    "less_than_equal": "is greater than the maximum of {le}",
    "less_than": "is greater than or equal to the maximum of {lt}",
}
"""Type of a pydantic error to what JSON schema says of the value; the names are those of the error's context."""


class WholeMessage(ValueError):
    """What a validator says of a value is the whole message; of another ValueError a predicate: ``is not a 'uuid'``."""


@dataclass(frozen=True, slots=True)
class JsonType:
    """In ``Annotated``: the types that the original's schema names for the field, where ours is read from another."""

    names: tuple[str, ...]


def explain(model: type[BaseModel], body: Any, invalid: ValidationError, root: str = "") -> str:
    """The first fault of a body: the field, its value (unless it may be a secret) and what is wrong with it.

    ``root``: the key whose value the body is, if it is not the whole.
    """
    error = invalid.errors(include_url=False)[0]
    path = list(_real_path(body, error["loc"]))
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, WholeMessage):
        return str(cause)
    if error["type"] == "extra_forbidden":
        path, fault = path[:-1], f"Additional properties are not allowed ({error['loc'][-1]!r} was unexpected)"
    elif error["type"] == "missing":
        fault = f"{error['loc'][-1]!r} is a required property"
    else:
        value = _at(body, path)
        phrase = _phrase(error["type"], error.get("ctx", {}), value, field_at(model, path), str(cause or ""))
        fault = f"{_quoted(value, path)} {phrase}"
    name = path[-1] if path else root
    prefix = f"Invalid input for field/attribute {name}. Value: {_unquoted(_at(body, path), path)}. " if name else ""
    return prefix + fault


def _unquoted(value: Any, path: Sequence[str | int]) -> str:
    text = value if isinstance(value, str) and not _hidden(path) else _quoted(value, path)
    return text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "..."


def _phrase(kind: str, context: Mapping[str, Any], value: Any, field: FieldInfo, predicate: str) -> str:
    if kind == "value_error" and predicate != WRONG_TYPE:
        return predicate
    if kind in {"too_short", "string_too_short"} and context.get("min_length") == 1:
        return "should be non-empty"
    if kind in _PHRASES:
        return _PHRASES[kind].format(**context)
    choices = [
        each for part in _alternatives(field.annotation) if get_origin(part) is Literal for each in get_args(part)
    ]
    if choices and isinstance(value, str):
        return f"is not one of {choices!r}"
    return f"is not of type {', '.join(repr(name) for name in json_types(field))}"


def json_types(field: FieldInfo) -> list[str]:
    """The names of a field's types in JSON schema, in the order of its annotation."""
    marked = [name for each in field.metadata if isinstance(each, JsonType) for name in each.names]
    found = marked or [name for part in _alternatives(field.annotation) for name in _names(part)]
    return [name for name in dict.fromkeys(found) if name != "integer" or "number" not in found] or ["object"]


def _names(part: Any) -> Sequence[str]:
    if get_origin(part) is Annotated:
        return json_types(FieldInfo.from_annotation(part))
    if get_origin(part) is Literal:
        return [_JSON_TYPES[type(choice)] for choice in get_args(part)]
    if part is type(None):
        return ["null"]
    origin = get_origin(part) or part
    if isinstance(origin, type):
        return [name for kind, name in _JSON_TYPES.items() if issubclass(origin, kind)][-1:] or ["object"]
    return []


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The parts of a union, or the type itself."""
    if get_origin(annotation) in {Union, types.UnionType}:
        for part in get_args(annotation):
            yield from _alternatives(part)
    else:
        yield annotation


def field_at(model: type[BaseModel], path: Sequence[str | int]) -> FieldInfo:
    """The field that a path of keys and indexes leads to; one of any type where there is none."""
    found = FieldInfo.from_annotation(model)
    for part in path:
        children = (_child(each, part) for each in _alternatives(found.annotation))
        found = next((child for child in children if child is not None), _NO_FIELD)
    return found


def _child(annotation: Any, part: str | int) -> FieldInfo | None:
    if get_origin(annotation) is Annotated:
        return _child(get_args(annotation)[0], part)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        nullable = getattr(annotation, "nullable", fields)
        found = ((name, field) for name, field in fields.items() if part in (field.alias, name))
        return next((field if name in nullable else _not_null(field) for name, field in found), None)
    if get_origin(annotation) in {dict, list}:
        return FieldInfo.from_annotation(get_args(annotation)[-1])
    return None


def _not_null(field: FieldInfo) -> FieldInfo:
    """The field as a body sees it that takes no null there: its None is what a field left out has."""
    kinds = tuple(each for each in _alternatives(field.annotation) if each is not type(None))
    narrowed = FieldInfo.from_annotation(Union[kinds])  # noqa: UP007  # a union of types that are known only now
    narrowed.metadata = [*narrowed.metadata, *field.metadata]
    return narrowed


def _real_path(body: Any, location: Sequence[str | int]) -> Iterator[str | int]:
    """The keys and indexes among the parts of an error's location: pydantic puts names of alternatives between them."""
    for part in location:
        if (isinstance(body, dict) and part in body) or (isinstance(body, list) and isinstance(part, int)):
            yield part
            body = body[part]


def _at(body: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        body = body[part]
    return body


def _hidden(path: Sequence[str | int]) -> bool:
    return any(is_secret(str(part)) for part in path)


def _quoted(value: Any, path: Sequence[str | int]) -> str:
    """The value, unless it is a secret or may contain one: the message may be logged elsewhere."""
    if _hidden(path):
        return "***"
    if isinstance(value, Mapping | list) and value:
        return "an object" if isinstance(value, Mapping) else "a list"
    text = repr(value)
    return text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "..."
