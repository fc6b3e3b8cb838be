"""``/servers``: create, list, show, update and delete."""

from aiohttp import web

from stackwire.compute.flows.registry import ApiFlows
from stackwire.compute.http.schemas.fields import known_at
from stackwire.compute.http.schemas.servers import UPDATE_SINCE, UpdateServer, parse_create_server
from stackwire.compute.http.to_domain import create_server_request, update_server_request
from stackwire.compute.http.unpack import check_query, page_limit, server_id, unpack
from stackwire.compute.http.views.links import next_links
from stackwire.compute.http.views.servers import ServerView
from stackwire.http.request import json_body, read, respond


class ServerHandlers:
    """``nova/api/openstack/compute/servers.py: ServersController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._servers = flows.servers
        self._create = flows.create_server
        self._update = flows.update_server
        self._delete = flows.delete_server

    async def create(self, request: web.Request) -> web.Response:
        """``POST /servers``"""
        ctx, version = unpack(request)
        check_query(request, at=(2, 75))
        body = parse_create_server(await json_body(request), version)
        accepted = await self._create.request_servers(ctx, create_server_request(body, version))
        if body.server.return_reservation_id:
            return respond(202, {"reservation_id": accepted.reservation_id})
        view = ServerView.of(request, self._servers.visibility(ctx)).accepted(accepted.uuids[0], accepted.password)
        return respond(202, {"server": view}, {"Location": view["links"][0]["href"]})

    async def list(self, request: web.Request) -> web.Response:
        """``GET /servers``"""
        return await self._list(request, detailed=False)

    async def detail(self, request: web.Request) -> web.Response:
        """``GET /servers/detail``"""
        return await self._list(request, detailed=True)

    async def _list(self, request: web.Request, *, detailed: bool) -> web.Response:
        ctx, version = unpack(request)
        limit = page_limit(request)
        page = await self._servers.list_page(ctx, list(request.query.items()), version, limit)
        view = ServerView.of(request, self._servers.visibility(ctx))
        body = {"servers": [view.detail(server) if detailed else view.brief(server) for server in page.servers]}
        if page.more and page.servers:
            path = "/v2.1/servers/detail" if detailed else "/v2.1/servers"
            body["servers_links"] = next_links(request, path, limit=limit, marker=page.servers[-1].uuid)
        return respond(200, body)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /servers/{id}``"""
        ctx, _ = unpack(request)
        check_query(request)
        server = await self._servers.get(ctx, server_id(request))
        return respond(200, {"server": ServerView.of(request, self._servers.visibility(ctx)).show(server)})

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /servers/{id}``"""
        ctx, version = unpack(request)
        raw = await json_body(request)
        known_at(raw.get("server") if isinstance(raw, dict) else None, version, UPDATE_SINCE)
        changes = update_server_request(read(UpdateServer, raw).server)
        server = await self._update.update_server(ctx, server_id(request), changes)
        return respond(200, {"server": ServerView.of(request, self._servers.visibility(ctx)).updated(server)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /servers/{id}``"""
        ctx, _ = unpack(request)
        await self._delete.request_delete(ctx, server_id(request))
        return respond(204)
