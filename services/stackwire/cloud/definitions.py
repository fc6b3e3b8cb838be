"""What metadata definitions say of properties: what each means, and what is out of its range. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS: Mapping[str, str] = {
    "image": "OS::Glance::Image",
    "flavor": "OS::Nova::Flavor",
    "aggregate": "OS::Nova::Aggregate",
    "volume": "OS::Cinder::Volume",
}
"""What is asked about, and its resource type in the definitions."""
_TRUTH = ("1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A property as a namespace defines it; ``target``: which of a volume's properties it is for (``image``)."""

    namespace: str
    target: str | None
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedProperty:
    """A property with its first definition, if there is one. ``problems``: why the value is out of its range.

    ``of``: which of the resource's properties it is among.
    """

    key: str
    value: str
    of: str
    namespace: str | None = None
    title: str | None = None
    description: str | None = None
    type: str | None = None
    allowed: str | None = None
    problems: Sequence[str] = field(default_factory=tuple)


def definitions(namespaces: Sequence[Mapping[str, Any]], resource_type: str) -> dict[str, list[Definition]]:
    """By the names that properties have on such a resource; ``namespaces``: as shown for that resource type."""
    found: dict[str, list[Definition]] = {}
    for namespace in namespaces:
        target = next(
            (
                each.get("properties_target")
                for each in namespace.get("resource_type_associations") or ()
                if each["name"] == resource_type
            ),
            None,
        )
        for name, schema in _schemas(namespace):
            found.setdefault(name, []).append(
                Definition(namespace=str(namespace["namespace"]), target=target, schema=schema)
            )
    return found


def _schemas(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from (namespace.get("properties") or {}).items()
    for group in namespace.get("objects") or ():
        yield from (group.get("properties") or {}).items()


def defined(
    properties: Mapping[str, Mapping[str, Any]], known: Mapping[str, Sequence[Definition]], kind: str
) -> list[DefinedProperty]:
    """Each property of each group (``properties``, ``volume_image_metadata``, ...), in their order.

    What an aggregate has is a list with commas. A value suits if it suits one of its definitions.
    """
    found = []
    for group, values in properties.items():
        target = "image" if group == "volume_image_metadata" else None
        for key, value in values.items():
            text = str(value)
            meant = [each for each in known.get(key, ()) if kind != "volume" or each.target == target]
            checked = [(each, problems(text, each.schema, listed=kind == "aggregate")) for each in meant]
            found.append(_described(key, text, group, min(checked, key=lambda pair: len(pair[1]), default=None)))
    return found


def _described(key: str, text: str, group: str, best: tuple[Definition, list[str]] | None) -> DefinedProperty:
    if best is None:
        return DefinedProperty(key=key, value=text, of=group)
    definition, why = best
    return DefinedProperty(
        key=key,
        value=text,
        of=group,
        namespace=definition.namespace,
        title=definition.schema.get("title"),
        description=definition.schema.get("description"),
        type=definition.schema.get("type"),
        allowed=allowed(definition.schema),
        problems=why,
    )


def allowed(schema: Mapping[str, Any]) -> str | None:
    """The range in words; None where every value of the type will do."""
    items = schema.get("items") or {}
    words = [", ".join(map(str, schema.get("enum") or items.get("enum") or ()))]
    for name, word in (("minimum", "from"), ("maximum", "to"), ("minLength", "at least"), ("maxLength", "at most")):
        if schema.get(name) is not None:
            words.append(f"{word} {schema[name]}" + (" characters" if name.endswith("Length") else ""))
    if schema.get("pattern"):
        words.append(f"like {schema['pattern']}")
    return " ".join(word for word in words if word) or None


def problems(text: str, schema: Mapping[str, Any], *, listed: bool = False) -> list[str]:
    """Why the value is none that the definition has; before each of several may stand one of its ``operators``.

    A ``pattern`` is shown and not applied: a regular expression of somebody else's may take for ever.
    """
    words = text.split()
    if words and words[0] in (schema.get("operators") or ()):
        values = " ".join("\0" if word in schema["operators"] else word for word in words).split("\0")[1:]
    elif schema.get("type") == "array" or listed:
        values = text.split(",")
    else:
        values = [text]
    own = schema.get("items") or {} if schema.get("type") == "array" else schema
    return list(dict.fromkeys(why for value in values for why in _problems(value.strip(), own)))


def _problems(value: str, schema: Mapping[str, Any]) -> Iterator[str]:
    kind = schema.get("type", "string")
    if kind == "boolean":
        if value.lower() not in _TRUTH:
            yield f"{value!r} is no boolean"
        return
    number = _number(value, kind) if kind in ("integer", "number") else None
    if kind in ("integer", "number") and number is None:
        yield f"{value!r} is no {kind}"
        return
    if schema.get("enum") and value not in map(str, schema["enum"]):
        yield f"{value!r} is none of {', '.join(map(str, schema['enum']))}"
    yield from _out_of_bounds(value, number, schema)


def _number(value: str, kind: str) -> float | None:
    shape = r"\s*[+-]?[0-9]{1,18}\s*" if kind == "integer" else r"\s*[+-]?[0-9]{1,18}(\.[0-9]{1,18})?\s*"
    return float(value) if re.fullmatch(shape, value, re.ASCII) else None


def _out_of_bounds(value: str, number: float | None, schema: Mapping[str, Any]) -> Iterator[str]:
    size = float(len(value)) if number is None else number
    least, most = ("minLength", "maxLength") if number is None else ("minimum", "maximum")
    if schema.get(least) is not None and size < float(schema[least]):
        yield f"{value!r} is below {schema[least]}" if number is not None else f"{value!r} is too short"
    if schema.get(most) is not None and size > float(schema[most]):
        yield f"{value!r} is over {schema[most]}" if number is not None else f"{value!r} is too long"
