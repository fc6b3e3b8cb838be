"""``/servers/{id}/os-instance-actions``: what was done to a server."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain.listing import parse_time
from stackwire.compute.domain.requests import ListActionsRequest
from stackwire.compute.http.unpack import MAX_PAGE_ITEMS, ApiHandlers, check_query, page_limit, server_id, unpack
from stackwire.compute.http.views.instance_actions import action_brief, action_view
from stackwire.compute.http.views.links import next_links
from stackwire.core.errors import BadRequest
from stackwire.http.request import respond

_OF_DELETED_SINCE = (2, 21)


class InstanceActionHandlers(ApiHandlers):
    """``nova/api/openstack/compute/instance_actions.py: InstanceActionsController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET``: newest first."""
        ctx, version = unpack(request)
        requested = _list_request(request, version)
        deleted = version >= _OF_DELETED_SINCE
        actions = await self._flows.instance_actions.list_page(ctx, server_id(request), requested, deleted=deleted)
        body: dict[str, Any] = {"instanceActions": [action_brief(action, version) for action in actions]}
        if version >= (2, 58) and actions and len(actions) == requested.limit:
            marker = actions[-1].request_id
            path = f"servers/{server_id(request)}/os-instance-actions"
            body["links"] = next_links(request, path, limit=requested.limit, marker=marker)
        return respond(200, body)

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../{request_id}``"""
        ctx, version = unpack(request)
        uuid, deleted = server_id(request), version >= _OF_DELETED_SINCE
        details = await self._flows.instance_actions.get(ctx, uuid, request.match_info["request"], deleted=deleted)
        return respond(200, {"instanceAction": action_view(details, version)})


def _list_request(request: web.Request, version: tuple[int, int]) -> ListActionsRequest:
    """Pages and ``changes-since`` came in 2.58, ``changes-before`` in 2.66; other parameters are refused since 2.58."""
    names = ("limit", "marker", "changes-since", *(("changes-before",) if version >= (2, 66) else ()))
    check_query(request, *names, at=(2, 58))
    query = request.query if version >= (2, 58) else {}
    since, before = (parse_time(query.get(name), name) for name in ("changes-since", "changes-before"))
    if since is not None and before is not None and before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    limit = page_limit(request) if query else MAX_PAGE_ITEMS
    return ListActionsRequest(limit=limit, marker=query.get("marker"), since=since, before=before)
