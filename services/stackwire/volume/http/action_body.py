"""The body of an action: an object with one key, the action's name."""

from collections.abc import Sized
from typing import Any

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.http.request import MalformedBody, json_body


async def named_action(request: web.Request) -> tuple[str, Any]:
    """The action's name and argument. BadRequest; NotFound for what is no object (cinder/api/openstack/wsgi.py)."""
    given = await json_body(request)
    if isinstance(given, Sized) and len(given) != 1:
        raise MalformedBody
    if not isinstance(given, dict):
        raise NotFound
    ((name, argument),) = given.items()
    return name, argument
