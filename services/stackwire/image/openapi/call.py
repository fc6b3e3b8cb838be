"""What is said of a call beside its path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

JSON: Final = "application/json"
OCTETS: Final = "application/octet-stream"
HTML: Final = "text/html"


def schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def parameter(where: str, name: str, says: str, shape: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "description": says, "schema": dict(shape), **more}


def query(name: str, says: str, **shape: Any) -> dict[str, Any]:
    return parameter("query", name, says, shape or {"type": "string"})


def header(name: str, says: str, **shape: Any) -> dict[str, Any]:
    return parameter("header", name, says, shape or {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``content``: the schema by media type; ``headers``: what each tells."""

    says: str
    content: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """``refusals``: the codes of its errors, besides 400 and 401. ``body``: the schema by media type."""

    says: str
    answers: Mapping[int, Answer]
    refusals: Sequence[int] = ()
    parameters: Sequence[Mapping[str, Any]] = ()
    body: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def told(name: str, code: int = 200, says: str = "As asked.", **headers: str) -> dict[int, Answer]:
    """An answer in JSON of this schema."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return {code: Answer(says=says, content={JSON: schema(name)}, headers=named)}


def done(code: int = 204, says: str = "Done; there is no body.") -> dict[int, Answer]:
    return {code: Answer(says=says)}


def sent(name: str) -> dict[str, dict[str, Any]]:
    """A body in JSON of this schema."""
    return {JSON: schema(name)}
