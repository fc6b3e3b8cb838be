"""What handlers have in common: empty bodies, both ways, and queries of one parameter."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import json_body


async def any_json(request: web.Request) -> Any:
    """The body as JSON, whatever its media type. Source: ``glance/common/wsgi.py: JSONRequestDeserializer.default``."""
    return await json_body(request, media_types=())


def no_content() -> web.Response:
    """204 with the headers that webob gives it."""
    return empty(204)


def empty(status: int) -> web.Response:
    """A response without a body, of webob's default media type."""
    return web.Response(status=status, content_type="text/html", charset="UTF-8")


def check_no_body(request: web.Request) -> None:
    """Raises BadRequest for a body where the route takes none."""
    if request.body_exists and request.content_length != 0:
        raise BadRequest("Unexpected body in the request.")


def only_query(request: web.Request, name: str) -> str | None:
    """The one parameter the query may have; None when it is absent or empty. Raises BadRequest for others."""
    for other in request.query:
        if other != name:
            raise BadRequest(f"'{other[:80]}' is not a parameter of this query.")
    return request.query.get(name) or None
