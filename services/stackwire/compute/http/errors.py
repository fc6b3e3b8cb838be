"""The shape of this API's errors: the fault's name around its code and its words. ``nova/api/openstack/wsgi.py``."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import ServiceError, Unauthorized
from stackwire.http.request import respond

NAMES = {
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
    told: dict[str, Any] = {"code": error.status, "message": error.message}
    return respond(error.status, {NAMES.get(error.status, "computeFault"): told})
