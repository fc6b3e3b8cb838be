"""The compose stack for real: built, started, used with stock clients, stopped. `make test-compose` runs it.

Where no image registry is reachable the base images are made by deploy/local-images (root and debootstrap).
"""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.postgres import skip_or_fail

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose.yaml"
PEER = ROOT / "tests/contract/oslo/peers/peer.py"
PUBLIC = ("python:3.12-slim-bookworm", "postgres:16-alpine", "rabbitmq:4.1-management")
PORTS = (
    "IDENTITY_PORT", "IMAGE_PORT", "VOLUME_PORT", "COMPUTE_PORT", "TRACE_PORT", "AMQP_PORT", "MANAGEMENT_PORT",
)  # fmt: skip

pytestmark = [pytest.mark.compose, pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass
class Stack:
    """A project of its own on free ports; two runs never meet."""

    environment: dict[str, str]
    project: str
    ports: dict[str, int]
    compose: list[str] = field(default_factory=list)

    def make(self, *words: str) -> str:
        return self.run("make", *words)

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def openstack(self, *words: str) -> Any:
        """The stock command's answer, as JSON where it can be had."""
        program = str(Path(sys.executable).with_name("openstack"))
        wants_json = words[-1] != "--plain"
        words = words if wants_json else words[:-1]
        out = self.run(program, *words, *(["-f", "json"] if wants_json else []))
        return json.loads(out) if wants_json else out

    def states(self) -> dict[str, str]:
        ids = self.run(*self.compose, "-f", str(COMPOSE), "ps", "-q").split()
        form = '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Health.Status}}'
        return dict(line.split() for line in self.run("docker", "inspect", "--format", form, *ids).splitlines())

    @property
    def amqp(self) -> str:
        return f"rabbit://stackwire:stackwire@127.0.0.1:{self.ports['AMQP_PORT']}/"


def _free_ports() -> dict[str, int]:
    probes = [socket.socket() for _ in PORTS]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return dict(zip(PORTS, (int(probe.getsockname()[1]) for probe in probes), strict=True))
    finally:
        for probe in probes:
            probe.close()


def _quiet(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _images() -> dict[str, str]:
    """The public images where they can be had, else the stand-ins."""
    if os.environ.get("BASE_IMAGE"):
        return {}
    if all(_quiet("docker", "image", "inspect", image) or _quiet("docker", "pull", "-q", image) for image in PUBLIC):
        return {}
    if not shutil.which("debootstrap"):
        skip_or_fail("neither an image registry nor debootstrap is at hand")
    done = subprocess.run([str(ROOT / "deploy/local-images")], capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"local images cannot be made: {done.stderr.strip()[-300:]}")
    return dict(re.findall(r"(\w+_IMAGE|BUILD_NETWORK)=(\S+)", done.stdout))


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    if not _quiet("docker", "info"):
        skip_or_fail("no docker daemon answers")
    ports = _free_ports()
    project = f"stackwire-{uuid.uuid4().hex[:8]}"
    given = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "STACKWIRE_"))}
    environment = {
        **given,
        **_images(),
        **{name: str(port) for name, port in ports.items()},
        "COMPOSE_PROJECT_NAME": project,
        "STACKWIRE_TAG": project,
        "PYTHONWARNINGS": "ignore",
        "OS_AUTH_URL": f"http://127.0.0.1:{ports['IDENTITY_PORT']}/v3",
        "OS_USERNAME": "demo",
        "OS_PASSWORD": "secret",
        "OS_PROJECT_NAME": "demo",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
    }
    compose = ["docker", "compose"] if _quiet("docker", "compose", "version") else ["docker-compose"]
    stack = Stack(environment, project, ports, compose)
    try:
        stack.make("up")
        yield stack
    finally:
        stack.make("down", "VOLUMES=1")
        _quiet("docker", "rmi", f"stackwire:{project}")


class Ear:
    """An unmodified oslo.messaging listener on the published port, with a queue of its own (a pool): the default queue
    is shared by every listener of the broker, whatever its exchange."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def of(cls, url: str, exchange: str) -> "Ear":
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PEER), url, exchange, "listen", "notifications", f"ear-{exchange}",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        ear = cls(process)
        assert await ear._line() == {"ready": True}
        return ear

    async def hears(self, event_type: str) -> dict[str, Any]:
        """The next event of this type."""
        while True:
            said = await self._line()
            if said["event_type"] == event_type:
                return said

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 30)

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        said: dict[str, Any] = json.loads(line)
        return said


@pytest.fixture
async def ears(stack: Stack) -> AsyncIterator[dict[str, Ear]]:
    ears = {exchange: await Ear.of(stack.amqp, exchange) for exchange in ("glance", "cinder", "nova")}
    yield ears
    for ear in ears.values():
        await ear.close()


def test_every_container_is_healthy(stack: Stack) -> None:
    states = stack.states()
    assert set(states) == {"postgres", "rabbitmq", "identity", "image", "volume", "compute", "trace"}
    assert set(states.values()) == {"healthy"}


async def test_the_stock_client_makes_an_image_a_volume_and_a_server_and_a_real_listener_hears_of_them(
    stack: Stack, ears: dict[str, Ear], tmp_path: Path
) -> None:
    file = tmp_path / "disk.raw"
    file.write_bytes(os.urandom(1 << 20))

    def use() -> dict[str, Any]:
        image = stack.openstack(
            "image", "create", "disk", "--file", str(file), "--disk-format", "raw", "--container-format", "bare",
            "--property", "hw_disk_bus=scsi", "--property", "team=storage",
        )  # fmt: skip
        stack.openstack("volume", "create", "vol", "--image", "disk", "--size", "1")
        server = stack.openstack(
            "server", "create", "srv", "--image", "disk", "--flavor", "m1.tiny", "--nic", "none", "--wait"
        )
        return {"image": image, "server": server}

    made = await asyncio.to_thread(use)
    assert made["server"]["status"] == "ACTIVE"
    assert (await ears["glance"].hears("image.create"))["payload"]["id"] == made["image"]["id"]
    assert (await ears["cinder"].hears("volume.create.end"))["payload"]["display_name"] == "vol"
    end = await ears["nova"].hears("compute.instance.create.end")
    assert end["payload"]["instance_id"] == made["server"]["id"]
    assert "auth_token" not in end["context"]

    volume = await asyncio.to_thread(stack.openstack, "volume", "show", "vol")
    assert volume["status"] == "available"
    assert volume["volume_image_metadata"]["hw_disk_bus"] == "scsi"
    saved = tmp_path / "saved.raw"
    await asyncio.to_thread(stack.openstack, "image", "save", "disk", "--file", str(saved), "--plain")
    assert saved.read_bytes() == file.read_bytes()


def test_a_role_sees_its_own_schema_only(stack: Stack) -> None:
    program = "psql -h 127.0.0.1 -U image -d stackwire -Atc"
    own = f"PGPASSWORD=stackwire {program} 'select count(*) > 0 from outbox'"
    other = f"PGPASSWORD=stackwire {program} 'select count(*) from identity.users'"
    base = [*stack.compose, "-f", str(COMPOSE), "exec", "-T", "postgres", "sh", "-c"]
    assert stack.run(*base, own).strip() == "t"
    refused = subprocess.run(
        [*base, other], cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr


def test_what_was_made_survives_down_and_up(stack: Stack) -> None:
    before = stack.openstack("image", "list")
    assert before, "the earlier test made an image"
    stack.make("down")
    stack.make("up")
    assert stack.openstack("image", "list") == before


def test_services_stop_gracefully_when_asked(stack: Stack) -> None:
    ours = ("identity", "image", "volume", "compute", "trace")
    stack.run(*stack.compose, "-f", str(COMPOSE), "stop", *ours)
    ids = stack.run("docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={stack.project}").split()
    form = '{{index .Config.Labels "com.docker.compose.service"}} {{.State.ExitCode}}'
    codes = dict(line.split() for line in stack.run("docker", "inspect", "--format", form, *ids).splitlines())
    assert {name: codes[name] for name in ours} == dict.fromkeys(ours, "0")
