"""A user's session with a cloud: endpoints from its catalogue, requests with a microversion."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

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


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a user logs in. ``auth_url`` ends in ``/v3`` or not."""

    auth_url: str
    username: str
    password: str
    project: str
    domain: str = "Default"
    region: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """``json`` is None when the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Session:
    """One user in one project of one cloud."""

    def __init__(self, http: aiohttp.ClientSession, token: str, project_id: str, urls: Mapping[str, str]) -> None:
        self._http = http
        self._token = token
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
        sent = {"X-Auth-Token": self._token, **({} if data is None else {"Content-Type": "application/json"})}
        if version:
            sent["OpenStack-API-Version"] = f"{VERSION_NAMES[service]} {version}"
        try:
            async with self._http.request(
                method,
                self._urls[service] + path,
                data=data,
                headers={**sent, **(headers or {})},
                allow_redirects=False,
            ) as response:
                return Answer(response.status, dict(response.headers), _decoded(await response.read()))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unusable(f"{method} {service} {path}: {error or type(error).__name__}") from None


@asynccontextmanager
async def logged_in(user: Credentials) -> AsyncIterator[Session]:
    """Raises Unusable."""
    domain = {"name": user.domain}
    password = {"user": {"name": user.username, "password": user.password, "domain": domain}}
    auth = {
        "identity": {"methods": ["password"], "password": password},
        "scope": {"project": {"name": user.project, "domain": domain}},
    }
    root = user.auth_url.rstrip("/").removesuffix("/v3")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)) as http:
        try:
            async with http.post(f"{root}/v3/auth/tokens", json={"auth": auth}) as response:
                token, headers = _decoded(await response.read()), response.headers
                if response.status != 201:
                    raise Unusable(f"{root} refused {user.username}: {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unusable(f"{root} does not answer: {error or type(error).__name__}") from None
        found = token["token"]
        urls = {**_endpoints(found.get("catalog", []), user.region), "identity": f"{root}/v3"}
        yield Session(http, headers["X-Subject-Token"], found["project"]["id"], urls)


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
