"""Bodies as Keystone takes them."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest, UnsupportedMedia
from stackwire.http.request import MalformedBody, json_body


async def body_of(request: web.Request) -> Any:
    """The body as JSON. Source: ``keystone/server/flask/request_processing/json_body.py``: 400 for another type."""
    if request.content_length == 0:
        raise MalformedBody
    try:
        return await json_body(request)
    except UnsupportedMedia as other:
        raise BadRequest("Expecting to find application/json in Content-Type header.") from other
