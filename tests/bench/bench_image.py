"""What the image service does a second, beside the figures of a real Glance on the same kind of machine.

The service is a process of its own (``stackwire serve image``) on an embedded PostgreSQL and on RabbitMQ, in a vhost
of its own or on one started for this. The load comes from this process, and all share the machine: read the ratios,
and ``cpu``, the service's own processor time for a request, which other work on the machine disturbs least.
``--quick``: a short run.
"""

import argparse
import asyncio
import contextlib
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.broker import a_bus
from bench.http_load import Figures, Make, download, load, once, request, status_of, upload
from bench.image_rows import KINDS, PROPERTIES, fill, image_id
from stackwire.cloud.options import free_ports
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.core.tokens import Claims, TokenSigner
from stackwire.db.bootstrap import as_role, bootstrap
from support.rabbitmq import NoRabbit

KEY = "0123456789abcdef" * 4
PROJECT = "b" * 32
NAME = "bench"
CALLERS = (1, 16, 64)
MIB = 2**20
PROCESSES = 2
"""A real one's uwsgi has as many."""
PATCH = "application/openstack-images-v2.1-json-patch"
REAL = {
    "GET": {1: 259.0, 16: 557.0, 64: 576.0},
    "list 25": {1: 49.0, 16: 101.0, 64: 110.0},
    "filter": {1: 44.0, 16: 91.0, 64: 90.0},
    "POST": {1: 48.0, 16: 99.0, 64: 99.0},
    "PATCH": {1: 53.0, 16: 100.0, 64: 103.0},
}
"""Requests a second of Glance 2026.2 by callers: uwsgi with 2 workers, tokens cached, notifications on, 2 cores."""
REAL_BYTES = {"upload": {64: 186e6 / MIB, 512: 187e6 / MIB}, "download": {64: 600e6 / MIB, 512: 634e6 / MIB}}
"""MiB a second of the same, by MiB of the image."""


@dataclass(frozen=True, slots=True)
class Target:
    """The service that is measured. ``image``: the id of each of its images, from 1 on."""

    port: int
    pid: int
    dsn: str
    folder: Path
    headers: dict[str, str]
    image: Callable[[int], str] = image_id

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        return request(method, path, {**self.headers, **headers}, body)


def token() -> str:
    now = datetime.now(UTC)
    claims = Claims(
        audit_id="bench", issued_at=now, expires_at=now + timedelta(hours=2), methods=("password",), user_id="u" * 32,
        user_name="bench", user_domain_id="default", user_domain_name="Default", project_id=PROJECT,
        project_name="bench", project_domain_id="default", project_domain_name="Default",
        roles=(("1", "member"), ("2", "reader")),
    )  # fmt: skip
    return TokenSigner(KEY).issue(claims)


@contextlib.contextmanager
def served(amqp_url: str, settings: dict[str, str], processes: int = 1) -> Iterator[Target]:
    """A service until it is no longer needed; its ``pid`` is the supervisor's where it has several processes."""
    folder = Path(tempfile.mkdtemp(prefix="stackwire-bench-"))
    folder.chmod(0o755)
    postgres, process = EmbeddedPostgres(folder), None
    port = free_ports(("image",))["image"]
    try:
        postgres.start()
        asyncio.run(bootstrap(postgres.dsn()))
        dsn = as_role(postgres.dsn(), "image")
        told = {
            "IMAGE_PORT": str(port), "DATABASE_URL": dsn, "AMQP_URL": amqp_url, "TOKEN_KEY": KEY,
            "DATA_DIR": str(folder / "image"), **settings,
        }  # fmt: skip
        environment = {**os.environ, **{f"STACKWIRE_{name}": value for name, value in told.items()}}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "stackwire.cloud", "serve", "image", "--processes", str(processes)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert process.stdout is not None
        if b"ready" not in process.stdout.readline():
            raise SystemExit(f"the image service did not start: {(folder / 'log').read_text()[-2000:]}")
        yield Target(port, process.pid, dsn, folder, {"X-Auth-Token": token(), "User-Agent": "bench"})
    finally:
        if process is not None:
            process.terminate()
            process.wait(30)
        postgres.remove()
        shutil.rmtree(folder, ignore_errors=True)


def jobs(target: Target, images: int) -> dict[str, tuple[Make, int]]:
    """What is asked, and the status it is answered with."""
    number = itertools.count()
    wish = {f"property_{at:02}": f"value {at}" for at in range(PROPERTIES)}
    create = orjson.dumps({"name": NAME, "disk_format": "raw", "container_format": "bare", **wish})
    shown = target.ask("GET", "/v2/images?limit=25")
    filtered = [target.ask("GET", f"/v2/images?limit=25&property_00=kind-{at}") for at in range(KINDS)]

    def patch() -> bytes:
        at = next(number)
        change = orjson.dumps([{"op": "replace", "path": "/property_19", "value": f"changed {at}"}])
        return target.ask("PATCH", f"/v2/images/{target.image(at % images + 1)}", change, **{"Content-Type": PATCH})

    return {
        "GET": (lambda: target.ask("GET", f"/v2/images/{target.image(next(number) % images + 1)}"), 200),
        "list 25": (lambda: shown, 200),
        "filter": (lambda: filtered[next(number) % KINDS], 200),
        "POST": (lambda: target.ask("POST", "/v2/images", create, **{"Content-Type": "application/json"}), 201),
        "PATCH": (patch, 200),
    }


HEAD = f"{'':12}{'callers':>8}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}{'p99/p50':>9}{'cpu ms':>9}{'real':>8}{'ratio':>8}"


def line(name: str, callers: int | str, found: Figures, real: float | None) -> str:
    text = f"{name:12}{callers:>8}{found.rate:9,.0f}{found.p50:9.2f}{found.p99:9.2f}{found.p99 / found.p50:9.1f}"
    return f"{text}{found.cpu:9.2f}" + (f"{real:8.0f}{found.rate / real:8.1f}" if real else "")


async def requests(target: Target, seconds: float, only: str) -> None:
    await fill(target.dsn, PROJECT, 1, 1000)
    print(f"1,000 images of {PROPERTIES} properties\n{HEAD}")
    for name, (make, expect) in jobs(target, 1000).items():
        if only not in name:
            continue
        await load(target.port, make, callers=8, seconds=seconds / 4, expect=expect, pid=target.pid)  # warm
        for callers in CALLERS:
            found = await load(target.port, make, callers=callers, seconds=seconds, expect=expect, pid=target.pid)
            print(line(name, callers, found, REAL[name][callers]), flush=True)


def speed(size: int, work: Callable[[], object]) -> float:
    """MiB a second, the better of two."""
    took = []
    for _ in range(2):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return size / MIB / min(took)


def hashed(data: memoryview, size: int, *names: str) -> None:
    """In the chunks a service would use, all in one thread."""
    made = [hashlib.new(name, usedforsecurity=False) for name in names]
    for at in range(0, size, MIB):
        for one in made:
            one.update(data[at % len(data) : at % len(data) + MIB])


def hashed_beside(data: memoryview, size: int) -> None:
    threads = [threading.Thread(target=hashed, args=(data, size, name)) for name in ("md5", "sha512")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def copied(source: Path, to: Path, *, sync: bool) -> None:
    shutil.copyfile(source, to)
    if sync:
        with to.open("rb") as file:
            os.fsync(file.fileno())
    to.unlink()


def transfers(target: Target, sizes: tuple[int, ...]) -> None:
    data = memoryview(os.urandom(64 * MIB))
    titles = f"{'ours':>8}{'real':>8}{'ratio':>8}{'md5+sha512':>14}{'in 2 threads':>14}{'copy':>8}{'+ fsync':>9}"
    print(f"\nMiB/s{'':15}{titles}")
    for mib in sizes:
        transfer(target, data, mib)


def transfer(target: Target, data: memoryview, mib: int) -> None:
    """In and out, beside what the machine can do with as many bytes."""
    size, spare = mib * MIB, target.folder / "copy"
    one = speed(size, lambda: hashed(data, size, "md5", "sha512"))
    two = speed(size, lambda: hashed_beside(data, size))
    made: list[str] = []
    sent = speed(size, lambda: made.append(uploaded(target, data, size)))
    stored = max((target.folder / "image" / "images").iterdir(), key=lambda path: path.stat().st_mtime)
    cached = speed(size, lambda: copied(stored, spare, sync=False))
    synced = speed(size, lambda: copied(stored, spare, sync=True))
    asked = target.ask("GET", f"/v2/images/{made[-1]}/file")
    came = speed(size, lambda: download(target.port, asked, size))
    for name, ours in (("upload", sent), ("download", came)):
        real = REAL_BYTES[name].get(mib, REAL_BYTES[name][64])
        limits = f"{one:14.0f}{two:14.0f}" if name == "upload" else f"{'':28}"
        print(
            f"{name:12}{mib:4} MiB{ours:8.0f}{real:8.0f}{ours / real:8.1f}{limits}{cached:8.0f}{synced:9.0f}",
            flush=True,
        )


def uploaded(target: Target, data: memoryview, size: int) -> str:
    """Answers the new image's id."""
    wish = orjson.dumps({"name": NAME, "disk_format": "raw", "container_format": "bare"})
    answer = asyncio.run(
        once(target.port, target.ask("POST", "/v2/images", wish, **{"Content-Type": "application/json"}))
    )
    if status_of(answer) != 201:
        raise SystemExit(answer.decode(errors="replace"))
    made = str(orjson.loads(answer.partition(b"\r\n\r\n")[2])["id"])
    told = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    upload(target.port, target.ask("PUT", f"/v2/images/{made}/file", **told), data, size)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a second each, 64 MiB")
    parser.add_argument("--seconds", type=float, help="of each figure")
    parser.add_argument("--parts", default="requests,transfers", help="some of requests, transfers")
    parser.add_argument("--only", default="", help="only requests whose name has this in it")
    parser.add_argument("--amqp-url", help="a broker to use: amqp://...")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the service")
    wish = parser.parse_args()
    seconds = wish.seconds or (1.0 if wish.quick else 5.0)
    try:
        with a_bus(wish.amqp_url) as bus, served(bus, dict(part.split("=", 1) for part in wish.set)) as target:
            print(f"bus: {bus.split('@')[-1]}")
            run(target, wish, seconds)
    except NoRabbit as error:
        raise SystemExit(f"a service of its own needs a broker, and there is none: {error}") from error


def run(target: Target, wish: argparse.Namespace, seconds: float) -> None:
    if "requests" in wish.parts:
        asyncio.run(requests(target, seconds, wish.only))
    if "transfers" in wish.parts:
        transfers(target, (64,) if wish.quick else (64, 512))


if __name__ == "__main__":
    main()
