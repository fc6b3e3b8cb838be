"""The journey of an image's properties, over REST alone: what each answer of one cloud shows, flow by flow."""

import asyncio
import contextlib
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from stackwire.compare.fixtures import FIXTURE_POLL_SECONDS, RESTING
from stackwire.compare.normal import UUID, Names
from stackwire.compare.session import Answer, Refused, Session

FLOW_TIMEOUT_SECONDS = 300.0
CLOSE_TIMEOUT_SECONDS = 30.0
DEPLOYMENT_OBJECTS = {"flavor", "volume_type", "owner_user_name", "owner_project_name"}
_UUID = re.compile(UUID)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, as ``GET /volumes/<volume>``, with the status and the body of its answer in the common form."""

    call: str
    status: int
    body: Any


@dataclass
class Journey:
    """One run in one cloud. ``versions``: service to microversion. ``resources`` are deleted, the last first."""

    session: Session
    versions: Mapping[str, str]
    names: Names = field(default_factory=Names)
    exchanges: list[Exchange] = field(default_factory=list)
    resources: list[tuple[str, str]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for service, root in self.session.roots.items():
            self.names.bind(f"<{service}>", root)
            self.names.bind(f"<{service}>", root.removesuffix(f"/{self.session.project_id}"))
        self.names.bind("<project>", self.session.project_id)

    def knows(self, service: str, version: tuple[int, int]) -> bool:
        """Whether the journey's microversion of the service is this one or a later one."""
        return tuple(int(part) for part in self.versions.get(service, "0").split(".")) >= version

    async def run(self, flow: Callable[["Journey"], Awaitable[None]]) -> list[Exchange]:
        """The flow's exchanges; it ends with the first that is refused, or where something was not made."""
        self.exchanges = []
        with contextlib.suppress(Refused, KeyError):
            await flow(self)
        return self.exchanges

    async def send(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One exchange, which is kept; returns the decoded body."""
        answer = await self.request(method, service, path, body, data, headers)
        self.keep(method, path, answer)
        return answer.json

    async def make(self, name: str, service: str, path: str, body: Any, root: str = "") -> str:
        """Creates a resource, under this name from now on."""
        answer = await self.request("POST", service, path, body)
        if answer.status in range(200, 300):
            found = answer.json[root] if root else answer.json
            self.adopt(name, service, path, found["id"])
        self.keep("POST", path, answer)
        return self.ids[name]

    def adopt(self, name: str, service: str, path: str, ident: str) -> None:
        """A resource that something else has made."""
        self.names.bind(f"<{name}>", ident)
        self.ids[name] = ident
        self.resources.append((service, f"{path}/{ident}"))

    async def rest(self, service: str, path: str, root: str = "") -> Any:
        """Polls until no task runs; the last answer is kept."""
        deadline = time.monotonic() + FLOW_TIMEOUT_SECONDS
        while True:
            answer = await self.request("GET", service, path)
            found = answer.json.get(root, answer.json) if isinstance(answer.json, dict) else {}
            still = found.get("status", "") not in RESTING or found.get("OS-EXT-STS:task_state")
            if answer.status >= 400 or not still or time.monotonic() > deadline:
                self.keep("GET", path, answer)
                return found
            await asyncio.sleep(FIXTURE_POLL_SECONDS)

    async def delete(self, service: str, path: str) -> None:
        """Deletes, and polls until it is gone; the answers to both are kept."""
        await self.send("DELETE", service, path)
        deadline = time.monotonic() + FLOW_TIMEOUT_SECONDS
        while (answer := await self.request("GET", service, path)).status != 404 and time.monotonic() < deadline:
            if isinstance(answer.json, dict) and "error" in str(answer.json.get("volume", {}).get("status")):
                break
            await asyncio.sleep(FIXTURE_POLL_SECONDS)
        self.keep("GET", path, answer)

    async def close(self) -> None:
        """Deletes what is left."""
        for service, path in reversed(self.resources):
            deadline = time.monotonic() + CLOSE_TIMEOUT_SECONDS
            while time.monotonic() < deadline:
                if (await self.request("DELETE", service, path)).status in {404, 405}:
                    break
                await asyncio.sleep(FIXTURE_POLL_SECONDS)

    async def request(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = data if body is None else orjson.dumps(body)
        version = self.versions.get(service, "")
        return await self.session.send(method, service, path, data=sent, version=version, headers=headers)

    def keep(self, method: str, path: str, answer: Answer) -> None:
        call = f"{method} {self._common(path)}"
        body = answer.json if answer.json is not None else _text(answer)
        self.exchanges.append(Exchange(call, answer.status, self._common(body)))
        if answer.status >= 400 and method != "GET":
            raise Refused(f"{call}: {answer.status}")

    def _common(self, value: Any) -> Any:
        """Ids that no flow has named are all ``<uuid>``."""
        normal = orjson.dumps(self.names.normal(_without_deployment(value))).decode()
        return orjson.loads(_UUID.sub("<uuid>", normal).replace("/<project>/", "/"))


def _text(answer: Answer) -> Any:
    """A body that is not JSON: octets by their digest."""
    if "text" in answer.headers.get("Content-Type", ""):
        return answer.body.decode(errors="replace")
    return {"sha256": hashlib.sha256(answer.body).hexdigest()} if answer.body else None


def _without_deployment(body: Any) -> Any:
    """What is shown of a flavor or a volume type is a deployment's own; that it is shown is not."""
    if isinstance(body, dict):
        return {
            key: (sorted(value) if isinstance(value, dict) else value and f"<{key}>")
            if key in DEPLOYMENT_OBJECTS
            else _without_deployment(value)
            for key, value in body.items()
        }
    return [_without_deployment(each) for each in body] if isinstance(body, list) else body
