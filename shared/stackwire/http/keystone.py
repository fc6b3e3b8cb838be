"""Who asks, as a real Keystone tells it: for clouds whose tokens are not ours to read.

Source: Identity API v3, "Validate and show information for token"; keystonemiddleware's auth_token does the same.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.core.errors import Unauthorized
from stackwire.core.tokens import Claims
from stackwire.http.auth import context_of, token_of
from stackwire.http.service_user import Credentials, KeystoneUnavailable, ServiceUser


class KeystoneAuthenticator:
    """Asks Keystone about a token with the service user's own; see http/auth.py: Authenticator.

    ``url`` is Keystone's root or its ``/v3``. An answer is believed for ``keep`` seconds (a revoked token is good that
    long at most) and for ``kept`` tokens; the cache knows digests of tokens, never the tokens.
    Raises Unauthorized for a token Keystone does not know, KeystoneUnavailable (503) when it cannot be asked.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        project: str = "service",
        domain: str = "Default",
        keep: float = 60.0,
        kept: int = 4096,
        clock: Clock | None = None,
    ) -> None:
        credentials = Credentials(url, user, password, project, domain)
        self._url = credentials.tokens_url
        self._user = ServiceUser(credentials)
        self._keep = keep
        self._kept = kept
        self._clock = clock or Clock()
        self._known: OrderedDict[bytes, tuple[float, Claims | None]] = OrderedDict()

    async def authenticate(self, request: web.Request) -> RequestContext:
        token = token_of(request, "X-Auth-Token")
        if token is None:
            raise Unauthorized
        service_token = token_of(request, "X-Service-Token")
        claims = await self._claims(token)
        service = await self._claims(service_token) if service_token else None
        return context_of(request, claims, token, service)

    async def close(self) -> None:
        await self._user.close()

    async def _claims(self, token: str) -> Claims:
        key = hashlib.sha256(token.encode()).digest()
        until, claims = self._known.get(key, (0.0, None))
        if until <= self._clock.monotonic():
            claims = await self._ask(token)
            self._known[key] = (self._clock.monotonic() + self._keep, claims)
            self._known.move_to_end(key)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        if claims is None or claims.expires_at <= self._clock.now():
            raise Unauthorized
        return claims

    async def _ask(self, token: str) -> Claims | None:
        """What Keystone says of a token; None when it does not know it."""
        own = await self._user.token()
        status, body = await self._get(token, own)
        if status in (401, 403):  # our own token has run out, or was taken back
            status, body = await self._get(token, await self._user.token(instead_of=own))
        if status == 404:
            return None
        if status != 200 or body is None:
            raise KeystoneUnavailable
        return claims_of(body)

    async def _get(self, token: str, own: str) -> tuple[int, Any]:
        headers = {"X-Auth-Token": own, "X-Subject-Token": token}
        try:
            async with self._user.session().get(f"{self._url}?nocatalog", headers=headers) as response:
                return response.status, await response.json() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as refused:
            raise KeystoneUnavailable from refused


def claims_of(body: Mapping[str, Any]) -> Claims:
    """The claims behind ``{"token": ...}``; KeystoneUnavailable when it is not a token's body."""
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
        )
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as odd:
        raise KeystoneUnavailable from odd


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
