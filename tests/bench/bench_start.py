"""How long ``stackwire up --detach`` takes until it is ready, cold and warm, and what the processes weigh.

Cold: a new data directory, so initdb, roles, schemas and migrations are in it.  Warm: a second start on the same one.
Times are wall-clock seconds of the whole command; weights are resident MiB.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import ORDER, free_ports
from stackwire.cloud.postgres import EmbeddedPostgres

ROUNDS = 5


def command(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "stackwire.cloud", *words], check=True, stdout=subprocess.DEVNULL)


def resident(pid: int) -> float:
    """MiB, from /proc or ps."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        kib = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
        return int(kib) / 1024
    return pages * 4096 / 2**20


def started(folder: Path, ports: dict[str, int]) -> float:
    begun = time.perf_counter()
    words = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    command("up", "--detach", "--data-dir", str(folder), *words)
    return time.perf_counter() - begun


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="stackwire-bench-"))
    folder.chmod(0o755)
    ports = free_ports((*ORDER, "trace"))
    try:
        cold = started(folder, ports)
        command("down", "--data-dir", str(folder))
        warm = []
        for _ in range(ROUNDS):
            warm.append(started(folder, ports))
            state = DataDir(folder).state() or {}
            weight = resident(state["pid"])
            command("down", "--data-dir", str(folder))
        print(f"ready, cold              {cold:6.2f} s   (goal: 5)")
        print(f"ready, warm, best of {ROUNDS}   {min(warm):6.2f} s   (goal: 3)")
        print(f"ready, warm, worst       {max(warm):6.2f} s")
        print(f"all services, resident   {weight:6.0f} MiB (goal: 200; PostgreSQL apart)")
    finally:
        EmbeddedPostgres(folder).remove()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
