"""A service's own user at Keystone: its token, for what the service does on its own account."""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp

from stackwire.core.errors import Unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=5)


class KeystoneUnavailable(Unavailable):
    """The identity service cannot be asked at the moment."""


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
        return f"{self.url.rstrip('/').removesuffix('/v3')}/v3/auth/tokens"

    @property
    def wish(self) -> dict[str, Any]:
        place = {"name": self.domain}
        who = {"name": self.user, "password": self.password, "domain": place}
        return {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": who}},
                "scope": {"project": {"name": self.project, "domain": place}},
            }
        }


class ServiceUser:
    """Logs in when a token is first wanted, and again when one is refused."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None
        self._own: str | None = None
        self._logging_in = asyncio.Lock()

    async def token(self, instead_of: str | None = None) -> str:
        """A new one when the last is the one that failed. Raises KeystoneUnavailable, also for a wrong password."""
        async with self._logging_in:
            if self._own is not None and self._own != instead_of:
                return self._own
            url, wish = f"{self._credentials.tokens_url}?nocatalog", self._credentials.wish
            try:
                async with self.session().post(url, json=wish) as response:
                    if response.status != 201:
                        raise KeystoneUnavailable
                    self._own = response.headers["X-Subject-Token"]
            except (aiohttp.ClientError, TimeoutError, KeyError) as refused:
                raise KeystoneUnavailable from refused
            return self._own

    def session(self) -> aiohttp.ClientSession:
        """To Keystone."""
        if self._session is None:  # lazily: a session belongs to the loop it is made in
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
