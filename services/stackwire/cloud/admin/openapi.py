"""The admin port as an OpenAPI 3.1 document, made from its routes and their schemas."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel

from stackwire.cloud.admin.route import AdminRoute
from stackwire.cloud.options import ADMIN_PORT
from stackwire.http.request import respond

PATH: Final = "/openapi.json"
_PARAMETER: Final = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
_REFERENCE: Final = "#/components/schemas/{model}"
_DESCRIPTION: Final = """\
What tests and operators do to a cloud that OpenStack has no API for. The port is off unless
`stackwire up --admin-port N` opens it; the token is in `admin.token` in the folder of the cloud."""


class ErrorDetails(BaseModel):
    """``code``: the status of the response."""

    code: int
    title: str
    message: str


class ErrorAnswer(BaseModel):
    """Every error's body."""

    error: ErrorDetails


def document(routes: Sequence[AdminRoute]) -> dict[str, Any]:
    """The document of these routes."""
    schemas: dict[str, Any] = {}
    _reference(ErrorAnswer, "serialization", schemas)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stackwire admin",
            "version": "1",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": f"http://127.0.0.1:{ADMIN_PORT}"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def document_route(routes: Sequence[AdminRoute]) -> AdminRoute:
    """The document itself, of these routes and its own."""

    async def show(request: web.Request) -> web.Response:
        """As JSON."""
        return respond(200, document([*routes, own]))

    own = AdminRoute(method="GET", path=PATH, handler=show, tag="document", summary="This document")
    return own


def _operation(route: AdminRoute, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    words = [word for word in re.split(r"\W+", path) if word]
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.answer is not None:
        answer["content"] = _content(_reference(route.answer, "serialization", schemas))
    error = _content({"$ref": _REFERENCE.format(model=ErrorAnswer.__name__)})
    codes = sorted({400, 401, *route.errors})
    operation: dict[str, Any] = {
        "operationId": "_".join((route.method.lower(), *words)),
        "summary": route.summary,
        "tags": [route.tag],
        "responses": {
            str(route.status): answer,
            **{str(code): {"description": HTTPStatus(code).phrase, "content": error} for code in codes},
        },
    }
    if names := _PARAMETER.findall(route.path):
        parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
        operation["parameters"] = parameters
    if route.body is not None:
        content = _content(_reference(route.body, "validation", schemas))
        if route.example is not None:
            content["application/json"]["example"] = route.example
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference(
    model: type[BaseModel], mode: Literal["validation", "serialization"], schemas: dict[str, Any]
) -> dict[str, Any]:
    """A reference to the model's schema, which is among ``schemas`` then, with those it names."""
    schema = model.model_json_schema(mode=mode, ref_template=_REFERENCE)
    schemas |= schema.pop("$defs", {})
    schemas[model.__name__] = schema
    return {"$ref": _REFERENCE.format(model=model.__name__)}
