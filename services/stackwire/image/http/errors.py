"""Error responses: webob's, as JSON or HTML by what the client accepts, and keystonemiddleware's for 401."""

from html import escape

from aiohttp import web

from stackwire.core.errors import ServiceError
from stackwire.http.request import respond
from stackwire.image.domain.patch import MEDIA_TYPES

_ERROR_PAGE = """<html>
 <head>
  <title>{status}</title>
 </head>
 <body>
  <h1>{status}</h1>
  {body}
 </body>
</html>"""


def glance_error(request: web.Request, error: ServiceError) -> web.Response:
    """The response to an error, in the media type that the client accepts."""
    if error.status == 401:
        message = "The request you have made requires authentication."
        return respond(401, {"error": {"code": 401, "title": "Unauthorized", "message": message}})
    status = f"{error.status} {error.title}"
    headers = {"Accept-Patch": ", ".join(MEDIA_TYPES)} if error.status == 415 and request.method == "PATCH" else None
    if _wants_json(request.headers.get("Accept", "")):
        body = {"message": f"{error.message}<br /><br />\n\n\n", "code": status, "title": error.title}
        return respond(error.status, body, headers)
    page = _ERROR_PAGE.format(status=status, body=f"{escape(error.message)}<br /><br />\n\n\n")
    return web.Response(status=error.status, text=page, content_type="text/html", charset="UTF-8", headers=headers)


def _wants_json(accept: str) -> bool:
    """JSON when it is named before HTML, or HTML is not named; HTML for any other Accept header, as webob decides."""
    offers = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    if "application/json" not in offers:
        return False
    return "text/html" not in offers or offers.index("application/json") < offers.index("text/html")
