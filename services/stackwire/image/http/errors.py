"""Error responses: webob's, also for 401, which Glance says itself (``delay_auth_decision``)."""

from aiohttp import web

from stackwire.core.errors import ServiceError, Unauthorized
from stackwire.http.webob_errors import webob_error
from stackwire.image.domain.patch import MEDIA_TYPES

_UNVERIFIED = (
    "This server could not verify that you are authorized to access the document you requested. "
    "Either you supplied the wrong credentials (e.g., bad password), "
    "or your browser does not understand how to supply the credentials required."
)


def glance_error(request: web.Request, error: ServiceError) -> web.Response:
    """The response to an error, in the media type that the client accepts."""
    if error.status == 401:
        error = Unauthorized(_UNVERIFIED)
    headers = {"Accept-Patch": ", ".join(MEDIA_TYPES)} if error.status == 415 and request.method == "PATCH" else None
    return webob_error(request, error, headers)
