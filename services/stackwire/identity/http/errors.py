"""Keystone's error bodies: ``{"error": {"code", "message", "title"}}``."""

from aiohttp import web

from stackwire.core.errors import ServiceError
from stackwire.http.request import respond


def keystone_error(request: web.Request, error: ServiceError) -> web.Response:
    """The response to a failed request."""
    body = {"code": error.status, "message": error.message, "title": error.title}
    headers = {"Vary": "X-Auth-Token"}
    return respond(error.status, {"error": body}, headers)
