"""Uploads, one and two at once, beside those to a bare server, and these beside nothing but the digests.

python tests/bench/bench_uploads.py --mib 512
"""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.bench_image import MIB, Target, hashed_beside, served, uploaded
from bench.broker import a_bus
from bench.figures_page import Row, table
from bench.http_load import processor_seconds, request, upload
from stackwire.cloud.options import free_ports

HERE = Path(__file__).parent
REAL, REAL_TWO = 120e6 / MIB, 188e6 / MIB
"""Of OpenStack 2026.2 on two cores, as issue 16 has them, of two at once 512 MiB each."""


@contextmanager
def limits(target: Target, path: Path) -> Iterator[int]:
    """The port of the bare server of rows; that of sendfile is the next, then that of uploads."""
    port = free_ports(("limits",))["limits"]
    words = [sys.executable, str(HERE / "limits.py"), target.dsn, str(port), str(path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        if b"Running" not in process.stdout.readline():
            raise SystemExit("the bare server did not start")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def uploads(target: Target, bare: int, data: memoryview, size: int, rounds: int) -> list[Row]:
    """``bare``: the port of the bare server. Medians of figures that were taken in turns."""
    head, answers = request("PUT", "/", {"Content-Length": str(size)}), list[bytes]()
    one, two, bare_one, bare_two, hashes = (list[float]() for _ in range(5))
    service, client = processor_seconds(target.pid), time.process_time()
    for _ in range(rounds):  # alone: what it takes of a processor
        one.append(_rate(size, lambda: uploaded(target, data, size)))
    used = processor_seconds(target.pid) - service, time.process_time() - client
    for _ in range(rounds):
        hashes.append(_rate(size, lambda: hashed_beside(data, size)))
        bare_one.append(_rate(size, lambda: answers.append(upload(bare, head, data, size))))
        one.append(_rate(size, lambda: uploaded(target, data, size)))
        bare_two.append(_rate(2 * size, lambda: twice(lambda: upload(bare, head, data, size))))
        two.append(_rate(2 * size, lambda: twice(lambda: uploaded(target, data, size))))
    name, per_mib = f"{size // MIB} MiB", [1e3 * seconds * MIB / size / rounds for seconds in used]
    took = answers[-1].partition(b"X-Took: ")[2].partition(b"\r\n")[0].decode()
    parts = f"ms of a processor for a MiB: service {per_mib[0]:.2f}, client {per_mib[1]:.2f}; bare: {took}"
    ours, ours_two, limit, limit_two, most = map(statistics.median, (one, two, bare_one, bare_two, hashes))
    return [
        Row(f"upload {name}", ours, "MiB/s", limit, REAL, parts=parts),
        Row(f"two uploads of {name}", ours_two, "MiB/s", limit_two, REAL_TWO),
        Row(f"bare upload {name}", limit, "MiB/s", most),
    ]


def _rate(size: int, work: Callable[[], object]) -> float:
    """MiB a second."""
    begun = time.perf_counter()
    work()
    return size / MIB / (time.perf_counter() - begun)


def twice(work: Callable[[], object]) -> None:
    """At once."""
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    data = memoryview(os.urandom(64 * MIB))
    with a_bus(None) as bus, served(bus, {}) as target:
        path = target.folder / "bytes"
        path.write_bytes(b"")
        with limits(target, path) as bare:
            rows = uploads(target, bare + 2, data, given.mib * MIB, given.rounds)
    print(table(rows, f"load {os.getloadavg()[0]:.1f}"))


if __name__ == "__main__":
    main()
