"""Errors as webob writes them: as HTML, JSON or text, by what the client accepts.

Glance's are all of this form, and so is whatever no route of Nova's or Cinder's answers.
"""

from collections.abc import Mapping
from html import escape

from aiohttp import web

from stackwire.core.errors import ServiceError
from stackwire.http.request import respond

_PAGE = """<html>
 <head>
  <title>{status}</title>
 </head>
 <body>
  <h1>{status}</h1>
  {message}<br /><br />



 </body>
</html>"""
_TEXT = "{status}\n\n{message}\n\n   "


def webob_error(request: web.Request, error: ServiceError, headers: Mapping[str, str] | None = None) -> web.Response:
    """``webob/exc.py: WSGIHTTPException.generate_response``."""
    status = f"{error.status} {error.title}"
    media_type = _accepted(request.headers.get("Accept", ""))
    if media_type == "application/json":
        body = {"message": f"{error.message}<br /><br />\n\n\n", "code": status, "title": error.title}
        return respond(error.status, body, headers)
    page, message = (_PAGE, escape(error.message)) if media_type == "text/html" else (_TEXT, error.message)
    text = page.format(status=status, message=message)
    return web.Response(status=error.status, text=text, content_type=media_type, charset="UTF-8", headers=headers)


def _accepted(accept: str) -> str:
    """HTML where any type will do, JSON where it is named first or alone, plain text where neither is accepted."""
    for part in accept.split(","):
        media_type = part.split(";")[0].strip().lower()
        if media_type in ("*/*", "text/html", "text/*"):
            return "text/html"
        if media_type in ("application/json", "application/*"):
            return "application/json"
    return "text/plain"
