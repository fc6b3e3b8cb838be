"""The README's first cloud and the cookbook's recipes, run by a shell as they stand there, but for the ports."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackwire.cloud.options import ORDER, free_ports
from stackwire.cloud.postgres import EmbeddedPostgres
from support import invariants
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COOKBOOK = (ROOT / "services" / "cookbook.md").read_text(encoding="utf-8")
PORTS = {"identity": 5000, "image": 9292, "volume": 8776, "compute": 8774, "trace": 8790}
BROKER = "guest:guest@127.0.0.1:5672/"
WAIT_AND_SAY = """
import openstack, time
openstack.connect().image.create_image("heard", disk_format="raw", container_format="bare")
until = time.monotonic() + 60
while not HEARD and time.monotonic() < until:
    time.sleep(0.05)
listener.stop()
print("heard", HEARD)
"""


def section(page: str, heading: str) -> str:
    return page.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]


def commands(text: str) -> list[str]:
    """What stands after ``$`` in its blocks, without comments."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:].split("  #")[0].strip() for block in blocks for line in block.splitlines() if line[:2] == "$ "]


class Shell:
    """Runs commands in a folder, with the ports of its own for those of the documents."""

    def __init__(self, folder: Path, ports: dict[str, int], broker: str) -> None:
        self.folder = folder
        self._ports = ports
        self._broker = broker
        binaries = folder / "bin"
        binaries.mkdir()
        options = " ".join(f"--{name}-port {port}" for name, port in ports.items())
        program = f'{sys.executable} -m stackwire.cloud "$@"'
        shim = f'#!/bin/sh\nif [ "$1" = up ]; then exec {program} {options} {{bus}}; fi\nexec {program}\n'
        (binaries / "stackwire").write_text(shim.format(bus=f"--amqp-url amqp://{broker}" if broker else ""))
        (binaries / "stackwire").chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "STACKWIRE_"))}
        path = f"{binaries}:{Path(sys.executable).parent}:{kept['PATH']}"
        self._environment = {**kept, "PATH": path, "PYTHONWARNINGS": "ignore"}
        self._environment["PYTHONPATH"] = f"{ROOT / 'services'}:{ROOT / 'shared'}"

    def translated(self, text: str) -> str:
        for name, port in PORTS.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self._ports[name]}")
        return text.replace(BROKER, self._broker)

    def run(self, *lines: str) -> str:
        """All in one shell, which ends at the first that fails; what they print."""
        script = "set -e\n" + "\n".join(self.translated(line) for line in lines)
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout


def at_rest(folder: Path) -> None:
    """What the commands did in a cloud of that folder has ended, and is whole."""
    dsn = EmbeddedPostgres(folder / ".stackwire").dsn()
    asyncio.run(invariants.hold_in(dsn, 30))


def test_the_readmes_first_cloud(tmp_path: Path) -> None:
    shell = Shell(tmp_path, free_ports((*ORDER, "trace")), "")
    *lines, last = [line for line in commands(section(README, "A cloud of your own")) if not line.startswith("make ")]
    assert last == "stackwire down"
    try:
        assert "hw_disk_bus" in shell.run(*lines)
        at_rest(tmp_path)
        shell.run(last)
    finally:
        shell.run("stackwire down || true")


BEFORE = COOKBOOK.split("\n## ", 1)[0]
EXPORTS = tuple(line for line in commands(BEFORE) if line.startswith("export"))


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, rabbitmq: TestRabbit) -> Iterator[Shell]:
    broker = rabbitmq.url.removeprefix("amqp://")
    shell = Shell(tmp_path_factory.mktemp("cookbook"), free_ports((*ORDER, "trace")), broker)
    try:
        shell.run(*commands(BEFORE))
        yield shell
        at_rest(shell.folder)
    finally:
        shell.run("stackwire down || true")


@pytest.mark.parametrize("heading", ["A tool that logs in", "Any language: HTTP", "Where did my property go?"])
def test_commands_do_what_the_recipe_says(shell: Shell, heading: str) -> None:
    assert shell.run(*EXPORTS, *commands(section(COOKBOOK, heading)))


def python(heading: str) -> str:
    return re.findall(r"```python\n(.*?)```", section(COOKBOOK, heading), re.DOTALL)[0]


def test_the_sdk_does_what_the_recipe_says(shell: Shell) -> None:
    code = python("Python: openstacksdk")
    assert shell.run(*EXPORTS, f"python - <<'EOF'\n{code}\nprint('done')\nEOF") == "done\n"


def test_a_consumer_hears_what_happens(shell: Shell) -> None:
    code = python("A consumer of notifications").replace("print(publisher_id, event_type)", "HEARD.append(event_type)")
    said = shell.run(*EXPORTS, f"python - <<'EOF'\nHEARD = []\n{code}\n{WAIT_AND_SAY}\nEOF")
    assert "image.create" in said
