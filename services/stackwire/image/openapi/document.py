"""The document, assembled. A route without a description is a KeyError, which a test catches."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from stackwire.core.behaviours import behaviours_of
from stackwire.http.app import Route
from stackwire.http.probes import HEALTH, LIVE, METRICS
from stackwire.image.http.routes import routes
from stackwire.image.http.versions import VersionHandlers
from stackwire.image.openapi.call import HTML, JSON, Call, Response, schema
from stackwire.image.openapi.calls import CALLS
from stackwire.image.openapi.metadefs import METADEFS
from stackwire.image.openapi.schemas import schemas

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
PROBES: Final = (HEALTH, LIVE, METRICS)
"""What every service has beside its own routes (``http/app.py``)."""
_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
_TAIL: Final = "{tail:(/.*)?}"
_TAGS: Final = ("images", "tasks", "metadefs", "cache", "info", "schemas", "stores")
_DESCRIPTION: Final = """\
The image API v2 as Stackwire serves it, today's release. A query that is not named is refused, but in
the list of images, where it is a property's name."""


class _Nothing:
    """Stands for flows that are never called."""

    def __getattr__(self, name: str) -> Any:
        return self


def table() -> list[Route]:
    """The routes of today's release. Nothing is behind their handlers: they are read, never called."""
    flows: Any = _Nothing()
    flows.v1 = None
    return routes(flows, flows, VersionHandlers(behaviours_of()), import_methods=())


def path_of(route: str) -> str:
    """A path of aiohttp in OpenAPI's notation: without patterns."""
    return _PARAMETER.sub(r"{\1}", route.replace(_TAIL, ""))


def document() -> dict[str, Any]:
    """The OpenAPI document of today's release."""
    paths: dict[str, dict[str, Any]] = {}
    calls = {**CALLS, **METADEFS}
    for method, route, public in [
        *((it.method, it.path, it.public) for it in table()),
        *(("GET", path, True) for path in PROBES),
    ]:
        path = path_of(route)
        call = calls[f"{method} {path}"]
        for verb in METHODS if method == "*" else (method.lower(),):
            paths.setdefault(path, {})[verb] = _operation(verb, path, call, public=public)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stackwire image",
            "version": "2",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:9292"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
    }


def _operation(verb: str, path: str, call: Call, *, public: bool) -> dict[str, Any]:
    words = [word for word in re.split(r"\W+", path) if word]
    codes = sorted({400, *(() if public else (401,)), *call.errors})
    operation: dict[str, Any] = {
        "operationId": "_".join((verb, *words)) if words else f"{verb}_root",
        "summary": call.summary,
        "tags": [next((tag for tag in _TAGS if tag in words), "versions")],
        "responses": {
            **{str(code): _response(response) for code, response in call.responses.items()},
            **{str(code): _error(code) for code in codes},
        },
    }
    parameters = [*_in_path(path), *call.parameters]
    if parameters:
        operation["parameters"] = parameters
    if call.body:
        operation["requestBody"] = {"required": True, "content": _content(call.body)}
    if public:
        operation["security"] = []
    return operation


def _in_path(path: str) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(path):
        shape = {"type": "string", "format": "uuid"} if name in ("image_id", "task_id") else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": {**shape, "minLength": 1}}


def _response(response: Response) -> dict[str, Any]:
    rendered: dict[str, Any] = {"description": response.description}
    if response.content:
        rendered["content"] = _content(response.content)
    if response.headers:
        headers = response.headers.items()
        rendered["headers"] = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers}
    return rendered


def _error(code: int) -> dict[str, Any]:
    """JSON where the client names it before HTML; 401 is always JSON."""
    content: Mapping[str, Mapping[str, Any]] = {JSON: schema("Error"), HTML: {"type": "string"}}
    return {
        "description": HTTPStatus(code).phrase,
        "content": _content({JSON: schema("Unauthorized")} if code == 401 else content),
    }


def _content(shapes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {media: {"schema": dict(shape)} for media, shape in shapes.items()}
