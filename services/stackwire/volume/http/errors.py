"""The volume API's errors: ``{"badRequest": {"code": 400, "message": "..."}}`` (cinder: wsgi.py, Fault)."""

from aiohttp import web

from stackwire.core.errors import ServiceError
from stackwire.http.middlewares import NoRoute
from stackwire.http.request import respond
from stackwire.http.webob_errors import webob_error

FAULT_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def cinder_error(request: web.Request, error: ServiceError) -> web.Response:
    """The error as a response; 401 as keystonemiddleware answers, before Cinder receives the request."""
    if error.status == 401:
        return respond(401, {"error": {"code": 401, "title": error.title, "message": error.message}})
    if isinstance(error, NoRoute):
        return webob_error(request, error)
    fault = {"code": error.status, "message": error.message}
    if error.status == 413:
        return respond(413, {"overLimit": {**fault, "retryAfter": "0"}}, {"Retry-After": "0"})
    return respond(error.status, {FAULT_NAMES.get(error.status, "computeFault"): fault})
