"""What tracing costs: servers booted from new volumes a second, untraced, under the bare firehose, and traced.

One cloud in one process, as ``stackwire up`` runs it, on the in-process bus and on a RabbitMQ of its own. ``firehose``
has RabbitMQ's firehose on and somebody who takes the copies and throws them away: what is lost beyond that is the
tracer's own. Passes alternate and the best of each counts: read the ratios, not the numbers.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aio_pika

sys.path.insert(0, str(Path(__file__).parents[1]))

from stackwire.cloud import demo_cloud
from stackwire.cloud.client import Client, logged_in
from stackwire.cloud.cloud import Cloud
from stackwire.cloud.options import ORDER, Options, free_ports
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.db.bootstrap import SERVICES, bootstrap, create_database
from stackwire.runtime.main import run
from support.rabbitmq import NoRabbit, TestRabbit, start_broker

SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
PASSES = int(os.environ.get("BENCH_PASSES", "3"))
CALLERS = 4


class Bench:
    """One cloud and a user of it; ``booted`` counts what he has booted."""

    def __init__(self, client: Client, image: str, flavor: str) -> None:
        self._client = client
        self._flavor = flavor
        self._device = {
            "boot_index": 0, "source_type": "image", "destination_type": "volume", "uuid": image, "volume_size": 1,
            "delete_on_termination": True,
        }  # fmt: skip

    @classmethod
    async def made(cls, client: Client) -> "Bench":
        wish = {"name": "disk", "disk_format": "raw", "container_format": "bare", "hw_disk_bus": "scsi"}
        image = (await client.request("POST", "image", "/v2/images", wish))["id"]
        octets = {"Content-Type": "application/octet-stream"}
        await client.try_request("PUT", "image", f"/v2/images/{image}/file", data=b"disk" * 1024, headers=octets)
        flavors = (await client.request("GET", "compute", "/v2.1/flavors"))["flavors"]
        return cls(client, image, next(one["id"] for one in flavors if one["name"] == "m1.tiny"))

    async def rate(self) -> float:
        """Servers from request to ACTIVE and away again, a second."""
        done, until = 0, time.perf_counter() + SECONDS

        async def caller() -> None:
            nonlocal done
            while time.perf_counter() < until:
                await self.boot()
                done += 1

        begun = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return done / (time.perf_counter() - begun)

    async def boot(self) -> None:
        server = {"name": "s", "flavorRef": self._flavor, "networks": "none", "block_device_mapping_v2": [self._device]}
        made = await self._client.request("POST", "compute", "/v2.1/servers", {"server": server})
        path = f"/v2.1/servers/{made['server']['id']}"
        await self._client.until("compute", path, "server", "ACTIVE", "ERROR")
        await self._client.request("DELETE", "compute", path)


@contextlib.asynccontextmanager
async def cloud(server: EmbeddedPostgres, folder: Path, name: str, amqp: str, *, traced: bool) -> AsyncIterator[Bench]:
    ports = free_ports((*ORDER, "trace"))
    tracer = ports.pop("trace")
    options = Options(
        data_dir=folder / name, ports=ports, amqp_url=amqp, trace_port=tracer if traced else None, release="current"
    )
    await create_database(server.dsn(), name)
    await bootstrap(server.dsn(database=name))
    made = Cloud(options, database_urls={one: server.dsn(one, name) for one in SERVICES}, token_key="k" * 64)
    await made.start(options.services)
    try:
        async with logged_in(made.urls) as client:
            yield await Bench.made(client)
            await made.settle(60)
    finally:
        await made.stop()


@contextlib.asynccontextmanager
async def taken(url: str) -> AsyncIterator[None]:
    """Every copy the firehose makes, thrown away."""
    connection = await aio_pika.connect(url)
    channel = await connection.channel()
    queue = await channel.declare_queue("", exclusive=True)
    for key in ("publish.#", "deliver.#"):
        await queue.bind("amq.rabbitmq.trace", key)

    async def forget(message: Any) -> None:
        pass

    await queue.consume(forget, no_ack=True)
    yield
    await connection.close()


def vhost(broker: TestRabbit, name: str, *, firehose: bool) -> str:
    assert broker.control is not None
    broker.control("add_vhost", name)
    broker.control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
    if firehose:
        broker.control("trace_on", "-p", name)
    return broker.url.rpartition("/")[0] + f"/{name}"


async def compare(clouds: Mapping[str, Callable[[str], AbstractAsyncContextManager[Bench]]]) -> dict[str, float]:
    """A new cloud for each pass: one at a time, so that they take nothing from each other."""
    best = dict.fromkeys(clouds, 0.0)
    for number in range(PASSES):
        for name, made in clouds.items():
            async with made(f"{name}_{number}") as bench:
                best[name] = max(best[name], await bench.rate())
    return best


def shown(bus: str, told: Mapping[str, float], of: str, goal: str = "") -> None:
    rates = "   ".join(f"{name} {value:6.2f}/s" for name, value in told.items())
    print(f"{bus:12} {rates}   traced/{of} {told['traced'] / told[of]:.2f}{goal}", flush=True)


async def measure(broker: TestRabbit | None) -> None:
    async with demo_cloud.workplace() as folder, demo_cloud.postgres(folder) as server:

        def on(url: str, *, traced: bool = False) -> Callable[[str], AbstractAsyncContextManager[Bench]]:
            bus = url.rpartition("/")[2]
            return lambda name: cloud(server, folder, f"{bus}_{name}", url, traced=traced)

        memory = {"untraced": on("memory"), "traced": on("memory", traced=True)}
        shown("in process", await compare(memory), "untraced")
        if broker is None:
            return
        urls = {name: vhost(broker, name, firehose=name != "quiet") for name in ("quiet", "bare", "watched")}
        async with taken(urls["bare"]):
            told = await compare(
                {
                    "untraced": on(urls["quiet"]),
                    "firehose": on(urls["bare"]),
                    "traced": on(urls["watched"], traced=True),
                }
            )
        shown("rabbitmq", told, "firehose", " (the goal is 0.90 and up)")


def main() -> None:
    broker, stop = None, None
    try:
        broker, stop = start_broker()
    except (NoRabbit, OSError) as missing:
        print(f"no RabbitMQ ({missing}): the in-process bus alone")
    try:
        run(lambda: measure(broker))
    finally:
        if stop is not None:
            stop()


if __name__ == "__main__":
    main()
