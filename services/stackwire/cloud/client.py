"""A client of a running cloud, for the CLI and the demonstration."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from stackwire.cloud.datadir import PASSWORD

TRANSFER_CHUNK_BYTES = 1024 * 1024
STATUS_TIMEOUT_SECONDS = 120.0
USER_AGENT = "demo"
"""Its name in the tracer."""
COMPUTE_VERSION = (2, 93)
"""What is asked for; an older release is asked for its newest."""
NETWORKS_SINCE, IMAGE_ID_SINCE = (2, 37), (2, 45)
VOLUME_VERSION = "volume 3.70"

Progress = Callable[[int], None]


class Refused(Exception):
    """A service refused a request, or a resource went to error; the message is one line."""


class Client:
    """One user in one project."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        urls: Mapping[str, str],
        token: str,
        project: str,
        newest: tuple[int, int] = COMPUTE_VERSION,
    ) -> None:
        self._session = session
        self._urls = urls
        self._token = token
        self.project = project
        self._newest = newest

    def compute_version(self, wanted: tuple[int, int] = COMPUTE_VERSION) -> tuple[int, int]:
        """The wanted microversion, or the newest that the cloud's release has."""
        return min(wanted, self._newest)

    def compute_headers(self, wanted: tuple[int, int]) -> dict[str, str]:
        """The header that asks for it."""
        major, minor = self.compute_version(wanted)
        return {"OpenStack-API-Version": f"compute {major}.{minor}"}

    @property
    def no_network(self) -> dict[str, str]:
        """The field of a new server that is to have no address, where the release knows it."""
        return {"networks": "none"} if self.compute_version() >= NETWORKS_SINCE else {}

    async def create_image(self, server_id: str, name: str) -> str:
        """The id of the image that the server becomes, as soon as that is accepted. Raises Refused."""
        path = f"/v2.1/servers/{server_id}/action"
        status, answer, raw, headers = await self._send("POST", "compute", path, {"createImage": {"name": name}})
        if status >= 300:
            raise Refused(f"POST compute {path}: {status} {_message(answer, raw)}")
        if self.compute_version() >= IMAGE_ID_SINCE:
            return str(answer["image_id"])
        return headers["Location"].rpartition("/")[2]

    async def request(self, method: str, service: str, path: str, body: Any = None) -> Any:
        """The decoded JSON of a response. Raises Refused for a status of 300 and up.

        ``path`` is below the service's root; ``{project}`` in it is replaced by the user's project id.
        """
        status, answer, raw = await self.try_request(method, service, path, body)
        if status >= 300:
            raise Refused(f"{method} {service} {path}: {status} {_message(answer, raw)}")
        return answer

    async def try_request(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> tuple[int, Any, bytes]:
        """The status, the decoded JSON and the bytes of any response. ``data``: a body that is no JSON."""
        status, decoded, raw, _ = await self._send(method, service, path, body, headers=headers, data=data)
        return status, decoded, raw

    async def _send(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> tuple[int, Any, bytes, Mapping[str, str]]:
        sent = {"Content-Type": "application/json"} if body is not None else {}
        async with self._session.request(
            method,
            self._url(service, path),
            data=data if body is None else orjson.dumps(body),
            headers=self._headers({**sent, **(headers or {})}),
        ) as response:
            raw = await response.read()
            decoded = orjson.loads(raw) if raw and "json" in response.content_type else None
            return response.status, decoded, raw, response.headers

    async def upload(self, path: str, file: Path, progress: Progress) -> str:
        """Streams a file into an image. Returns the sha512 of what was sent."""
        digest = hashlib.sha512()

        async def chunks() -> AsyncIterator[bytes]:
            with file.open("rb") as source:
                while chunk := await asyncio.to_thread(source.read, TRANSFER_CHUNK_BYTES):
                    await asyncio.to_thread(digest.update, chunk)
                    yield chunk
                    progress(len(chunk))

        async with self._session.put(
            self._url("image", path), data=chunks(), headers=self._headers({"Content-Type": "application/octet-stream"})
        ) as response:
            if response.status != 204:
                raw = await response.read()
                raise Refused(f"the upload was refused: {response.status} {_message(None, raw)}")
        return digest.hexdigest()

    async def send_stream(self, path: str, chunks: AsyncIterable[bytes]) -> None:
        """Uploads bytes into an image. Raises Refused."""
        headers = self._headers({"Content-Type": "application/octet-stream"})
        async with self._session.put(self._url("image", path), data=chunks, headers=headers) as response:
            if response.status != 204:
                raw = await response.read()
                raise Refused(f"the upload was refused: {response.status} {_message(None, raw)}")

    async def download(self, path: str, progress: Progress) -> str:
        """Reads an image to its end. Returns its sha512."""
        digest = hashlib.sha512()
        async with self._session.get(self._url("image", path), headers=self._headers({})) as response:
            if response.status != 200:
                raise Refused(f"the download was refused: {response.status} {_message(None, await response.read())}")
            async for chunk in response.content.iter_chunked(TRANSFER_CHUNK_BYTES):
                await asyncio.to_thread(digest.update, chunk)
                progress(len(chunk))
        return digest.hexdigest()

    async def until(self, service: str, path: str, root: str | None, wanted: str, failed: str) -> dict[str, Any]:
        """Polls until the status is ``wanted`` and no task runs. Raises Refused for ``failed``, and after a timeout."""
        deadline = time.monotonic() + STATUS_TIMEOUT_SECONDS
        while True:
            answer = await self.request("GET", service, path)
            found: dict[str, Any] = answer[root] if root else answer
            if found["status"] == wanted and not found.get("OS-EXT-STS:task_state"):
                return found
            if found["status"] == failed:
                fault = (found.get("fault") or {}).get("message", "")
                raise Refused(f"{service} {path.rsplit('/', 1)[-1]} went to {failed} {fault}".strip())
            if time.monotonic() > deadline:
                raise Refused(f"{service} {path} was still {found['status']} after {STATUS_TIMEOUT_SECONDS:.0f} s")
            await asyncio.sleep(0.02)

    def _url(self, service: str, path: str) -> str:
        return f"{self._urls[service]}{path.replace('{project}', self.project)}"

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        version = f"{self.compute_headers(COMPUTE_VERSION)['OpenStack-API-Version']}, {VOLUME_VERSION}"
        return {"X-Auth-Token": self._token, "OpenStack-API-Version": version, "Accept": "*/*", **more}


@asynccontextmanager
async def logged_in(urls: Mapping[str, str], user: str = "demo", password: str = PASSWORD) -> AsyncIterator[Client]:
    """A client of a seeded user, in the project of the same name. Raises Refused."""
    domain = {"id": "default"}
    credentials = {"user": {"name": user, "domain": domain, "password": password}}
    auth = {
        "identity": {"methods": ["password"], "password": credentials},
        "scope": {"project": {"name": user, "domain": domain}},
    }
    timeout = aiohttp.ClientTimeout(total=None, sock_read=STATUS_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": USER_AGENT}) as session:
        async with session.post(f"{urls['identity']}/v3/auth/tokens", json={"auth": auth}) as response:
            if response.status != 201:
                raise Refused(f"identity refused the demo user: {response.status}")
            project = (await response.json())["token"]["project"]["id"]
            token = response.headers["X-Subject-Token"]
        yield Client(session, urls, token, project, await newest_microversion(session, urls))


async def newest_microversion(session: aiohttp.ClientSession, urls: Mapping[str, str]) -> tuple[int, int]:
    """The microversion that the compute service advertises; the default where there is none."""
    if "compute" not in urls:
        return COMPUTE_VERSION
    async with session.get(f"{urls['compute']}/") as response:
        versions = (await response.json())["versions"]
    major, minor = max((each["version"] for each in versions if each["version"]), default="2.1").split(".")
    return int(major), int(minor)


def _message(answer: Any, raw: bytes) -> str:
    """The error message of an API's body."""
    if isinstance(answer, dict):
        for value in answer.values():
            if isinstance(value, dict) and "message" in value:
                return str(value["message"])
    return " ".join(raw.decode(errors="replace").split())[:300]
