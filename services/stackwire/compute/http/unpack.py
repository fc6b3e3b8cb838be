"""What handlers share: the flows they call, and what they read of a request besides its body."""

from typing import Any

from aiohttp import web

from stackwire.compute.flows.registry import ApiFlows
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound
from stackwire.core.ids import canonical_uuid
from stackwire.http.microversions import Microversion
from stackwire.http.paging import limit_of
from stackwire.http.request import CONTEXT, VERSION, MalformedBody

MAX_PAGE_ITEMS = 1000  # nova/conf/api.py: max_limit
PROXIES_UNTIL = (2, 35)  # nova/api/openstack/api_version_request.py: MAX_PROXY_API_SUPPORT_VERSION


class ApiHandlers:
    """Handlers of one noun. Each method unpacks a request, calls a flow and renders its result."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows


def unpack(request: web.Request) -> tuple[RequestContext, Microversion]:
    """The caller and the version of a request. A project in the URL must be the token's (400)."""
    ctx, project_id = request[CONTEXT], request.match_info.get("project")
    if project_id is not None and project_id != ctx.project_id:
        raise BadRequest("Malformed request URL: the project in the URL is not the token's.")
    return ctx, request[VERSION]


def server_id(request: web.Request) -> str:
    """The id of the server that the path names, as its row has it; what is no id names no server."""
    return _id(request, "server")


def volume_id(request: web.Request) -> str:
    """The id of the volume that the path names, likewise."""
    return _id(request, "volume")


def _id(request: web.Request, name: str) -> str:
    text = request.match_info[name]
    return canonical_uuid(text) or text


def page_limit(request: web.Request) -> int:
    """``limit`` of the query, at most ``MAX_PAGE_ITEMS``, which is also the default."""
    return limit_of(request, MAX_PAGE_ITEMS)


def page_offset(request: web.Request) -> int:
    """``offset`` of the query."""
    text = request.query.get("offset", "0")
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise BadRequest(f"Invalid input for field/attribute offset. Value: {text[:100]}.")
    return int(text)


def require_version(request: web.Request, since: tuple[int, int], until: tuple[int, int] | None = None) -> None:
    """404 outside the versions a call exists in."""
    if request[VERSION] < since or (until is not None and request[VERSION] > until):
        raise NotFound


def check_query(request: web.Request, *names: str, at: tuple[int, int] = (2, 102)) -> None:
    """400 for a query parameter that is none of these, from the version ``at`` on."""
    if request[VERSION] >= at:
        for name in request.query:
            if name not in names:
                raise unexpected(name)


def unexpected(name: str) -> BadRequest:
    """The refusal of a parameter or a field that the version does not know."""
    return BadRequest(f"Additional properties are not allowed ('{name[:100]}' was unexpected)")


def named_action(raw: Any) -> tuple[str, Any]:
    """The only key of an action's body, and its value; BadRequest for none or several.

    NotFound for what has no keys (``nova/api/openstack/wsgi.py: Resource.get_action_method``).
    """
    if isinstance(raw, dict | list | str) and len(raw) != 1:
        raise MalformedBody
    if not isinstance(raw, dict):
        raise NotFound
    return next(iter(raw.items()))
