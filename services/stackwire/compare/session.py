"""A user's session with a cloud: endpoints from its catalogue, requests with a microversion."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

NO_ANSWER = 0
"""The status where the connection is closed without one."""
REQUEST_TIMEOUT_SECONDS = 120.0
SERVICE_TYPES = {
    "image": ("image",),
    "volume": ("block-storage", "volumev3", "block-store", "volume"),
    "compute": ("compute",),
    "identity": ("identity",),
}
VERSION_NAMES = {"volume": "volume", "compute": "compute"}


class Unusable(Exception):
    """A cloud cannot be compared: it is away, refuses the password or has no such service. The message is one line."""


class Refused(Unusable):
    """A cloud answers, but not with what was asked for."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a user logs in. ``auth_url`` ends in ``/v3`` or not.

    ``scope`` is the project in another form than its name in the domain Default. ``certificates``: a file of those that
    are trusted, empty for the system's, None to verify nothing.
    """

    auth_url: str
    username: str
    password: str
    project: str
    region: str = ""
    user_domain: Mapping[str, str] = field(default_factory=lambda: {"name": "Default"})
    scope: Mapping[str, Any] | None = None
    certificates: str | None = ""

    def body(self) -> dict[str, Any]:
        """The body of ``POST /v3/auth/tokens``."""
        user = {"name": self.username, "password": self.password, "domain": self.user_domain}
        project = self.scope or {"name": self.project, "domain": {"name": "Default"}}
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": project}}}

    def verification(self) -> ssl.SSLContext | bool:
        """How certificates are verified."""
        return ssl.create_default_context(cafile=self.certificates) if self.certificates else self.certificates == ""


@dataclass(frozen=True, slots=True)
class Answer:
    """``json`` is None when the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    json: Any
    body: bytes = b""


class Session:
    """One user in one project of one cloud."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        credentials: Credentials,
        token: str,
        project_id: str,
        urls: Mapping[str, str],
    ) -> None:
        self._http = http
        self.credentials = credentials
        self.token = token
        self._urls = urls
        self.project_id = project_id

    async def send(
        self,
        method: str,
        service: str,
        path: str,
        *,
        data: bytes | None = None,
        version: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises Unusable for a service that the catalogue has not, or that does not answer."""
        if service not in self._urls:
            raise Unusable(f"the catalogue has no {service} service")
        sent = {"X-Auth-Token": self.token, **({} if data is None else {"Content-Type": "application/json"})}
        if version:
            sent["OpenStack-API-Version"] = f"{VERSION_NAMES[service]} {version}"
        try:
            return await self._answer(method, self._urls[service] + path, data, {**sent, **(headers or {})})
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unusable(f"{method} {service} {path}: {error or type(error).__name__}") from None

    async def _answer(
        self, method: str, url: str, data: bytes | None, headers: Mapping[str, str], *, again: bool = True
    ) -> Answer:
        try:
            async with self._http.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
                body = await response.read()
                return Answer(response.status, dict(response.headers), _decoded(body), body)
        except aiohttp.ServerDisconnectedError:
            if not again:
                return Answer(NO_ANSWER, {}, None)
        return await self._answer(method, url, data, headers, again=False)  # an idle connection had been closed

    @property
    def roots(self) -> Mapping[str, str]:
        """Service to its endpoint."""
        return self._urls


@asynccontextmanager
async def logged_in(user: Credentials) -> AsyncIterator[Session]:
    """Raises Unusable."""
    root = user.auth_url.rstrip("/").removesuffix("/v3")
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(ssl=user.verification())) as http:
        try:
            async with http.post(f"{root}/v3/auth/tokens", json=user.body()) as response:
                token, headers = _decoded(await response.read()), response.headers
                if response.status != 201:
                    raise Unusable(f"{root} refused {user.username}: {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unusable(f"{root} does not answer: {error or type(error).__name__}") from None
        found = token["token"]
        urls = {**_endpoints(found.get("catalog", []), user.region), "identity": f"{root}/v3"}
        yield Session(http, user, headers["X-Subject-Token"], found["project"]["id"], urls)


def _endpoints(catalogue: list[dict[str, Any]], region: str) -> dict[str, str]:
    """Service to URL without a slash at its end; the image service's without its version."""
    types = {entry["type"]: entry["endpoints"] for entry in catalogue}
    urls: dict[str, str] = {}
    for service, names in SERVICE_TYPES.items():
        for endpoint in next((types[name] for name in names if name in types), []):
            if endpoint["interface"] == "public" and (not region or endpoint["region_id"] == region):
                urls[service] = endpoint["url"].rstrip("/")
    if "image" in urls:
        urls["image"] = urls["image"].removesuffix("/v2")
    return urls


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
