"""The compose stack for real: a project of its own on free ports, used with stock clients and over HTTP."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.postgres import skip_or_fail

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose.yaml"
PUBLIC = (
    "python:3.12-slim-bookworm", "postgres:16-alpine", "rabbitmq:4.1-management", "debian:bookworm-slim",
    "otel/opentelemetry-collector:0.128.0",
)  # fmt: skip
PORTS = (
    "IDENTITY_PORT", "IMAGE_PORT", "VOLUME_PORT", "COMPUTE_PORT", "TRACE_PORT", "AMQP_PORT", "AMQPS_PORT",
    "MANAGEMENT_PORT",
)  # fmt: skip
APIS = ("identity", "image", "volume", "compute")


def broker_definitions() -> Any:
    """Those of the stack's RabbitMQ, without its users, whom ``make-secrets`` puts in."""
    text = (ROOT / "deploy" / "rabbitmq" / "definitions.json").read_text()
    return json.loads(text.replace("@USERS@", "").replace("@PERMISSIONS@", ""))


@dataclass
class Stack:
    """A project of its own on free ports; two runs never meet."""

    environment: dict[str, str]
    project: str
    ports: dict[str, int]
    secrets: Path
    compose: list[str] = field(default_factory=list)

    def make(self, *words: str, profiles: str = "trace") -> str:
        return self.run("make", *words, COMPOSE_PROFILES=profiles)

    def run(self, *words: str, **variables: str) -> str:
        environment = {**self.environment, **variables}
        done = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900
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

    def containers(self, *services: str) -> list[str]:
        """Ids of the containers of these services, by default of all, stopped ones too."""
        label = f"label=com.docker.compose.project={self.project}"
        one_of = [f"label=com.docker.compose.service={service}" for service in services] or [label]
        return [
            line for of in one_of for line in self.run("docker", "ps", "-aq", "--filter", label, "--filter", of).split()
        ]

    def inspect(self, form: str) -> dict[str, str]:
        """What docker says of each service's container."""
        form = '{{index .Config.Labels "com.docker.compose.service"}}|' + form
        lines = self.run("docker", "inspect", "--format", form, *self.containers()).splitlines()
        return dict(line.split("|", 1) for line in lines)

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    @property
    def urls(self) -> dict[str, str]:
        return {name: f"http://127.0.0.1:{self.ports[f'{name.upper()}_PORT']}" for name in APIS}

    @property
    def amqp(self) -> str:
        """As oslo.messaging's peers are told of it: with the durability that the stack has."""
        login = f"stackwire:{self.secret('amqp_password')}"
        return f"rabbit://{login}@127.0.0.1:{self.ports['AMQP_PORT']}/?amqp_durable_queues=true"


def _free_ports() -> dict[str, int]:
    probes = [socket.socket() for _ in PORTS]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return dict(zip(PORTS, (int(probe.getsockname()[1]) for probe in probes), strict=True))
    finally:
        for probe in probes:
            probe.close()


def quiet(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def base_images() -> dict[str, str]:
    """The public images where they can be had, else the stand-ins."""
    if os.environ.get("BASE_IMAGE"):
        return {}
    if all(quiet("docker", "image", "inspect", image) or quiet("docker", "pull", "-q", image) for image in PUBLIC):
        return {}
    if not shutil.which("debootstrap"):
        skip_or_fail("neither an image registry nor debootstrap is at hand")
    done = subprocess.run([str(ROOT / "deploy/local-images")], capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"local images cannot be made: {done.stderr.strip()[-300:]}")
    return dict(re.findall(r"(\w+_IMAGE|GATEWAY_BASE|BUILD_NETWORK)=(\S+)", done.stdout))


@contextmanager
def a_stack() -> Iterator[Stack]:
    """Built and started; stopped and removed in the end, with its data."""
    if not quiet("docker", "info"):
        skip_or_fail("no docker daemon answers")
    ports = _free_ports()
    project = f"stackwire-{uuid.uuid4().hex[:8]}"
    secrets = Path(tempfile.mkdtemp(prefix="stackwire-secrets-"))
    given = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "STACKWIRE_"))}
    environment = {
        **given,
        **base_images(),
        **{name: str(port) for name, port in ports.items()},
        "COMPOSE_PROJECT_NAME": project,
        "STACKWIRE_TAG": project,
        "SECRETS_DIR": str(secrets),
        "WAIT_SECONDS": "480",
        "PYTHONWARNINGS": "ignore",
        "OS_AUTH_URL": f"http://127.0.0.1:{ports['IDENTITY_PORT']}/v3",
        "OS_USERNAME": "demo",
        "OS_PASSWORD": "secret",
        "OS_PROJECT_NAME": "demo",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
    }
    compose = ["docker", "compose"] if quiet("docker", "compose", "version") else ["docker-compose"]
    stack = Stack(environment, project, ports, secrets, compose)
    try:
        stack.make("up")
        yield stack
    finally:
        stack.make("down", "VOLUMES=1")
        quiet("docker", "rmi", f"stackwire:{project}", f"stackwire-gateway:{project}")
        shutil.rmtree(secrets, ignore_errors=True)
