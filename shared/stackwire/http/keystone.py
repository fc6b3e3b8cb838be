"""Who asks, as a real Keystone tells it: for clouds whose tokens are not ours to read.

Source: Identity API v3, "Validate and show information for token"; keystonemiddleware's auth_token does the same.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.core.errors import Unauthorized, Unavailable
from stackwire.core.tokens import Claims
from stackwire.http.auth import context_of, token_of

_TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=5)


class KeystoneUnavailable(Unavailable):
    """The identity service cannot be asked at the moment."""


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
        self._url = f"{url.rstrip('/').removesuffix('/v3')}/v3/auth/tokens"
        self._wish = _password_wish(user, password, project, domain)
        self._keep = keep
        self._kept = kept
        self._clock = clock or Clock()
        self._session: aiohttp.ClientSession | None = None
        self._own: str | None = None
        self._logging_in = asyncio.Lock()
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
        if self._session is not None:
            await self._session.close()
            self._session = None

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
        own = await self._own_token()
        status, body = await self._get(token, own)
        if status in (401, 403):  # our own token has run out, or was taken back
            status, body = await self._get(token, await self._own_token(instead_of=own))
        if status == 404:
            return None
        if status != 200 or body is None:
            raise KeystoneUnavailable
        return claims_of(body)

    async def _get(self, token: str, own: str) -> tuple[int, Any]:
        headers = {"X-Auth-Token": own, "X-Subject-Token": token}
        try:
            async with self._open().get(f"{self._url}?nocatalog", headers=headers) as response:
                return response.status, await response.json() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as refused:
            raise KeystoneUnavailable from refused

    async def _own_token(self, instead_of: str | None = None) -> str:
        """The service user's token; a new one when the last is the one that failed."""
        async with self._logging_in:
            if self._own is not None and self._own != instead_of:
                return self._own
            try:
                async with self._open().post(f"{self._url}?nocatalog", json=self._wish) as response:
                    if response.status != 201:
                        raise KeystoneUnavailable
                    self._own = response.headers["X-Subject-Token"]
            except (aiohttp.ClientError, TimeoutError, KeyError) as refused:
                raise KeystoneUnavailable from refused
            return self._own

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # lazily: a session belongs to the loop it is made in
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._session


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


def _password_wish(user: str, password: str, project: str, domain: str) -> dict[str, Any]:
    place = {"name": domain}
    who = {"name": user, "password": password, "domain": place}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": who}},
            "scope": {"project": {"name": project, "domain": place}},
        }
    }
