"""What the processes use: memory, open files, connections, rows that should not pile up."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from support.matrix.stack import Stack

PAGE_BYTES = 4096
BOUNDED = ("leases",)


@dataclass(frozen=True)
class Usage:
    """``memory``: resident MiB by service; ``files``: open files; ``rows``: of tables that are emptied again;
    ``stored``: how many files there are in each folder of a service's data."""

    memory: dict[str, float]
    files: dict[str, int]
    connections: int
    rows: dict[str, int]
    stored: Counter[str]


async def measure(stack: Stack) -> Usage:
    """Now."""
    processes = {name: process.pid for name, process in stack.processes.running.items()}
    tables = stack.cloud.tables
    rows = {}
    for schema in ("image", "volume", "compute"):
        for table in BOUNDED:
            rows[f"{schema}.{table}"] = await tables.fetchval(f"SELECT count(*) FROM {schema}.{table}")
    return Usage(
        memory={name: _resident(pid) for name, pid in processes.items()},
        files={name: len(list(Path(f"/proc/{pid}/fd").iterdir())) for name, pid in processes.items()},
        connections=await tables.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ),
        rows=rows,
        stored=Counter(
            "/".join(path.relative_to(stack.disk).parts[:2]) for path in stack.disk.rglob("*") if path.is_file()
        ),
    )


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1024**2
