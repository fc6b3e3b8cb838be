"""What grows with the rows: reads, lists, filters, boots and a start, at 1,000 to a million of everything.

    make bench-growth [BENCH_ARGS="--most 1000000"]

One embedded cloud. Images come with 20 properties each; of servers and volumes there are as many, up to
``--most-servers``, each a copy of one that the API made, a hundred on each host, in one project with all others: the
worst case for whatever counts. The tables are as PostgreSQL's own autovacuum and checkpoints would leave them. Medians
of one request after the other, in ms, and how many times the first size's.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from bench.bench_flows import server_from_image
from bench.image_rows import fill, image_id
from bench.measured_cloud import Cloud, a_cloud
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.compare.session import Credentials
from stackwire.testing import SubprocessCloud

SIZES = (1_000, 10_000, 100_000, 1_000_000)
FLOWS = 15
PER_HOST = 100
HOST = f"'host-' || n / {PER_HOST}"
"""Of a copy of a server, in SQL."""
COPY = "format('00000000-0000-4000-9000-%s', lpad(to_hex(n), 12, '0'))"
"""The id of a copy, in SQL."""
COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema || '.' || table_name = $1 AND is_generated = 'NEVER'
      AND identity_generation IS DISTINCT FROM 'ALWAYS' ORDER BY ordinal_position"""
OF_A_SERVER = (
    "instance_extra",
    "instance_metadata",
    "instance_system_metadata",
    "block_device_mapping",
    "instance_actions",
    "allocations",
)
SUMS = """
    DELETE FROM compute.allocation_sums;
    INSERT INTO compute.allocation_sums (host, vcpus, memory_mb, disk_gb, servers)
        SELECT host, sum(vcpus), sum(memory_mb), sum(disk_gb), count(*) FROM compute.allocations GROUP BY host"""
"""As the service keeps them."""
BOUNDED = ("compute.outbox", "volume.outbox", "image.outbox", "image.tasks")


def copy_id(number: int) -> str:
    return f"00000000-0000-4000-9000-{number:012x}"


async def copy(
    connection: asyncpg.Connection,
    table: str,
    column: str,
    source: str,
    numbers: tuple[int, int],
    new: Mapping[str, str],
) -> None:
    """The rows whose ``column`` is ``source``, for each number once more; ``new``: what differs, in SQL."""
    columns = [row["column_name"] for row in await connection.fetch(COLUMNS, table)]
    values = ", ".join(new.get(name, f't."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    await connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS t, generate_series($2::int, $3::int) AS n"
        f" WHERE t.{column} = $1 ORDER BY n",
        source,
        *numbers,
    )


async def copy_server(connection: asyncpg.Connection, server: str, first: int, last: int) -> None:
    numbers = (first, last)
    new = {
        "id": "t.id + 1000000 + n", "uuid": COPY, "display_name": "'copy ' || n", "hostname": "'copy-' || n",
        "created_at": "t.created_at - n * interval '1 s'", "host": HOST, "node": HOST,
    }  # fmt: skip
    await copy(connection, "compute.instances", "uuid", server, numbers, new)
    for table in OF_A_SERVER:
        new = {"instance_uuid": COPY, "consumer": COPY, "uuid": "gen_random_uuid()::text", "host": HOST}
        await copy(connection, f"compute.{table}", "instance_uuid", server, numbers, new)


async def copy_host(connection: asyncpg.Connection, host: str, first: int, last: int) -> None:
    """Hosts for those servers: up, and with no room for another one."""
    name, numbers = "'host-' || n", (first // PER_HOST + (first > 1), last // PER_HOST)
    new = {
        "uuid": "gen_random_uuid()::text", "host": name, "hypervisor_hostname": name, "memory_mb": "1",
        "updated_at": "now() + interval '1 day'", "process": "'another'",
    }  # fmt: skip
    for table in ("compute_nodes", "services"):
        await copy(connection, f"compute.{table}", "host", host, numbers, new)


async def copy_volume(connection: asyncpg.Connection, volume: str, first: int, last: int) -> None:
    numbers = (first, last)
    new = {"id": COPY, "name": "'copy ' || n", "created_at": "t.created_at - n * interval '1 s'"}
    await copy(connection, "volume.volumes", "id", volume, numbers, new)
    await copy(connection, "volume.volume_glance_metadata", "volume_id", volume, numbers, {"volume_id": COPY})


def reads(images: int, others: int) -> Mapping[str, tuple[str, str]]:
    """Name to service and path."""
    return {
        "GET image": ("image", f"/v2/images/{image_id(images // 2)}"),
        "list 25 images": ("image", "/v2/images?limit=25"),
        "images by a property": ("image", "/v2/images?limit=25&property_00=kind-7"),
        "images by name": ("image", f"/v2/images?name=image%20{images // 2}"),
        "GET server": ("compute", f"/servers/{copy_id(others // 2)}"),
        "list 25 servers": ("compute", "/servers/detail?limit=25"),
        "servers by status": ("compute", "/servers/detail?limit=25&status=ACTIVE"),
        "servers by name": ("compute", f"/servers/detail?name=^copy%20{others // 2}$"),
        "GET volume": ("volume", f"/volumes/{copy_id(others // 2)}"),
        "list 25 volumes": ("volume", "/volumes/detail?limit=25"),
        "volumes by status": ("volume", "/volumes/detail?limit=25&status=available"),
        "volumes by name": ("volume", f"/volumes/detail?name=copy%20{others // 2}"),
    }


async def asked(cloud: Cloud, service: str, path: str, requests: int) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(requests):
        begun = time.perf_counter()
        await cloud.send("GET", service, path)
        taken.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(taken)


async def figures(cloud: Cloud, images: int, others: int, requests: int) -> dict[str, float]:
    found = {name: await asked(cloud, *path, requests) for name, path in reads(images, others).items()}
    found["server from image"] = 1e3 * statistics.median([await server_from_image(cloud) for _ in range(FLOWS)])
    volumes = [(await cloud.volume(imageRef=cloud.images[1]))[1] for _ in range(FLOWS)]
    found["volume from image"] = 1e3 * statistics.median(volumes)
    return found


def say(size: int, found: Mapping[str, float], first: Mapping[str, float], rows: Mapping[str, int]) -> None:
    print(f"\n{size:,}")
    for name, value in found.items():
        print(f"  {name:22}{value:10.2f} ms {value / first[name]:7.2f}")
    print("  " + ", ".join(f"{table} {count} rows" for table, count in rows.items()), flush=True)


class Growth:
    """The cloud under measurement, and what was made in it."""

    def __init__(self, folder: Path) -> None:
        self.cloud = SubprocessCloud(folder, environment={"STACKWIRE_TRACE_KEEP_MESSAGES": "1000"})
        self._postgres = EmbeddedPostgres(folder)
        self._templates: tuple[str, str] = ("", "")
        self._had = (0, 0)

    def restart(self) -> float:
        """Milliseconds until the cloud is ready on what there is."""
        self.cloud.stop()
        begun = time.perf_counter()
        self.cloud.start()
        return 1e3 * (time.perf_counter() - begun)

    def end(self) -> None:
        self.cloud.stop()
        self._postgres.remove()

    async def measure(self, images: int, others: int, requests: int) -> tuple[dict[str, float], dict[str, int]]:
        connection = await asyncpg.connect(self._postgres.dsn())
        try:
            async with AsyncExitStack() as stack:
                own = [Credentials(self.cloud.auth_url, name, "secret", name) for name in ("demo", "admin")]
                cloud = await a_cloud(stack, "stackwire", *own, (1,))
                await self._grow(connection, cloud, images, others)
                found = await figures(cloud, images, others, requests)
                rows = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in BOUNDED}
                return found, rows
        finally:
            await connection.close()

    async def _grow(self, connection: asyncpg.Connection, cloud: Cloud, images: int, others: int) -> None:
        if not self._templates[0]:
            server, _ = await cloud.server(imageRef=cloud.images[1])
            volume, _ = await cloud.volume(imageRef=cloud.images[1])
            self._templates = (server, volume)
            cloud.made = [(service, path) for service, path in cloud.made if server not in path and volume not in path]
        if images > self._had[0]:
            await fill(self._postgres.dsn(), cloud.session.project_id, self._had[0] + 1, images)
        if others > self._had[1]:
            await copy_server(connection, self._templates[0], self._had[1] + 1, others)
            await connection.execute(SUMS)
            await copy_host(connection, "compute-1", self._had[1] + 1, others)
            await copy_volume(connection, self._templates[1], self._had[1] + 1, others)
        self._had = (images, others)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=100_000, help="images; a million take some minutes and 8 GB")
    parser.add_argument("--most-servers", type=int, default=100_000, help="servers, and volumes")
    parser.add_argument("--requests", type=int, default=100, help="of each kind")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stackwire-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run as a user of its own
    growth = Growth(folder)
    first: dict[str, float] = {}
    try:
        growth.cloud.start()
        for size in (size for size in SIZES if size <= given.most):
            found, rows = asyncio.run(growth.measure(size, min(size, given.most_servers), given.requests))
            found["start"] = growth.restart()
            first = first or found
            say(size, found, first, rows)
    finally:
        growth.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
