"""``/os-keypairs``."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain.requests import CreateKeypairRequest
from stackwire.compute.http.schemas.fields import known_at
from stackwire.compute.http.schemas.keypairs import KEYPAIR_SINCE, CreateKeypair
from stackwire.compute.http.unpack import MAX_PAGE_ITEMS, ApiHandlers, page_limit, unpack
from stackwire.compute.http.views.keypairs import keypair_brief, keypair_view
from stackwire.compute.http.views.links import next_links
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.request import json_body, read, respond


class KeypairHandlers(ApiHandlers):
    """``nova/api/openstack/compute/keypairs.py: KeypairController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-keypairs``: by name; in pages since 2.35."""
        ctx, version = unpack(request)
        paged = version >= (2, 35)
        limit = page_limit(request) if paged else MAX_PAGE_ITEMS
        marker = request.query.get("marker") if paged else None
        pairs = await self._flows.keypairs.list_page(ctx, _user_id(request, version), limit, marker)
        view: dict[str, Any] = {"keypairs": [{"keypair": keypair_brief(pair, version)} for pair in pairs]}
        if paged and pairs and len(pairs) == limit:
            view["keypairs_links"] = next_links(request, "keypairs", limit=limit, marker=pairs[-1].name)
        return respond(200, view)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-keypairs/{name}``"""
        ctx, version = unpack(request)
        pair = await self._flows.keypairs.get(ctx, _user_id(request, version), request.match_info["name"])
        return respond(200, {"keypair": keypair_view(pair, version)})

    async def create(self, request: web.Request) -> web.Response:
        """``POST /os-keypairs``: 201 since 2.2. Before 2.92 a pair can be generated, whose private half is returned."""
        ctx, version = unpack(request)
        raw = await json_body(request)
        new = read(CreateKeypair, raw).keypair
        known_at(raw["keypair"], version, KEYPAIR_SINCE)
        if version >= (2, 92) and new.public_key is None:
            raise BadRequest("'public_key' is a required property")
        requested = CreateKeypairRequest(
            name=new.name,
            type=new.type or "ssh",
            public_key=new.public_key,
            user_id=new.user_id or _user_id(request, version),
            relaxed_name=version >= (2, 92),
        )
        pair, private_key = await self._flows.keypairs.create(ctx, requested)
        view = keypair_brief(pair, version) | {"user_id": pair.user_id}
        if private_key:
            view["private_key"] = private_key
        return respond(201 if version >= (2, 2) else 200, {"keypair": view})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /os-keypairs/{name}``"""
        ctx, version = unpack(request)
        await self._flows.keypairs.delete(ctx, _user_id(request, version), request.match_info["name"])
        return respond(204 if version >= (2, 2) else 202)


def _user_id(request: web.Request, version: Microversion) -> str | None:
    """Whose key pairs: another user's since 2.10, for administrators; None: the caller's."""
    return request.query.get("user_id") if version >= (2, 10) else None
