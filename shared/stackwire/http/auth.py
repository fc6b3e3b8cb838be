"""Authentication: a request's token headers become its context. Identity headers from clients are ignored."""

import re
from collections.abc import Callable, Collection
from typing import Protocol

from aiohttp import web

from stackwire.core.access_rules import any_allows
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Unauthorized
from stackwire.core.tokens import Claims, TokenSigner

_REQUEST_ID = re.compile(r"req-[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_TOKEN_LENGTH = 16 * 1024


class Authenticator(Protocol):
    """Turns the token headers of a request into its context, or raises Unauthorized."""

    async def authenticate(self, request: web.Request) -> RequestContext: ...


Revoked = Callable[[Claims], bool]


class SignedTokenAuthenticator:
    """Verifies Stackwire's signed tokens locally. ``revoked``: whether a token was revoked before it expired.

    ``service_types``: what this service is called in access rules.
    """

    def __init__(
        self, signer: TokenSigner, revoked: Revoked = lambda _: False, service_types: Collection[str] = ()
    ) -> None:
        self._signer = signer
        self._revoked = revoked
        self._service_types = service_types

    async def authenticate(self, request: web.Request) -> RequestContext:
        token = token_of(request, "X-Auth-Token")
        if token is None:
            raise Unauthorized
        service_token = token_of(request, "X-Service-Token")
        service = self._claims(service_token) if service_token else None
        claims = self._claims(token)
        check_access_rules(request, claims, service, self._service_types)
        return context_of(request, claims, token, service)

    def _claims(self, token: str) -> Claims:
        claims = self._signer.verify(token)
        if self._revoked(claims):
            raise Unauthorized
        return claims


def check_access_rules(
    request: web.Request, claims: Claims, service: Claims | None, service_types: Collection[str]
) -> None:
    """Unauthorized for a request that no access rule of the token allows; what a service asks for its user is allowed.

    Source: ``keystonemiddleware/auth_token/__init__.py: validate_allowed_request``.
    """
    if claims.access_rules and service is None:
        path = request.rel_url.raw_path
        if not any_allows(claims.access_rules, service_types, request.method, path):
            raise Unauthorized


def token_of(request: web.Request, header: str) -> str | None:
    """The token of a header, None without one. Raises BadRequest for a text that cannot be a token."""
    token = request.headers.get(header, "").strip()
    if len(token) > _MAX_TOKEN_LENGTH or not token.isascii():
        raise BadRequest(f"{header} is malformed")
    return token or None


def context_of(request: web.Request, claims: Claims, token: str, service: Claims | None) -> RequestContext:
    """The context of an authenticated request. A service token adds service roles; it never replaces the user."""
    roles = claims.role_names
    return RequestContext(
        **_of_the_request(request),
        user_id=claims.user_id,
        user_name=claims.user_name,
        user_domain_id=claims.user_domain_id,
        user_domain_name=claims.user_domain_name,
        project_id=claims.project_id,
        project_name=claims.project_name,
        project_domain_id=claims.project_domain_id,
        project_domain_name=claims.project_domain_name,
        domain_id=claims.domain_id,
        system_scope="all" if claims.system else None,
        roles=roles,
        is_admin="admin" in roles,
        auth_token=token,
        service_roles=service.role_names if service else (),
        service_user_id=service.user_id if service else None,
        service_project_id=service.project_id if service else None,
    )


def anonymous(request: web.Request) -> RequestContext:
    """A context with a new request id and no user."""
    return RequestContext(**_of_the_request(request))


def _of_the_request(request: web.Request) -> dict[str, str | None]:
    """The request id the caller sent becomes the global one, so that a user's action has one id in all services."""
    sent, trace = request.headers.get("X-Openstack-Request-Id"), request.headers.get("traceparent")
    return {
        "global_request_id": sent if sent and _REQUEST_ID.fullmatch(sent) else None,
        "traceparent": trace if trace and _TRACEPARENT.fullmatch(trace) else None,
        "remote_address": request.remote,
    }
