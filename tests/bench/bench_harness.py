"""The test harness: how long until the first test runs, and how long a reset takes. Printed, never asserted.

    make bench-harness

Each figure is of runs of pytest as a user starts them, in a folder of their own, with the plugins that come with
``stackwire[pytest,sdk]`` and pytest-xdist: those of our own tests (schemathesis, hypothesis) take a second to import.
The first run of a machine makes the cluster that all others copy; it is a figure of its own, in a cache of its own.
What a reset undoes is made by the test before it: an image with data, a volume of it, and a server.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS, RESETS = 3, 10
PLUGINS = ("-p", "stackwire.testing.plugin", "-p", "xdist", "-p", "no:cacheprovider")
SUITE = """
import json, os, time

def note(**facts):
    with open(os.environ["NOTES"], "a") as notes:
        print(json.dumps(facts), file=notes)

def test_first(os_conn):
    note(started_at=time.time())
    assert os_conn.current_project.name == "demo"

def test_resets(stackwire):
    for _ in range(int(os.environ["RESETS"])):
        conn = stackwire.connection()
        image = conn.image.create_image("i", data=b"x" * 65536, disk_format="raw", container_format="bare")
        conn.block_storage.create_volume(size=1, image_id=image.id, name="v")
        flavor = conn.compute.find_flavor("m1.tiny").id
        conn.compute.create_server(name="s", image_id=image.id, flavor_id=flavor, networks="none")
        stackwire.settle()
        conn.close()
        began = time.perf_counter()
        stackwire.reset()
        note(reset=time.perf_counter() - began)

def test_resets_of_nothing(stackwire):
    for _ in range(int(os.environ["RESETS"])):
        began = time.perf_counter()
        stackwire.reset()
        note(empty_reset=time.perf_counter() - began)

def test_a_busy_cloud(stackwire):
    began = time.perf_counter()
    created = stackwire.admin.request("POST", "/seed/preset", {"name": "busy"}, timeout=600)["created"]
    note(busy=time.perf_counter() - began)
    assert min(created[kind] for kind in ("image", "volume", "server")) == 10_000
    began = time.perf_counter()
    stackwire.reset()
    note(busy_reset=time.perf_counter() - began)
"""


def run(folder: Path, *options: str, only: str = "", **more: str) -> tuple[float, list[dict[str, float]]]:
    """When pytest was started, and what the tests noted."""
    notes = folder / "notes"
    notes.unlink(missing_ok=True)
    path = f"{ROOT / 'services'}:{ROOT / 'shared'}"
    environment = {
        **os.environ,
        "NOTES": str(notes),
        "RESETS": str(RESETS),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": path,
        **more,
    }
    began = time.time()
    command = [sys.executable, "-m", "pytest", "-q", *PLUGINS, "-W", "ignore", *options]
    done = subprocess.run(
        [*command, f"test_suite.py{only}"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return began, [json.loads(line) for line in notes.read_text().splitlines()]


def figures(values: list[float], unit: str, factor: float = 1.0) -> str:
    """The middle one and the ends."""
    scaled = sorted(value * factor for value in values)
    return f"{statistics.median(scaled):8.2f} {unit}   ({scaled[0]:.2f} to {scaled[-1]:.2f}, {len(scaled)} times)"


def main() -> None:
    """Prints the table, and how busy the machine was besides."""
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    print(f"load of the machine before                             {load}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_suite.py").write_text(SUITE)
        began, notes = run(folder, only="::test_first", XDG_CACHE_HOME=str(folder / "cache"))
        print(
            f"{'until the first test runs, the very first time':<55}{notes[0]['started_at'] - began:8.2f} s", flush=True
        )
        for title, options in (("one process", ()), ("pytest-xdist, two workers", ("-n", "2"))):
            seconds = []
            for _ in range(RUNS):
                began, notes = run(folder, *options, only="::test_first")
                seconds.append(notes[0]["started_at"] - began)
            print(f"{f'until the first test runs, {title}':<55}{figures(seconds, 's')}", flush=True)
        _, notes = run(folder)
    titles = {"reset": "reset after an image, a volume and a server", "empty_reset": "reset of nothing"}
    titles |= {"busy": "preset busy: 10,000 of each", "busy_reset": "reset after that"}
    for key, title in titles.items():
        print(f"{title:<55}{figures([note[key] for note in notes if key in note], 'ms', 1000)}")


if __name__ == "__main__":
    main()
