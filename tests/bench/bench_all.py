"""Everything in one run, as ratios: beside the limits of this machine, and a real OpenStack or its recorded figures.

    make bench [BENCH_ARGS=--quick]
    BENCH_REAL=clouds.yaml:cloud make bench

The table of ``tests/bench/README.md`` is written anew, and every figure goes into ``tests/bench/figures/``. A load of
other work changes each number; it changes what stands beside it in the same run as well.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import bench_flows, bench_image
from bench.bench_image import MIB, PROCESSES, PROJECT, Target, jobs, served, speed, uploaded
from bench.bench_uploads import limits, twice, uploads
from bench.broker import a_bus
from bench.figures_page import SEVERAL, Row, keep
from bench.http_load import Figures, Make, Refused, download, load, request
from bench.image_rows import fill, image_id
from bench.measured_cloud import a_cloud
from bench.real_images import real_target
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.compare.clouds import admin_of, credentials_of
from stackwire.compare.session import Credentials
from stackwire.testing import SubprocessCloud
from support.rabbitmq import NoRabbit

HERE = Path(__file__).parent
RECORDED: Mapping[str, float] = {
    "GET image, 1 caller": 127, "GET image, 64 callers": 308, "list 25, 64 callers": 60, "filter, 64 callers": 54,
    "POST image, 64 callers": 45, "PATCH image, 64 callers": 43,
    "download 64 MiB": 555e6 / MIB, "download 512 MiB": 721e6 / MIB, "server from image": 0.90,
    "server from volume": 1.39, "createImage": 0.64, "createImage of a volume": 0.42, "rebuild": 0.73, "delete": 0.74,
    "empty volume": 0.32, "volume from 1 MiB": 1.19, "volume from 64 MiB": 1.59,
    "server from image, 16 in flight": 0.82,
    "volume from 64 MiB, 16 in flight": 0.40, "GET server": 0.049, "servers/detail": 0.168, "volumes/detail": 0.074,
    "memory after that": 2.9 * 1024,
}  # fmt: skip
"""Of OpenStack 2026.2 on two cores, as issue 16 has them: another machine's, so that they say the order alone."""
IMAGES = 1000
FLOWS = (
    "server from image", "server from volume", "createImage", "createImage of a volume", "rebuild", "delete",
    "empty volume", "volume from 1 MiB", "volume from 64 MiB",
)  # fmt: skip


async def lag(target: Target) -> tuple[float, float]:
    """How often the service's loop has been measured, and how often it was more than 10 ms late."""
    answer = (await bench_image.once(target.port, target.ask("GET", "/metrics"))).decode()
    series = 'stackwire_event_loop_lag_seconds_bucket{le="%s",service="image"} '
    found = {line[: line.rindex(" ") + 1]: line for line in answer.splitlines()[1:] if " " in line}
    every, early = (float(found[series % most].rpartition(" ")[2]) for most in ("+Inf", "0.01"))
    return every, every - early


async def requests(target: Target, several: Target, seconds: float, bare: int, beside: Target | None) -> list[Row]:
    """Ours, each with how often the loop was late while it ran; reads of a row with the bare server's beside.

    Many callers ask ``several`` too, the same service in as many processes as a real one's uwsgi has. ``beside``: the
    image service of a real OpenStack, which is asked in turns with ours.
    """
    rows = []
    others = jobs(beside, IMAGES) if beside else {}
    shared = jobs(several, IMAGES)
    asked = {"GET": "GET image", "list 25": "list 25", "filter": "filter", "POST": "POST image", "PATCH": "PATCH image"}
    for name, job in jobs(target, IMAGES).items():
        for callers in (1, 64) if name == "GET" else (64,):
            title = f"{asked[name]}, {callers} caller{'s' * (callers > 1)}"
            before = await lag(target)
            found = [_row(title, await _load(target, *job, callers, seconds))]
            after = await lag(target)
            found[0].late = (after[1] - before[1]) / max(1.0, after[0] - before[0])
            if name == "GET":
                found[0].limit = (await _load(replace(target, port=bare), _rows(IMAGES), 200, callers, seconds)).rate
            if callers > 1:
                found.append(_row(title, await _load(several, *shared[name], callers, seconds), SEVERAL))
            if beside:
                real = await _load(beside, *others[name], callers, seconds)
                for row in found:
                    row.set_real(real.rate)
            rows += found
    return rows


async def _load(target: Target, make: Make, expect: int, callers: int, seconds: float) -> Figures:
    """Those of a service that has had some requests of the kind."""
    await load(target.port, make, callers=8, seconds=seconds / 4, expect=expect, pid=target.pid)
    return await load(target.port, make, callers=callers, seconds=seconds, expect=expect, pid=target.pid)


def _rows(count: int) -> Callable[[], bytes]:
    """Requests to the bare server for one row after the other."""
    numbers = cycle(range(1, count + 1))
    return lambda: request("GET", f"/row/{image_id(next(numbers))}", {})


def _row(title: str, figures: Figures, also: str = "") -> Row:
    row = Row(title + also, figures.rate, "/s", None, RECORDED[title])
    row.p50, row.p99, row.cpu = figures.p50, figures.p99, figures.cpu
    return row


def transfers(target: Target, bare: int, data: bytes, size: int, beside: Target | None) -> list[Row]:
    """Uploads of ``data`` again and again up to ``size``, beside those to a bare server, and a download beside sendfile
    of as many bytes."""
    view, made, name = memoryview(data), list[str](), f"download {size // MIB} MiB"
    rows = uploads(target, bare + 2, view, size, 3)
    made.append(uploaded(target, view, size))
    asked = target.ask("GET", f"/v2/images/{made[-1]}/file")
    bare_file = came = 0.0
    for _ in range(8):  # in turns
        bare_file = max(bare_file, speed(size, lambda: download(bare + 1, asked, size)))
        came = max(came, speed(size, lambda: download(target.port, asked, size)))
    rows.append(Row(name, came, "MiB/s", bare_file, RECORDED[name]))
    if beside:
        rows[0].set_real(speed(size, lambda: made.append(uploaded(beside, view, size))))
        rows[1].set_real(speed(2 * size, lambda: twice(lambda: uploaded(beside, view, size))))
        asked = beside.ask("GET", f"/v2/images/{made[-1]}/file")
        rows[-1].set_real(speed(size, lambda: download(beside.port, asked, size)))
    return rows


def of_the_image_service(quick: bool, real: str) -> list[Row]:
    """``real``: a cloud to measure beside."""
    with (
        a_bus(None) as bus, served(bus, {}) as target, a_bus(None) as other, served(other, {}, PROCESSES) as several,
    ):  # fmt: skip
        return asyncio.run(_of_the_image_service(target, several, quick, real))


async def _of_the_image_service(target: Target, several: Target, quick: bool, real: str) -> list[Row]:
    data, path, rows = os.urandom(64 * MIB), target.folder / "bytes", list[Row]()
    for one in (target, several):
        await fill(one.dsn, PROJECT, 1, IMAGES)
    async with AsyncExitStack() as stack:
        beside = await stack.enter_async_context(real_target(credentials_of(real), IMAGES)) if real else None
        for times in (1,) if quick else (1, 8):
            path.write_bytes(data * times)
            with limits(target, path) as bare:
                rows += [] if rows else await requests(target, several, 1.0 if quick else 5.0, bare, beside)
                rows += await asyncio.to_thread(transfers, target, bare, data, len(data) * times, beside)
    return rows


# ---- flows


async def flows(quick: bool, auth_url: str, trace: str, real: str) -> list[Row]:
    """Medians of one after the other, and how many a second with 16 in flight; ``real``: a cloud to measure beside."""
    rows = []
    async with AsyncExitStack() as stack:
        own = [Credentials(auth_url, name, "secret", name) for name in ("demo", "admin")]
        clouds = [await a_cloud(stack, "stackwire", own[0], own[1], (1, 64))]
        clouds[0].trace = trace
        if real:
            user, admin = credentials_of(real), admin_of(real)
            clouds.append(await a_cloud(stack, "real", user, admin or user, (1, 64)))
        known = {**bench_flows.COMPUTE, **bench_flows.VOLUME}
        for name in FLOWS:
            flow = known[name]
            for in_flight in (1, 16) if name in ("server from image", "volume from 64 MiB") else (1,):
                total = (3 if quick else 10) * (1 if in_flight == 1 else 8)
                event = bench_flows.EVENTS[name]
                found = [await bench_flows.measured(cloud, flow, in_flight, total, event) for cloud in clouds]
                rows.append(_flow_row(name, in_flight, found))
        reads = [await bench_flows.polled(cloud, 200 if quick else 1000) for cloud in clouds]
        rows += [_flow_row(name, 1, [(taken[name], 0.0) for taken in reads]) for name in reads[0]]
    return rows


def _flow_row(name: str, in_flight: int, found: list[tuple[list[float], float]]) -> Row:
    title = name if in_flight == 1 else f"{name}, {in_flight} in flight"
    values = [statistics.median(taken) if in_flight == 1 else rate for taken, rate in found]
    real = values[1] if len(values) > 1 else RECORDED.get(title)
    row = Row(title, values[0], "s" if in_flight == 1 else "/s", None, real, len(values) > 1)
    if in_flight == 1:
        times = sorted(found[0][0])
        row.p50, row.p99 = 1e3 * times[len(times) // 2], 1e3 * times[int(len(times) * 0.99)]
    return row


def _resident_mib(cloud: SubprocessCloud) -> float:
    """Of the process that is all the services."""
    with urllib.request.urlopen(f"{cloud.urls['image']}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    (found,) = (line for line in lines if line.startswith("process_resident_memory_bytes "))
    return float(found.split()[1]) / MIB


def of_flows(quick: bool, real: str) -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="stackwire-bench-"))
    folder.chmod(0o755)
    # The tracer keeps a hundred MiB of stories; on RabbitMQ, where the real one was measured, it is another process.
    cloud = SubprocessCloud(folder, environment={"STACKWIRE_TRACE_KEEP_MESSAGES": "1000"})
    try:
        cloud.start()
        rows = asyncio.run(flows(quick, cloud.auth_url, cloud.urls["trace"], real))
        return [*rows, Row("memory after that", _resident_mib(cloud), "MiB", None, RECORDED["memory after that"])]
    finally:
        cloud.stop()
        EmbeddedPostgres(folder).remove()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a second of each kind of request, three of each flow")
    parser.add_argument("--parts", default="image,flows", help="some of image, flows")
    given = parser.parse_args()
    file, _, real = os.environ.get("BENCH_REAL", "").rpartition(":")
    if file:
        os.environ["OS_CLIENT_CONFIG_FILE"] = file
    begun = time.monotonic()
    try:
        rows = of_the_image_service(given.quick, real) if "image" in given.parts else []
    except (NoRabbit, Refused) as error:
        raise SystemExit(f"the image service was not measured: {error}") from error
    rows += of_flows(given.quick, real) if "flows" in given.parts else []
    print(keep(rows))
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
