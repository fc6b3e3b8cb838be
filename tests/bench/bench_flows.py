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
from pathlib import Path
from typing import Any

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.measured_cloud import MIB, POLL_SECONDS, Cloud, Failed, a_cloud
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.compare.session import Credentials
from stackwire.testing import SubprocessCloud

POLL_SECONDS_OF_MANY = 0.05
LISTED = 1000
"""Volumes in a list: a page of the most that there may be in one."""
POLLED = 64
"""Servers, and volumes, in the page that a client polls."""
Flow = Callable[[Cloud], Awaitable[float]]
"""Makes one thing, and returns the seconds that it took."""


# ---- servers


async def server_from_image(cloud: Cloud) -> float:
    return (await cloud.server(imageRef=cloud.images[1]))[1]


async def server_on_a_volume(cloud: Cloud) -> tuple[str, float]:
    volume, _ = await cloud.volume(imageRef=cloud.images[1])
    device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume}
    return await cloud.server(block_device_mapping_v2=[device])


async def server_from_volume(cloud: Cloud) -> float:
    return (await server_on_a_volume(cloud))[1]


async def create_image(cloud: Cloud) -> float:
    return await image_of(cloud, (await cloud.server(imageRef=cloud.images[1]))[0])


async def create_image_of_a_volume(cloud: Cloud) -> float:
    taken = await image_of(cloud, (await server_on_a_volume(cloud))[0])
    image = await cloud.send("GET", "image", cloud.made[-1][1])
    snapshot = orjson.loads(image["block_device_mapping"])[0]["snapshot_id"]
    cloud.made.append(("volume", f"/snapshots/{snapshot}"))
    return taken


async def image_of(cloud: Cloud, server: str) -> float:
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


async def empty_volume(cloud: Cloud) -> float:
    return (await cloud.volume())[1]


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
    "createImage of a volume": create_image_of_a_volume,
    "rebuild": rebuild,
    "resize": resize,
    "delete": delete_server,
    "list of servers": list_servers,
}
VOLUME: Mapping[str, Flow] = {
    "empty volume": empty_volume,
    "volume from 1 MiB": volume_from_image(1),
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
    "createImage of a volume": "image.activate",
    "rebuild": "compute.instance.rebuild.end",
    "resize": "compute.instance.resize.end",
    "delete": "compute.instance.delete.end",
    "empty volume": "volume.create.end",
    "volume from 1 MiB": "volume.create.end",
    "volume from 64 MiB": "volume.create.end",
    "volume from 1 GiB": "volume.create.end",
}
"""The notification that a flow ends with."""
IMAGES = {"compute": (1,), "volume": (1, 64, 1024)}


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
