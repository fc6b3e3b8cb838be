"""A service's own user at Keystone: its token, for requests the service makes for itself."""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp

from stackwire.core.errors import Unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=5)


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
        self._session: aiohttp.ClientSession | None = None
        self._current: str | None = None
        self._logging_in = asyncio.Lock()

    async def token(self, instead_of: str | None = None) -> str:
        """The cached token, or a new one when the cached token is ``instead_of``.

        Raises KeystoneUnavailable, also for a wrong password.
        """
        async with self._logging_in:
            if self._current is not None and self._current != instead_of:
                return self._current
            url, auth_request = f"{self._credentials.tokens_url}?nocatalog", self._credentials.auth_request
            try:
                async with self.session().post(url, json=auth_request) as response:
                    if response.status != 201:
                        raise KeystoneUnavailable
                    self._current = response.headers["X-Subject-Token"]
            except (aiohttp.ClientError, TimeoutError, KeyError) as refused:
                raise KeystoneUnavailable from refused
            return self._current

    def session(self) -> aiohttp.ClientSession:
        """The HTTP session for Keystone."""
        if self._session is None:  # lazily: a session belongs to the loop it is created in
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
