"""What every handler needs: the flows behind the API, and how this caller sees servers in this version."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain import policy as rules
from stackwire.compute.flows.registry import Api
from stackwire.compute.http.views_server import Look
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound
from stackwire.core.ids import canonical_uuid
from stackwire.http.microversions import Microversion
from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, VERSION

API: web.AppKey[Api] = web.AppKey("compute_api", Api)


def opened(request: web.Request) -> tuple[Api, RequestContext, Microversion]:
    """The flows, the caller and the version of a request. A project in the URL must be the token's."""
    ctx = request[CONTEXT]
    named = request.match_info.get("project")
    if named is not None and named != ctx.project_id:
        raise BadRequest("Malformed request URL: the project in the URL is not the token's.")
    return request.app[API], ctx, request[VERSION]


def look(request: web.Request) -> Look:
    ctx, allows = request[CONTEXT], request.app[API].policy.allows
    extended = allows(ctx, rules.EXTENDED)
    return Look(
        origin(request),
        request[VERSION],
        request.app[API].behaviours,
        extended=extended,
        host_status=allows(ctx, rules.HOST_STATUS),
        details=extended,
    )


def since(request: web.Request, version: tuple[int, int], until: tuple[int, int] | None = None) -> None:
    """404 outside the versions a call exists in."""
    asked = request[VERSION]
    if asked < version or (until is not None and asked > until):
        raise NotFound


def server_id(request: web.Request) -> str:
    """The server's id as its row has it; what is no id names no server."""
    text = request.match_info["server"]
    return canonical_uuid(text) or text


def known_query(request: web.Request, *names: str, at: tuple[int, int] = (2, 102)) -> None:
    """400 for a query parameter nobody knows, from the version that refuses them."""
    if request[VERSION] >= at:
        for name in request.query:
            if name not in names:
                raise BadRequest(f"Additional properties are not allowed ('{name[:100]}' was unexpected)")


def only(value: Any, name: str) -> Any:
    """The value of the single key of a body such as ``{"os-stop": null}``."""
    if not isinstance(value, dict) or set(value) != {name}:
        raise BadRequest(f"The body must be an object with the key {name}.")
    return value[name]
