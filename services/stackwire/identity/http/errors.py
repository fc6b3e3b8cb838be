"""Keystone's error bodies: ``{"error": {"code", "message", "title"}}``."""

from aiohttp import web

from stackwire.core.errors import BadRequest, ServiceError
from stackwire.http.middlewares import Handler
from stackwire.http.request import respond

_VARY = {"Vary": "X-Auth-Token"}


def keystone_error(request: web.Request, error: ServiceError) -> web.Response:
    """The response to a failed request; 400 for a media type that is not JSON."""
    if error.status == 415:
        error = BadRequest("Expecting to find application/json in Content-Type header.")
    body = {"code": error.status, "message": error.message, "title": error.title}
    return respond(error.status, {"error": body}, _VARY)


@web.middleware
async def vary(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Says of every answer that it depends on the token."""
    response = await handler(request)
    response.headers.update(_VARY)
    return response
