"""A service's own user at Keystone: its token, for requests the service makes for itself."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from stackwire.core.errors import Unavailable
from stackwire.http.session import Connections

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
PAUSES = (0.2, 1.0, 2.0)
"""Seconds before each further attempt: keystonemiddleware's ``http_request_max_retries`` is 3 too."""


class KeystoneUnavailable(Unavailable):
    """The identity service is not available at the moment."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """``url`` is Keystone's root or its ``/v3``."""

    url: str
    user: str
    password: str
    project: str = "service"
    domain: str = "Default"

    @property
    def tokens_url(self) -> str:
        """Where tokens are issued and validated."""
        return f"{self.url.rstrip('/').removesuffix('/v3')}/v3/auth/tokens"

    @property
    def auth_request(self) -> dict[str, Any]:
        """The body that requests a token: password method, project scope."""
        domain = {"name": self.domain}
        user = {"name": self.user, "password": self.password, "domain": domain}
        return {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": self.project, "domain": domain}},
            }
        }


class ServiceUser:
    """Logs in when a token is first needed, and again when one is refused."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._connections = Connections(lambda: aiohttp.ClientSession(timeout=_TIMEOUT))
        self._current: str | None = None
        self._logging_in = asyncio.Lock()

    async def token(self, instead_of: str | None = None) -> str:
        """The cached token, or a new one when the cached token is ``instead_of``.

        Raises KeystoneUnavailable, also for a wrong password.
        """
        async with self._logging_in:
            if self._current is not None and self._current != instead_of:
                return self._current
            url = f"{self._credentials.tokens_url}?nocatalog"
            status, headers, _ = await self.request("POST", url, json=self._credentials.auth_request)
            self._current = headers.get("X-Subject-Token") if status == 201 else None
            if self._current is None:
                raise KeystoneUnavailable
            return self._current

    async def request(self, method: str, url: str, **sent: Any) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers and JSON (None for an error) of Keystone's answer: asked again when it gives none, or a 5xx.

        Raises KeystoneUnavailable after the last attempt.
        """
        for pause in (*PAUSES, None):
            try:
                async with self._connections.session().request(method, url, **sent) as response:
                    body = await response.json() if response.status < 400 else None
                    if response.status < 500:
                        return response.status, response.headers, body
                    failed: Exception | None = None
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                failed = error
            if pause is None:
                raise KeystoneUnavailable from failed
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def close(self) -> None:
        await self._connections.close()
