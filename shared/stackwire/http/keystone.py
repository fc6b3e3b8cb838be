"""Authentication by a real Keystone, for clouds whose tokens Stackwire cannot verify itself.

Source: Identity API v3, "Validate and show information for token"; keystonemiddleware's auth_token does the same.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.core.errors import Unauthorized
from stackwire.core.tokens import Claims
from stackwire.http.auth import check_access_rules, context_of, token_of
from stackwire.http.service_user import Credentials, KeystoneUnavailable, ServiceUser


class KeystoneAuthenticator:
    """Validates tokens at Keystone with the service user's token; see http/auth.py: Authenticator.

    ``url`` is Keystone's root or its ``/v3``. Results are cached for ``cache_seconds`` (so long a revoked token may
    stay valid) and for ``cache_size`` tokens; the cache has digests of tokens, never the tokens.
    Raises Unauthorized for a token Keystone does not know, KeystoneUnavailable (503) when it does not respond.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        project: str = "service",
        domain: str = "Default",
        cache_seconds: float = 60.0,
        cache_size: int = 4096,
        clock: Clock | None = None,
        service_types: Collection[str] = (),
    ) -> None:
        credentials = Credentials(url, user, password, project, domain)
        self._url = credentials.tokens_url
        self._user = ServiceUser(credentials)
        self._cache_seconds = cache_seconds
        self._cache_size = cache_size
        self._clock = clock or Clock()
        self._service_types = service_types
        self._cache: OrderedDict[bytes, tuple[float, Claims | None]] = OrderedDict()

    async def authenticate(self, request: web.Request) -> RequestContext:
        token = token_of(request, "X-Auth-Token")
        if token is None:
            raise Unauthorized
        service_token = token_of(request, "X-Service-Token")
        claims = await self._claims(token)
        service = await self._claims(service_token) if service_token else None
        check_access_rules(request, claims, service, self._service_types)
        return context_of(request, claims, token, service)

    async def close(self) -> None:
        await self._user.close()

    async def _claims(self, token: str) -> Claims:
        key = hashlib.sha256(token.encode()).digest()
        until, claims = self._cache.get(key, (0.0, None))
        if until <= self._clock.monotonic():
            claims = await self._validate(token)
            self._cache[key] = (self._clock.monotonic() + self._cache_seconds, claims)
            self._cache.move_to_end(key)
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        if claims is None or claims.expires_at <= self._clock.now():
            raise Unauthorized
        return claims

    async def _validate(self, token: str) -> Claims | None:
        """The claims of a token; None when Keystone does not know it."""
        own = await self._user.token()
        status, body = await self._get(token, own)
        if status in (401, 403):  # our own token is expired or revoked
            status, body = await self._get(token, await self._user.token(instead_of=own))
        if status == 404:
            return None
        if status != 200 or body is None:
            raise KeystoneUnavailable
        return claims_of(body)

    async def _get(self, token: str, own: str) -> tuple[int, Any]:
        headers = {"X-Auth-Token": own, "X-Subject-Token": token, "OpenStack-Identity-Access-Rules": "1.0"}
        status, _, body = await self._user.request("GET", f"{self._url}?nocatalog", headers=headers)
        return status, body


def claims_of(body: Mapping[str, Any]) -> Claims:
    """The claims in ``{"token": ...}``. Raises KeystoneUnavailable when it is not a token's body."""
    try:
        token = body["token"]
        user, project, domain = token["user"], token.get("project") or {}, token.get("domain") or {}
        return Claims(
            audit_id=(token.get("audit_ids") or [""])[0],
            issued_at=_moment(token["issued_at"]),
            expires_at=_moment(token["expires_at"]),
            methods=tuple(token.get("methods", ())),
            user_id=user["id"],
            user_name=user["name"],
            user_domain_id=user["domain"]["id"],
            user_domain_name=user["domain"]["name"],
            roles=tuple((role["id"], role["name"]) for role in token.get("roles", ())),
            project_id=project.get("id"),
            project_name=project.get("name"),
            project_domain_id=(project.get("domain") or {}).get("id"),
            project_domain_name=(project.get("domain") or {}).get("name"),
            domain_id=domain.get("id"),
            domain_name=domain.get("name"),
            system=bool((token.get("system") or {}).get("all")),
            **_delegation(token),
        )
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as malformed:
        raise KeystoneUnavailable from malformed


def _delegation(token: Mapping[str, Any]) -> dict[str, Any]:
    """What a token says of the application credential or the trust it came of."""
    credential = token.get("application_credential", {})
    rules = credential.get("access_rules", ())
    return {
        "application_credential_id": credential.get("id"),
        "access_rules": tuple((rule["service"], rule["path"], rule["method"]) for rule in rules),
        "trust_id": token.get("OS-TRUST:trust", {}).get("id"),
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
