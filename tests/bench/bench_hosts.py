"""A thousand compute hosts: how long they take to be there, what they cost at rest, and how servers spread over them.

    make bench-hosts [BENCH_ARGS="--hosts 1000 --workers 4 --servers 200"]

Identity, image, one compute API and several compute workers, as processes on RabbitMQ and an embedded PostgreSQL, with
the hosts shared out among the workers. Read the ratios between two runs on one machine, not the numbers.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from bench.broker import a_bus
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.db.bootstrap import bootstrap
from support import processes as support_processes
from support.cloud import JsonClient, log_in
from support.processes import Processes

REST_SECONDS = 30.0
IN_FLIGHT = 32
TINY = "m1.tiny"


class Database:
    """What ``Processes`` wants to know of one."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    def url(self, service: str) -> str:
        return self._server.dsn(service)


def shares(count: int, workers: int) -> list[list[str]]:
    """The hosts of each worker."""
    names = [f"host-{number:04}" for number in range(count)]
    return [names[part::workers] for part in range(workers)]


def memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def say(figures: dict[str, float]) -> None:
    """As soon as they are known: a run takes minutes."""
    for name, figure in figures.items():
        print(f"{name:<34} {figure:g}" if isinstance(figure, int) else f"{name:<34} {figure:.3g}", flush=True)


async def up_hosts(client: JsonClient) -> int:
    """How many hosts say that they are there."""
    answer = (await client.get("compute", "/v2.1/os-services?binary=nova-compute")).ok(200)
    return sum(service["state"] == "up" for service in answer.json["services"])


async def at_rest(database: "asyncpg.Connection[Any]", pids: list[int]) -> dict[str, float]:
    """Transactions of the database, and processor time of the workers, in a second."""
    count = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    begun, before, spent = time.monotonic(), await database.fetchval(count), sum(map(processor_seconds, pids))
    await asyncio.sleep(REST_SECONDS)
    seconds = time.monotonic() - begun
    return {
        "transactions a second": (await database.fetchval(count) - before) / seconds,
        "processors of the workers": (sum(map(processor_seconds, pids)) - spent) / seconds,
    }


async def servers(admin: JsonClient, client: JsonClient, count: int) -> dict[str, Any]:
    """Made with IN_FLIGHT under way; the seconds of each until ACTIVE, and on how many hosts they are."""
    flavors = (await client.get("compute", "/v2.1/flavors")).ok(200).json["flavors"]
    tiny = next(flavor["id"] for flavor in flavors if flavor["name"] == TINY)
    wish = {"name": "disk", "disk_format": "raw", "container_format": "bare"}
    image = (await client.post("image", "/v2/images", json=wish)).ok(201).json["id"]
    octets = {"Content-Type": "application/octet-stream"}
    (await client.put("image", f"/v2/images/{image}/file", data=b"x" * 4096, headers=octets)).ok(204)
    quota = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{client.project_id}", json=quota)).ok(200)
    at_once, taken = asyncio.Semaphore(IN_FLIGHT), list[float]()

    async def one(number: int) -> None:
        body = {"server": {"name": f"s{number}", "imageRef": image, "flavorRef": tiny, "networks": "none"}}
        async with at_once:
            begun = time.perf_counter()
            newest = {"OpenStack-API-Version": "compute 2.90"}
            answer = await client.post("compute", "/v2.1/servers", json=body, headers=newest)
            path = f"/v2.1/servers/{answer.ok(202).json['server']['id']}"
            while (status := (await client.get("compute", path)).ok(200).json["server"]["status"]) == "BUILD":
                await asyncio.sleep(0.05)
            assert status == "ACTIVE", status
            taken.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(count)))
    seconds = time.perf_counter() - begun
    listed = (await admin.get("compute", "/v2.1/servers/detail?all_tenants=1&limit=1000")).ok(200).json["servers"]
    spread = Counter(server["OS-EXT-SRV-ATTR:host"] for server in listed)
    return {
        "servers a second": count / seconds,
        "seconds of a server, median": statistics.median(taken),
        "seconds of a server, 95 of 100": sorted(taken)[int(len(taken) * 0.95)],
        "hosts with a server": len(spread),
        "most servers on a host": max(spread.values()),
    }


async def measure(wish: argparse.Namespace, bus: str, folder: Path, server: EmbeddedPostgres) -> None:
    hosts, workers = wish.hosts, wish.workers
    common = {"SWEEP_SECONDS": str(wish.sweep_seconds)}
    database: Any = Database(server)  # it is asked for URLs alone
    processes = Processes(database, bus, folder, common)
    parts = shares(hosts, workers)
    compute = [
        Processes(database, bus, folder / f"worker-{number}", {**common, "HOSTS": ",".join(part)})
        for number, part in enumerate(parts)
    ]
    try:
        for service in ("identity", "image"):
            await processes.start(service)
        await processes.start("compute", "api")
        begun = time.perf_counter()
        for worker in compute:
            (worker._folder).mkdir()
            worker.ports = processes.ports
        await asyncio.gather(*(worker.start("compute", "worker") for worker in compute))
        async with aiohttp.ClientSession() as session:
            admin = await log_in(session, processes.urls, "admin")
            client = await log_in(session, processes.urls)
            while await up_hosts(admin) < hosts:
                await asyncio.sleep(0.2)
            say({"hosts": hosts, "workers": workers, "sweep seconds": wish.sweep_seconds})
            say({"seconds until all are up": time.perf_counter() - begun})
            pids = [worker.running["compute-worker"].pid for worker in compute]
            connection = await asyncpg.connect(server.dsn())
            say(await at_rest(connection, pids))
            await connection.close()
            begun = time.perf_counter()
            listed = (await admin.get("compute", "/v2.1/os-hypervisors/detail?limit=1000")).ok(200).json
            say({"seconds of a list of the hosts": time.perf_counter() - begun})
            assert len(listed["hypervisors"]) == min(hosts, 1000)
            say({"memory of a worker, MiB": statistics.mean(map(memory_mb, pids))})
            say(await servers(admin, client, wish.servers))
            assert await up_hosts(admin) == hosts, "under load none is thought to be down"
    finally:
        for each in (*compute, processes):
            await each.close()


async def main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="stackwire-bench-") as folder, a_bus(arguments.amqp_url) as bus:
        path = Path(folder)
        path.chmod(0o755)
        server = EmbeddedPostgres(path)
        await asyncio.to_thread(server.start)
        try:
            await bootstrap(server.dsn())
            (path / "processes").mkdir()
            await measure(arguments, bus, path / "processes", server)
        finally:
            await asyncio.to_thread(server.stop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--servers", type=int, default=200)
    parser.add_argument("--sweep-seconds", type=float, default=20.0, help="STACKWIRE_SWEEP_SECONDS of all services")
    parser.add_argument("--amqp-url", help="a RabbitMQ; by default this machine's, or one started for this")
    support_processes.READY_SECONDS = 600.0  # registering hundreds of hosts takes longer than a test waits
    asyncio.run(main(parser.parse_args()))
