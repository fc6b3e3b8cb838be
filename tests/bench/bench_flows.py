"""How long servers and volumes take, from the request to the state that ends it, here and in another cloud beside it.

    make bench-compute [BENCH_ARGS="--quick --beside http://127.0.0.1:25000/v3 --beside-password demo"]
    make bench-volume

One flow after the other ends with its last notification, and in a cloud without a tracer, which is asked for the state
every 10 ms, with the answer that has it; then 16 and 64 in flight, each asked every 50 ms, as those of the recorded
cloud were, or the asking would be most of the load. ``--beside`` is the auth URL of a real OpenStack, which is
measured in the same run: read the ratios, not the numbers. A plain copy of the image's bytes stands beside the volumes.
Servers are listed that the flows before have made; of volumes there are 1,000.
"""

import argparse
import asyncio
import gc
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson

from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.compare.session import Credentials, Session, logged_in
from stackwire.testing import SubprocessCloud

POLL_SECONDS, POLL_SECONDS_OF_MANY = 0.01, 0.05
LIMIT_SECONDS = 300.0
MIB = 1024**2
VERSIONS = {"compute": "2.93", "volume": "3.70"}
IN_FLIGHT = (1, 16, 64)
LISTED = 1000
"""Volumes in a list: a page of the most that there may be in one."""
POLLED = 64
"""Servers, and volumes, in the page that a client polls."""
Flow = Callable[["Cloud"], Awaitable[float]]
"""Makes one thing, and returns the seconds that it took."""


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
            for _ in range(0, max(count - len(found), 0), IN_FLIGHT[1]):
                await asyncio.gather(*(make() for _ in range(IN_FLIGHT[1])))
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
        """The last first; what is still needed by another is asked for again."""
        for service, path in reversed(self.made):
            deadline = time.monotonic() + LIMIT_SECONDS
            while time.monotonic() < deadline:
                answer = await self.session.send("DELETE", service, path, version=VERSIONS.get(service, ""))
                if answer.status == 404:
                    break
                await asyncio.sleep(POLL_SECONDS)
        self.made.clear()


# ---- servers


async def server_from_image(cloud: Cloud) -> float:
    return (await cloud.server(imageRef=cloud.images[1]))[1]


async def server_from_volume(cloud: Cloud) -> float:
    volume, _ = await cloud.volume(imageRef=cloud.images[1])
    device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume}
    return (await cloud.server(block_device_mapping_v2=[device]))[1]


async def create_image(cloud: Cloud) -> float:
    server, _ = await cloud.server(imageRef=cloud.images[1])
    begun = time.perf_counter()
    made = await cloud.send("POST", "compute", f"/servers/{server}/action", {"createImage": {"name": "bench"}})
    cloud.made.append(("image", f"/v2/images/{made['image_id']}"))
    await cloud.until("image", f"/v2/images/{made['image_id']}", "image", "active")
    return time.perf_counter() - begun


async def rebuild(cloud: Cloud) -> float:
    server, _ = await cloud.server(imageRef=cloud.images[1])
    return await cloud.act(server, "ACTIVE", rebuild={"imageRef": cloud.images[1]})


async def resize(cloud: Cloud) -> float:
    server, _ = await cloud.server(imageRef=cloud.images[1])
    return await cloud.act(server, "VERIFY_RESIZE", resize={"flavorRef": cloud.flavors[1]})


async def delete_server(cloud: Cloud) -> float:
    server, _ = await cloud.server(imageRef=cloud.images[1])
    begun = time.perf_counter()
    await cloud.send("DELETE", "compute", f"/servers/{server}")
    await cloud.until("compute", f"/servers/{server}", "server", "gone")
    return time.perf_counter() - begun


async def list_servers(cloud: Cloud) -> float:
    return await listed(cloud, "compute", "/servers/detail")


# ---- volumes


def volume_from_image(mebibytes: int) -> Flow:
    async def flow(cloud: Cloud) -> float:
        return (await cloud.volume(imageRef=cloud.images[mebibytes]))[1]

    return flow


def of_a_volume(kind: str, root: str, **fields: Any) -> Flow:
    """A snapshot or a backup of a volume of 64 MiB."""

    async def flow(cloud: Cloud) -> float:
        volume, _ = await cloud.volume(imageRef=cloud.images[64])
        return (await cloud.make("volume", kind, root, {"volume_id": volume, **fields}, "available"))[1]

    return flow


async def clone(cloud: Cloud) -> float:
    volume, _ = await cloud.volume(imageRef=cloud.images[64])
    return (await cloud.volume(source_volid=volume))[1]


async def upload(cloud: Cloud) -> float:
    volume, _ = await cloud.volume(imageRef=cloud.images[64])
    begun = time.perf_counter()
    action = {"os-volume_upload_image": {"image_name": "bench"}}
    made = await cloud.send("POST", "volume", f"/volumes/{volume}/action", action)
    image = made["os-volume_upload_image"]["image_id"]
    cloud.made.append(("image", f"/v2/images/{image}"))
    await cloud.until("image", f"/v2/images/{image}", "image", "active")
    return time.perf_counter() - begun


async def list_volumes(cloud: Cloud) -> float:
    """Of 1,000, which are made before the first is measured."""
    await cloud.fill_volumes(LISTED)
    return await listed(cloud, "volume", "/volumes/detail")


async def listed(cloud: Cloud, service: str, path: str) -> float:
    begun = time.perf_counter()
    await cloud.send("GET", service, path)
    return time.perf_counter() - begun


# ---- what a client polls


async def polled(cloud: Cloud, requests: int) -> Mapping[str, list[float]]:
    """Seconds of each of so many requests for a server and for pages of servers and volumes, one after the other."""
    server = await cloud.fill_servers(POLLED)
    await cloud.fill_volumes(POLLED)
    paths = {
        "GET server": ("compute", f"/servers/{server}"),
        "servers/detail": ("compute", f"/servers/detail?limit={POLLED}"),
        "volumes/detail": ("volume", f"/volumes/detail?limit={POLLED}"),
    }
    gc.collect()
    gc.disable()  # of this process, which would be measured
    try:
        return {name: [await listed(cloud, *path) for _ in range(requests)] for name, path in paths.items()}
    finally:
        gc.enable()


COMPUTE: Mapping[str, Flow] = {
    "server from image": server_from_image,
    "server from volume": server_from_volume,
    "createImage": create_image,
    "rebuild": rebuild,
    "resize": resize,
    "delete": delete_server,
    "list of servers": list_servers,
}
VOLUME: Mapping[str, Flow] = {
    "volume from 64 MiB": volume_from_image(64),
    "volume from 1 GiB": volume_from_image(1024),
    "snapshot": of_a_volume("snapshots", "snapshot"),
    "clone": clone,
    "backup": of_a_volume("backups", "backup"),
    "upload to image": upload,
    "list of 1,000 volumes": list_volumes,
}
EVENTS: Mapping[str, str] = {
    "server from image": "compute.instance.create.end",
    "server from volume": "compute.instance.create.end",
    "createImage": "image.activate",
    "rebuild": "compute.instance.rebuild.end",
    "resize": "compute.instance.resize.end",
    "delete": "compute.instance.delete.end",
    "volume from 64 MiB": "volume.create.end",
    "volume from 1 GiB": "volume.create.end",
}
"""The notification that a flow ends with."""
QUOTAS = {"compute": "instances cores ram", "volume": "volumes gigabytes snapshots backups backup_gigabytes"}
IMAGES = {"compute": (1,), "volume": (64, 1024)}


async def measured(cloud: Cloud, flow: Flow, in_flight: int, total: int, event: str = "") -> tuple[list[float], float]:
    """Seconds of each, and how many were done in a second. ``event``: with which one that runs alone ends, where the
    cloud has a tracer."""
    waiting = asyncio.Semaphore(in_flight)
    is_traced = bool(cloud.trace and event and in_flight == 1)
    cloud.pause = POLL_SECONDS if in_flight == 1 and not is_traced else POLL_SECONDS_OF_MANY

    async def one() -> float:
        async with waiting:
            taken = await flow(cloud)
            return await cloud.seconds_until(event, time.time() - taken) if is_traced else taken

    begun = time.perf_counter()
    taken = await asyncio.gather(*(one() for _ in range(total)))
    return taken, total / (time.perf_counter() - begun)


async def measure(clouds: Sequence[Cloud], flows: Mapping[str, Flow], totals: Mapping[int, int]) -> None:
    for name, flow in flows.items():
        for in_flight, total in totals.items():
            medians = []
            for cloud in clouds:
                try:
                    taken, rate = await measured(cloud, flow, in_flight, total, EVENTS.get(name, ""))
                except Failed as failed:
                    print(f"{name:21} {failed}")
                    continue
                taken.sort()
                medians.append(statistics.median(taken))
                figures = f"p50 {medians[-1] * 1000:8.0f} ms   p99 {taken[int(len(taken) * 0.99)] * 1000:8.0f} ms"
                print(f"{name:21} {in_flight:3} in flight   {cloud.name:10} {figures}   {rate:7.1f} /s", flush=True)
            if len(medians) == 2:
                print(f"{name:21} {in_flight:3} in flight   ratio {medians[1] / medians[0]:6.1f}")


def copy_of(mebibytes: int) -> float:
    """A plain copy of as many bytes, with nothing kept of it."""
    with tempfile.TemporaryDirectory() as folder:
        source, goal = Path(folder, "source"), Path(folder, "goal")
        source.write_bytes(bytes(range(256)) * (mebibytes * MIB // 256))
        begun = time.perf_counter()
        shutil.copyfile(source, goal)
        return time.perf_counter() - begun


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


async def run(given: argparse.Namespace, auth_url: str, trace: str) -> None:
    totals = {1: 5, 16: 16} if given.quick else {1: 20, 16: 48, 64: 128}
    sizes = IMAGES[given.service]
    async with AsyncExitStack() as stack:
        credentials = [Credentials(auth_url, name, "secret", name) for name in ("demo", "admin")]
        clouds = [await a_cloud(stack, "stackwire", *credentials, sizes)]
        clouds[0].trace = trace
        if given.beside:
            passwords = {"demo": given.beside_password, "admin": given.beside_admin_password}
            others = [Credentials(given.beside, name, secret, name) for name, secret in passwords.items()]
            clouds.append(await a_cloud(stack, "beside", *others, sizes))
        flows = {"compute": COMPUTE, "volume": VOLUME}[given.service]
        wanted = {name: flow for name, flow in flows.items() if not given.flows or name in given.flows.split(",")}
        await measure(clouds, wanted, totals)
        if given.service == "volume":
            print(
                "".join(f"a plain copy of {size} MiB takes {copy_of(size) * 1000:.0f} ms\n" for size in sizes), end=""
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service", choices=("compute", "volume"))
    parser.add_argument("--quick", action="store_true", help="a few of each, at most 16 in flight")
    parser.add_argument("--flows", default="", help="only these, by name, separated by commas")
    parser.add_argument("--beside", default="", help="the auth URL of a cloud to measure in the same run")
    parser.add_argument("--beside-password", default="demo")
    parser.add_argument("--beside-admin-password", default="admin")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stackwire-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run as a user of its own
    cloud = SubprocessCloud(folder)
    try:
        cloud.start()
        asyncio.run(run(given, cloud.auth_url, cloud.urls["trace"]))
    finally:
        cloud.stop()
        EmbeddedPostgres(folder).remove()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
