"""``/v3/auth``: tokens, and where a caller may take them."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest, Forbidden
from stackwire.core.tokens import Claims
from stackwire.http.auth import token_of
from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, body, respond
from stackwire.identity.db.entities import DOMAIN, PROJECT
from stackwire.identity.domain.auth_request import TokenWish
from stackwire.identity.http.views import token_view
from stackwire.identity.flows.api.tokens import Tokens
from stackwire.identity.flows.api.membership import Membership
from stackwire.identity.http.catalog import Catalog
from stackwire.identity.http.envelopes import page


class TokenHandlers:
    def __init__(self, tokens: Tokens, membership: Membership, catalog: Catalog) -> None:
        self._tokens = tokens
        self._membership = membership
        self._catalog = catalog

    async def issue(self, request: web.Request) -> web.Response:
        wish = await body(request, TokenWish)
        token, claims = await self._tokens.issue(wish.asked())
        return self._answer(request, 201, token, claims)

    async def show(self, request: web.Request) -> web.Response:
        token = _subject(request)
        claims = await self._tokens.show(request[CONTEXT], token)
        return self._answer(request, 200, token, claims)

    async def check(self, request: web.Request) -> web.Response:
        token = _subject(request)
        await self._tokens.show(request[CONTEXT], token, "identity:check_token")
        return respond(200, headers={"X-Subject-Token": token, "Vary": "X-Auth-Token"})

    async def revoke(self, request: web.Request) -> web.Response:
        await self._tokens.revoke(request[CONTEXT], _subject(request))
        return respond(204)

    async def catalog(self, request: web.Request) -> web.Response:
        ctx = request[CONTEXT]
        if not (ctx.project_id or ctx.domain_id or ctx.system_scope):
            raise Forbidden("You are not authorized to perform the requested action: list_catalog.")
        listed = self._catalog.of(request, ctx.project_id)
        return respond(200, {"catalog": listed, "links": {"self": f"{origin(request)}/v3/auth/catalog"}})

    async def projects(self, request: web.Request) -> web.Response:
        return page(request, PROJECT, await self._membership.my_projects(request[CONTEXT]))

    async def domains(self, request: web.Request) -> web.Response:
        return page(request, DOMAIN, await self._membership.my_domains(request[CONTEXT]))

    async def system(self, request: web.Request) -> web.Response:
        held = await self._membership.my_system(request[CONTEXT])
        listed: Sequence[Mapping[str, Any]] = [{"all": True}] if held else []
        return respond(200, {"system": listed, "links": {"self": f"{origin(request)}/v3/auth/system"}})

    def _answer(self, request: web.Request, status: int, token: str, claims: Claims) -> web.Response:
        catalog = None if "nocatalog" in request.query else self._catalog.of(request, claims.project_id)
        headers = {"X-Subject-Token": token, "Vary": "X-Auth-Token"}
        return respond(status, {"token": token_view(claims, catalog)}, headers)


def _subject(request: web.Request) -> str:
    token = token_of(request, "X-Subject-Token")
    if token is None:
        raise BadRequest("X-Subject-Token header is required.")
    return token
