"""``/os-server-groups``."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain.model_groups import ServerGroup
from stackwire.compute.http.schemas.server_groups import parse_server_group
from stackwire.compute.http.unpack import ApiHandlers, check_query, page_limit, page_offset, unpack
from stackwire.core.attributes import attributes
from stackwire.http.microversions import Microversion
from stackwire.http.request import json_body, respond


class ServerGroupHandlers(ApiHandlers):
    """``nova/api/openstack/compute/server_groups.py: ServerGroupController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-server-groups``"""
        ctx, version = unpack(request)
        check_query(request, "all_projects", "limit", "offset", at=(2, 75))
        every = "all_projects" in request.query
        limit, offset = page_limit(request), page_offset(request)
        found = await self._flows.server_groups.list_page(ctx, limit, offset, all_projects=every)
        return respond(200, {"server_groups": [server_group_view(group, version) for group in found]})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-server-groups/{id}``"""
        ctx, version = unpack(request)
        check_query(request)
        group = await self._flows.server_groups.get(ctx, request.match_info["group"])
        return respond(200, {"server_group": server_group_view(group, version)})

    async def create(self, request: web.Request) -> web.Response:
        """``POST /os-server-groups``"""
        ctx, version = unpack(request)
        group = await self._flows.server_groups.create(ctx, *parse_server_group(await json_body(request), version))
        return respond(200, {"server_group": server_group_view(group, version)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /os-server-groups/{id}``"""
        ctx, _ = unpack(request)
        await self._flows.server_groups.delete(ctx, request.match_info["group"])
        return respond(204)


def server_group_view(group: ServerGroup, version: Microversion) -> dict[str, Any]:
    """Whose it is since 2.13; one policy with rules since 2.64, before a list of it and metadata that is empty."""
    policy: dict[str, Any] = {"policy": group.policy, "rules": group.rules}
    if version < (2, 64):
        policy = {"policies": [group.policy], "metadata": {}}
    owner = attributes(group, "project_id user_id") if version >= (2, 13) else {}
    return {"id": group.uuid, "name": group.name, **policy, "members": group.members, **owner}
