"""``/v3/auth``: tokens, and the scopes a caller may get one for."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.core.tokens import Claims
from stackwire.http.auth import token_of
from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, json_body, read, respond
from stackwire.identity.domain.entities import DOMAIN, PROJECT
from stackwire.identity.flows.api.catalog import CatalogFlows
from stackwire.identity.flows.api.membership import Membership
from stackwire.identity.flows.api.tokens import Tokens
from stackwire.identity.http.catalog_views import catalog_view
from stackwire.identity.http.delegation_views import token_part
from stackwire.identity.http.envelopes import entities_response
from stackwire.identity.http.schemas.auth import AuthBody
from stackwire.identity.http.schemas.delegation import signed_request
from stackwire.identity.http.views import token_view


class TokenHandlers:
    """``/v3/auth/...``."""

    def __init__(self, tokens: Tokens, membership: Membership, catalog: CatalogFlows) -> None:
        self._tokens = tokens
        self._membership = membership
        self._catalog = catalog

    async def issue(self, request: web.Request) -> web.Response:
        """``POST /v3/auth/tokens``: 201, the token in ``X-Subject-Token``."""
        auth = read(AuthBody, await json_body(request))
        token, claims = await self._tokens.issue_token(auth.request())
        return await self._token_response(request, 201, token, claims)

    async def issue_for_signature(self, request: web.Request) -> web.Response:
        """``POST /v3/ec2tokens``: 200, the token of whoever signed the request in the body."""
        signed = signed_request(await json_body(request))
        token, claims = await self._tokens.issue_for_signature(request[CONTEXT], signed)
        return await self._token_response(request, 200, token, claims)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /v3/auth/tokens``: what is in the token of ``X-Subject-Token``."""
        token = _subject_token(request)
        claims = await self._tokens.get_token(request[CONTEXT], token)
        _check_rules_are_heeded(request, claims)
        return await self._token_response(request, 200, token, claims)

    async def check(self, request: web.Request) -> web.Response:
        """``HEAD /v3/auth/tokens``: 200, or 404."""
        token = _subject_token(request)
        _check_rules_are_heeded(request, await self._tokens.check_token(request[CONTEXT], token))
        return respond(200, headers={"X-Subject-Token": token})

    async def revoke(self, request: web.Request) -> web.Response:
        """``DELETE /v3/auth/tokens``: 204."""
        await self._tokens.revoke_token(request[CONTEXT], _subject_token(request))
        return respond(204)

    async def catalog(self, request: web.Request) -> web.Response:
        """``GET /v3/auth/catalog``."""
        ctx, base = request[CONTEXT], origin(request)
        view = catalog_view(await self._catalog.own_catalog(ctx, base), ctx.project_id, ctx.user_id)
        return respond(200, {"catalog": view, "links": {"self": f"{base}/v3/auth/catalog"}})

    async def projects(self, request: web.Request) -> web.Response:
        """``GET /v3/auth/projects``."""
        return entities_response(request, PROJECT, await self._membership.own_projects(request[CONTEXT]))

    async def domains(self, request: web.Request) -> web.Response:
        """``GET /v3/auth/domains``."""
        return entities_response(request, DOMAIN, await self._membership.own_domains(request[CONTEXT]))

    async def system(self, request: web.Request) -> web.Response:
        """``GET /v3/auth/system``."""
        allowed = await self._membership.has_system_role(request[CONTEXT])
        scopes: Sequence[Mapping[str, Any]] = [{"all": True}] if allowed else []
        return respond(200, {"system": scopes, "links": {"self": f"{origin(request)}/v3/auth/system"}})

    async def _token_response(self, request: web.Request, status: int, token: str, claims: Claims) -> web.Response:
        catalog = None
        if "nocatalog" not in request.query:
            known = await self._catalog.token_catalog(origin(request))
            catalog = catalog_view(known, claims.project_id, claims.user_id)
        headers = {"X-Subject-Token": token}
        view = token_view(claims, catalog)
        application_credential = await self._tokens.application_credential_of(claims)
        if application_credential is not None:
            view["application_credential"] = token_part(application_credential)
        return respond(status, {"token": view}, headers)


def _check_rules_are_heeded(request: web.Request, claims: Claims) -> None:
    """A service that knows nothing of access rules is not told that a token with such rules is valid."""
    if claims.access_rules and not request.headers.get("OpenStack-Identity-Access-Rules"):
        raise NotFound("Failed to validate token")


def _subject_token(request: web.Request) -> str:
    token = token_of(request, "X-Subject-Token")
    if token is None:
        raise NotFound("Could not find token.")
    return token
