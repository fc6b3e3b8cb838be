"""Two commits beside each other: processor time of the image service and of its database for a request, in turns, the
better of each.

    make bench-compare A=origin/main B=HEAD

Processor time, and in turns, because other work on the machine disturbs that least: read the last column.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[2]
MEASURE = """
import asyncio, sys
sys.path.insert(0, sys.argv[1] + "/tests")
from bench import bench_image as bench
from bench.broker import a_bus
from bench.http_load import load, processor_seconds
from stackwire.cloud.postgres import EmbeddedPostgres
import orjson

async def all_of(target):
    found, database, seconds = {}, EmbeddedPostgres(target.folder).pid, float(sys.argv[2])
    await bench.fill(target.dsn, bench.PROJECT, 1, 1000)
    for name, (make, expect) in bench.jobs(target, 1000).items():
        await load(target.port, make, callers=8, seconds=1, expect=expect, pid=target.pid)
        before = processor_seconds(database)
        figures = await load(target.port, make, callers=16, seconds=seconds, expect=expect, pid=target.pid)
        found[name] = figures.cpu
        found[name + ", database"] = 1e3 * (processor_seconds(database) - before) / (figures.rate * seconds)
    return found

with a_bus(None) as bus, bench.served(bus, {}) as target:
    print("FIGURES", orjson.dumps(asyncio.run(all_of(target))).decode())
"""


def checked_out(commit: str, folder: Path) -> Path:
    """A tree of the commit, without a history."""
    folder.mkdir()
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=True)
    subprocess.run(["tar", "x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


def measured(tree: Path, seconds: float) -> dict[str, float]:
    environment = {**os.environ, "PYTHONPATH": f"{tree}/services:{tree}/shared"}
    words = [sys.executable, "-c", MEASURE, str(tree), str(seconds)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if "FIGURES" not in done.stdout:
        raise SystemExit(done.stderr[-2000:])
    found: dict[str, float] = orjson.loads(done.stdout.partition("FIGURES ")[2])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commits", nargs=2, metavar="COMMIT")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each figure")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stackwire-compare-") as name:
        trees = [checked_out(commit, Path(name, f"tree{at}")) for at, commit in enumerate(given.commits)]
        best: list[dict[str, float]] = [{}, {}]
        for _ in range(given.passes):
            for own, tree in zip(best, trees, strict=True):
                for what, cpu in measured(tree, given.seconds).items():
                    own[what] = min(cpu, own.get(what, cpu))
    print(f"{'CPU ms a request':22}" + "".join(f"{commit:>16}" for commit in given.commits) + f"{'ratio':>8}")
    for what, first in best[0].items():
        print(f"{what:22}{first:16.3f}{best[1][what]:16.3f}{first / best[1][what]:8.2f}")


if __name__ == "__main__":
    main()
