"""A cloud whose flows are measured: requests, looks at states, and what is to be deleted in the end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.request import urlopen

import orjson

from stackwire.compare.session import Credentials, Session, logged_in

POLL_SECONDS = 0.01
LIMIT_SECONDS = 300.0
AT_ONCE = 16
"""Requests of what is filled and deleted."""
MIB = 1024**2
VERSIONS = {"compute": "2.93", "volume": "3.70"}
QUOTAS = {"compute": "instances cores ram", "volume": "volumes gigabytes snapshots backups backup_gigabytes"}


class Failed(Exception):
    """A flow did not end as it should."""


@dataclass
class Cloud:
    """One that is measured. ``images``: MiB to the id of an image of that size; ``made``: what is to be deleted;
    ``pause``: between two looks at a state; ``trace``: the root of its tracer, which knows when the last
    notification of a flow was published; without one the last look tells its end."""

    name: str
    session: Session
    flavors: list[str]
    images: dict[int, str] = field(default_factory=dict)
    made: list[tuple[str, str]] = field(default_factory=list)
    filling: asyncio.Lock = field(default_factory=asyncio.Lock)
    pause: float = POLL_SECONDS
    trace: str = ""

    async def send(self, method: str, service: str, path: str, body: Any = None) -> Any:
        data = None if body is None else orjson.dumps(body)
        answer = await self.session.send(method, service, path, data=data, version=VERSIONS.get(service, ""))
        if answer.status >= 400:
            raise Failed(f"{self.name}: {method} {path}: {answer.status} {answer.json}")
        return answer.json

    async def seconds_until(self, event: str, begun: float) -> float:
        """From ``begun``, in seconds since the epoch, until a notification of that type was published."""
        while True:
            with urlopen(f"{self.trace}/messages?event={event}&deliveries=false&payload=false&limit=1") as answer:
                last = orjson.loads(answer.read())["messages"]
            if last and last[0]["time"] > begun:
                return float(last[0]["time"]) - begun
            await asyncio.sleep(self.pause)

    async def until(self, service: str, path: str, root: str, goal: str) -> None:
        """``goal``: a status, with nothing under way; "gone" for 404."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            answer = await self.session.send("GET", service, path, version=VERSIONS.get(service, ""))
            found = (answer.json or {}).get(root, answer.json or {})
            if answer.status == 404 and goal == "gone":
                return
            if found.get("status") == goal and not found.get("OS-EXT-STS:task_state"):
                return
            if str(found.get("status")).lower() == "error" and goal.lower() != "error":
                raise Failed(f"{self.name}: {path} is in error: {found.get('fault')}")
            await asyncio.sleep(self.pause)
        raise Failed(f"{self.name}: {path} is not {goal}")

    async def make(self, service: str, kind: str, root: str, body: Mapping[str, Any], goal: str) -> tuple[str, float]:
        """The id and the seconds until it is in its goal."""
        begun = time.perf_counter()
        made = (await self.send("POST", service, f"/{kind}", {root: body}))[root]["id"]
        self.made.append((service, f"/{kind}/{made}"))
        await self.until(service, f"/{kind}/{made}", root, goal)
        return made, time.perf_counter() - begun

    async def server(self, **fields: Any) -> tuple[str, float]:
        body = {"name": "bench", "flavorRef": self.flavors[0], "networks": "none", **fields}
        return await self.make("compute", "servers", "server", body, "ACTIVE")

    async def volume(self, **fields: Any) -> tuple[str, float]:
        return await self.make("volume", "volumes", "volume", {"size": 1, **fields}, "available")

    async def fill(self, service: str, kind: str, count: int, make: Callable[[], Awaitable[object]]) -> str:
        """As many as that, new ones beside those there are; once, whoever asks first. The id of one of them."""
        async with self.filling:
            found = (await self.send("GET", service, f"/{kind}"))[kind]
            for _ in range(0, max(count - len(found), 0), AT_ONCE):
                await asyncio.gather(*(make() for _ in range(AT_ONCE)))
            return str((await self.send("GET", service, f"/{kind}?limit=1"))[kind][0]["id"])

    async def fill_servers(self, count: int) -> str:
        return await self.fill("compute", "servers", count, lambda: self.server(imageRef=self.images[1]))

    async def fill_volumes(self, count: int) -> str:
        return await self.fill("volume", "volumes", count, self.volume)

    async def act(self, server: str, goal: str, **action: Any) -> float:
        begun = time.perf_counter()
        await self.send("POST", "compute", f"/servers/{server}/action", action)
        await self.until("compute", f"/servers/{server}", "server", goal)
        return time.perf_counter() - begun

    async def image(self, mebibytes: int) -> None:
        body = {"name": f"bench {mebibytes}", "disk_format": "raw", "container_format": "bare"}
        made = (await self.send("POST", "image", "/v2/images", body))["id"]
        self.made.append(("image", f"/v2/images/{made}"))
        data = bytes(range(256)) * (mebibytes * MIB // 256)
        headers = {"Content-Type": "application/octet-stream"}
        await self.session.send("PUT", "image", f"/v2/images/{made}/file", data=data, headers=headers)
        await self.until("image", f"/v2/images/{made}", "image", "active")
        self.images[mebibytes] = made

    async def clean(self) -> None:
        """The last first; what is still needed by another is asked for again, more and more seldom."""
        waiting = asyncio.Semaphore(AT_ONCE)

        async def delete(service: str, path: str) -> None:
            pause, deadline = POLL_SECONDS, time.monotonic() + LIMIT_SECONDS
            async with waiting:
                while time.monotonic() < deadline:
                    answer = await self.session.send("DELETE", service, path, version=VERSIONS.get(service, ""))
                    if answer.status == 404:
                        break
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, 1.0)

        await asyncio.gather(*(delete(*one) for one in reversed(self.made)))
        self.made.clear()


async def a_cloud(
    stack: AsyncExitStack, name: str, user: Credentials, admin: Credentials, sizes: Sequence[int]
) -> Cloud:
    """Logged in, without quotas, with two flavors and the images."""
    session = await stack.enter_async_context(logged_in(user))
    administrator = Cloud(name, await stack.enter_async_context(logged_in(admin)), [])
    for service, names in QUOTAS.items():
        quotas = {"quota_set": dict.fromkeys(names.split(), -1)}
        await administrator.send("PUT", service, f"/os-quota-sets/{session.project_id}", quotas)
    cloud = Cloud(name, session, [])
    for number in (1, 2):
        flavor = {"name": f"bench-{time.time_ns()}", "ram": 64 * number, "vcpus": 1, "disk": 1}
        made = (await administrator.send("POST", "compute", "/flavors", {"flavor": flavor}))["flavor"]["id"]
        administrator.made.append(("compute", f"/flavors/{made}"))
        cloud.flavors.append(made)
    stack.push_async_callback(administrator.clean)
    stack.push_async_callback(cloud.clean)
    for size in sizes:
        await cloud.image(size)
    return cloud
