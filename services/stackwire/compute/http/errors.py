"""The form of this API's errors: the fault's name around its code and its message. ``nova/api/openstack/wsgi.py``."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import ServiceError, Unauthorized
from stackwire.http.middlewares import NoRoute
from stackwire.http.request import respond
from stackwire.http.webob_errors import webob_error

FAULT_NAMES = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def fault(request: web.Request, error: ServiceError) -> web.Response:
    """``{"itemNotFound": {"code": 404, "message": ...}}``; without a valid token, the token middleware's own shape."""
    if isinstance(error, Unauthorized):
        return respond(401, {"error": {"code": 401, "title": error.title, "message": error.message}})
    if isinstance(error, NoRoute):
        return webob_error(request, error)
    body: dict[str, Any] = {"code": error.status, "message": error.message}
    response = respond(error.status, {FAULT_NAMES.get(error.status, "computeFault"): body})
    response.headers["Content-Type"] = "application/json; charset=UTF-8"
    return response
