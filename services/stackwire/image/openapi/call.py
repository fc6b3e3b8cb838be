"""The description of an API call, beside its path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

JSON: Final = "application/json"
OCTETS: Final = "application/octet-stream"
HTML: Final = "text/html"


def schema(name: str) -> dict[str, Any]:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def parameter(where: str, name: str, description: str, shape: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A parameter in the path, the query or a header."""
    return {"name": name, "in": where, "description": description, "schema": dict(shape), **more}


def query(name: str, description: str, **shape: Any) -> dict[str, Any]:
    """A parameter of the query, a string by default."""
    return parameter("query", name, description, shape or {"type": "string"})


def header(name: str, description: str, **shape: Any) -> dict[str, Any]:
    """A header, a string by default."""
    return parameter("header", name, description, shape or {"type": "string"})


@dataclass(frozen=True, slots=True)
class Response:
    """``content``: the schema by media type; ``headers``: the description of each."""

    description: str
    content: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """``errors``: the codes of its errors, besides 400 and 401. ``body``: the schema by media type."""

    summary: str
    responses: Mapping[int, Response]
    errors: Sequence[int] = ()
    parameters: Sequence[Mapping[str, Any]] = ()
    body: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def returns(name: str, code: int = 200, description: str = "As asked.", **headers: str) -> dict[int, Response]:
    """A JSON response of this schema."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return {code: Response(description, content={JSON: schema(name)}, headers=named)}


def returns_nothing(code: int = 204, description: str = "Done; there is no body.") -> dict[int, Response]:
    """A response without a body."""
    return {code: Response(description)}


def accepts(name: str) -> dict[str, dict[str, Any]]:
    """A JSON request body of this schema."""
    return {JSON: schema(name)}
