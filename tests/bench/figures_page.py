"""The rows of ``make bench``: as a table in the page of benchmarks, and as JSON beside it."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

HERE = Path(__file__).parent
PAGE, KEPT = HERE / "README.md", HERE / "figures"
SEVERAL = ", two processes"
"""What such a row's name ends in; the goal is the same."""
BEGIN, END = "<!-- figures -->\n", "<!-- end -->\n"
GOALS: Mapping[str, float | str] = {
    "GET image, 1 caller": 10, "GET image, 64 callers": 10, "list 25, 64 callers": 20, "filter, 64 callers": 20,
    "POST image, 64 callers": 15, "PATCH image, 64 callers": 15, "server from image": 10, "server from volume": 10,
    "createImage": 10, "createImage of a volume": 10, "rebuild": 10, "delete": 10, "empty volume": 10,
    "volume from 1 MiB": 10, "volume from 64 MiB": 10, "server from image, 16 in flight": 20,
    "volume from 64 MiB, 16 in flight": 20, "GET server": "p99 10 ms", "servers/detail": "p99 10 ms",
    "volumes/detail": "p99 10 ms",
    "memory after that": "150 MiB",
}  # fmt: skip
"""How many times a real one's it should be, or what else."""


@dataclass(slots=True)
class Row:
    """A figure. ``unit``: ``/s`` and ``MiB/s`` are better when large, ``s`` and ``MiB`` when small.

    ``limit``: of this machine, in the same run; ``real``: of a real OpenStack, in the same run if ``beside`` is set.
    ``parts``: what takes how much of a processor.
    """

    name: str
    ours: float
    unit: str
    limit: float | None = None
    real: float | None = None
    beside: bool = False
    p50: float | None = None
    p99: float | None = None
    cpu: float | None = None
    late: float | None = None
    parts: str = ""

    def set_real(self, figure: float) -> None:
        """That of a real OpenStack, measured in this run."""
        self.real, self.beside = figure, True

    @property
    def times_the_real(self) -> float | None:
        """How many times the real one's."""
        if not self.real:
            return None
        return self.real / self.ours if self.unit in {"s", "MiB"} else self.ours / self.real


def table(rows: list[Row], head: str) -> str:
    lines = [
        head, "",
        "| Work | here | of the limit | p50 · p99 | p99/p50 | CPU a request | loop late by 10 ms | a real one"
        " | times | goal |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        times = row.times_the_real
        spread = "" if row.p50 is None or row.p99 is None else f"{row.p99 / row.p50:.1f}"
        cells = [
            row.name, f"{row.ours:.3g} {row.unit}", "" if row.limit is None else f"{row.ours / row.limit:.2f}",
            "" if row.p50 is None else f"{row.p50:.1f} · {row.p99:.1f} ms", spread,
            "" if row.cpu is None else f"{row.cpu:.2f} ms", "" if row.late is None else f"{100 * row.late:.0f} %",
            "" if row.real is None else f"{row.real:.3g}{'' if row.beside else ' (recorded)'}",
            "" if times is None else f"{times:.1f}", f"{GOALS.get(row.name.removesuffix(SEVERAL), '')}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"\n{row.name}: {row.parts}." for row in rows if row.parts]
    return "\n".join(lines) + "\n"


def commit() -> str:
    words = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def keep(rows: list[Row]) -> str:
    """The figures as JSON and in the page; the table."""
    now, load_average = datetime.now(UTC), os.getloadavg()[0]
    machine = f"{platform.machine()}, {os.cpu_count()} processors, load {load_average:.1f}"
    text = table(rows, f"{now:%Y-%m-%d}, commit {commit()}, {machine}, Python {platform.python_version()}.")
    KEPT.mkdir(exist_ok=True)
    kept = {"date": now.isoformat(), "commit": commit(), "machine": machine, "figures": [asdict(row) for row in rows]}
    (KEPT / f"{now:%Y%m%dT%H%M%S}-{commit()}.json").write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}")
    return text
