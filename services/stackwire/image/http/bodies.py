"""What handlers have in common: bodies, and empty ones, both ways."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import json_body


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


async def body_of(request: web.Request) -> Any:
    """The body as JSON, whatever its media type: ``glance/common/wsgi.py: JSONRequestDeserializer``."""
    return await json_body(request, media_types=())
