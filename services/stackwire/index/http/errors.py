"""Error bodies of the index's API: ``{"error": {"code", "title", "message"}}``."""

from aiohttp import web

from stackwire.core.errors import ServiceError
from stackwire.http.request import respond


def index_error(request: web.Request, error: ServiceError) -> web.Response:
    """The response to a failed request."""
    return respond(error.status, {"error": {"code": error.status, "title": error.title, "message": error.message}})
