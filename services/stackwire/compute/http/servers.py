"""``/servers``: create, list, show, update and delete."""

from typing import Any

from aiohttp import web

from stackwire.compute.http.schemas.fields import known_at
from stackwire.compute.http.schemas.servers import UPDATE_SINCE, UpdateServer, parse_create_server
from stackwire.compute.http.to_domain import create_server_request, update_server_request
from stackwire.compute.http.unpack import ApiHandlers, check_query, page_limit, server_id, unpack
from stackwire.compute.http.views.links import next_links
from stackwire.compute.http.views.servers import ServerView
from stackwire.http.request import CONTEXT, json_body, read, respond


class ServerHandlers(ApiHandlers):
    """``nova/api/openstack/compute/servers.py: ServersController``."""

    def _view(self, request: web.Request) -> ServerView:
        return ServerView.of(request, self._flows.servers.visibility(request[CONTEXT]))

    async def create(self, request: web.Request) -> web.Response:
        """``POST /servers``"""
        ctx, version = unpack(request)
        check_query(request, at=(2, 75))
        body = parse_create_server(await json_body(request), version)
        accepted = await self._flows.create_server.request_servers(ctx, create_server_request(body, version))
        if body.server.return_reservation_id:
            return respond(202, {"reservation_id": accepted.reservation_id})
        view = ServerView.of(request, self._flows.servers.visibility(ctx)).accepted(
            accepted.uuids[0], accepted.password
        )
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
        servers = await self._flows.servers.list_page(ctx, list(request.query.items()), version, limit)
        view = self._view(request)
        entry = view.detail_json if detailed else view.brief
        body: dict[str, Any] = {"servers": [entry(server) for server in servers]}
        if servers and len(servers) == limit:
            path = "servers/detail" if detailed else "servers"
            body["servers_links"] = next_links(request, path, limit=limit, marker=servers[-1].uuid)
        return respond(200, body)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /servers/{id}``"""
        ctx, _ = unpack(request)
        check_query(request)
        server = await self._flows.servers.get(ctx, server_id(request))
        return respond(200, {"server": self._view(request).show(server)})

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /servers/{id}``"""
        ctx, version = unpack(request)
        raw = await json_body(request)
        known_at(raw.get("server") if isinstance(raw, dict) else None, version, UPDATE_SINCE)
        changes = update_server_request(read(UpdateServer, raw).server)
        server = await self._flows.update_server.update_server(ctx, server_id(request), changes)
        return respond(200, {"server": self._view(request).updated(server)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /servers/{id}``"""
        ctx, _ = unpack(request)
        await self._flows.delete_server.request_delete(ctx, server_id(request))
        return respond(204)

    async def show_password(self, request: web.Request) -> web.Response:
        """``GET /servers/{id}/os-server-password``"""
        ctx, _ = unpack(request)
        return respond(200, {"password": await self._flows.server_password.get(ctx, server_id(request))})

    async def clear_password(self, request: web.Request) -> web.Response:
        """``DELETE /servers/{id}/os-server-password``"""
        ctx, _ = unpack(request)
        await self._flows.server_password.clear(ctx, server_id(request))
        return respond(204)

    async def show_guest(self, request: web.Request) -> web.Response:
        """``GET /servers/{id}/os-stackwire-guest``: the libvirt domain XML; Stackwire's own."""
        ctx, _ = unpack(request)
        xml = await self._flows.servers.get_guest_xml(ctx, server_id(request))
        return respond(200, {"guest": {"instance_uuid": server_id(request), "domain_xml": xml}})
