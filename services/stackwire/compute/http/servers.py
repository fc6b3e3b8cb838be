"""``/servers``: make, list, show, change and remove."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain import listing
from stackwire.compute.domain import policy as rules
from stackwire.compute.http.api import known_query, look, opened, server_id
from stackwire.compute.http.schemas import UPDATE_SINCE, UpdateServer, create_body, known_at
from stackwire.compute.http.wishes import changes_of, server_wish
from stackwire.core.errors import BadRequest, Forbidden
from stackwire.http.paging import limit_of, link, origin
from stackwire.http.request import json_body, read, respond

MOST = 1000


async def create(request: web.Request) -> web.Response:
    """``POST /servers``"""
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.CREATE, {"project_id": ctx.project_id})
    if ctx.project_id is None:
        raise Forbidden("A server belongs to a project: the token has to be of one.")
    known_query(request, at=(2, 75))
    made = await create_body(request, version)
    promise = await api.create.accept(ctx, server_wish(made, version))
    if made.server.return_reservation_id:
        return respond(202, {"reservation_id": promise.reservation_id})
    told = look(request).created(promise.uuids[0], promise.password)
    return respond(202, {"server": told}, {"Location": told["links"][0]["href"]})


async def index(request: web.Request) -> web.Response:
    """``GET /servers``"""
    return await _list(request, detailed=False)


async def detail(request: web.Request) -> web.Response:
    """``GET /servers/detail``"""
    return await _list(request, detailed=True)


async def _list(request: web.Request, *, detailed: bool) -> web.Response:
    api, ctx, version = opened(request)
    target = {"project_id": ctx.project_id}
    api.policy.require(ctx, rules.INDEX, target)
    query = [(name, value) for name, value in request.query.items()]
    admin = api.policy.allows(ctx, rules.ALL_TENANTS)
    if listing.wants_all_tenants(request.query):
        api.policy.require(ctx, rules.ALL_TENANTS)
    limit = limit_of(request, MOST)
    asked = listing.read(query, version, project_id=ctx.project_id, every_filter=admin, limit=limit)
    found = await api.servers.page(ctx, asked)
    sight = look(request)
    told: dict[str, Any] = {"servers": [sight.detail(s) if detailed else sight.brief(s) for s in found.servers]}
    if found.more and found.servers:
        path = "servers/detail" if detailed else "servers"
        base = f"{origin(request)}/v2.1/{path}"
        href = link(base, query, limit=limit, marker=found.servers[-1].instance.uuid)
        told["servers_links"] = [{"rel": "next", "href": href}]
    return respond(200, told)


async def show(request: web.Request) -> web.Response:
    """``GET /servers/{id}``"""
    api, ctx, _ = opened(request)
    known_query(request)
    return respond(200, {"server": look(request).show(await api.servers.show(ctx, server_id(request)))})


async def update(request: web.Request) -> web.Response:
    """``PUT /servers/{id}``"""
    api, ctx, version = opened(request)
    raw = await json_body(request)
    fields = raw.get("server") if isinstance(raw, dict) else None
    known_at(fields, version, UPDATE_SINCE)
    changes = read(UpdateServer, raw).server
    if "name" in changes.model_fields_set and changes.name is None:
        raise BadRequest("Invalid input for field/attribute name. Value: None.")
    server = await api.servers.update(ctx, server_id(request), changes_of(changes))
    return respond(200, {"server": look(request).updated(server)})


async def delete(request: web.Request) -> web.Response:
    """``DELETE /servers/{id}``"""
    api, ctx, _ = opened(request)
    await api.actions.delete(ctx, server_id(request))
    return respond(204)
