"""Stackwire and its servers in containers, by testcontainers (``pip install stackwire[pytest] testcontainers``).

with StackwireContainer() as container:
    conn = container.connection()
"""

import contextlib
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

from testcontainers.core.container import DockerContainer

from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import ORDER, free_ports
from stackwire.testing.directed import ADMIN_TOKEN, DirectedCloud

IMAGE = "stackwire:local"
"""As ``docker build -f deploy/Dockerfile -t stackwire:local .`` names it."""
POSTGRES_IMAGE = os.environ.get("POSTGRES_IMAGE", "postgres:16-alpine")
RABBITMQ_IMAGE = os.environ.get("RABBITMQ_IMAGE", "rabbitmq:4-management")
"""The variables are those of the compose stack."""
CONTAINER_START_TIMEOUT_SECONDS = 120.0
HOME = "/var/lib/stackwire"
USER = "stackwire"
_CONTAINER_POLL_SECONDS = 0.1


class StackwireContainer(DockerContainer, DirectedCloud):
    """The project's image, which runs ``stackwire up``; the same ports inside and outside, for the catalogue has them.

    ``options``: further ones of ``stackwire up``.
    """

    def __init__(self, image: str = IMAGE, options: Sequence[str] = (), **more: Any) -> None:
        super().__init__(image, **more)
        self.ports_of = free_ports((*ORDER, "trace", "admin"))
        self.data_dir = Path(tempfile.mkdtemp(prefix="stackwire-"))
        ports = [f"--{name}-port={port}" for name, port in self.ports_of.items()]
        self.with_command(["up", *ports, "--admin-host=0.0.0.0", *options])
        for port in self.ports_of.values():
            self.with_bind_ports(port, port)

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each service, the tracer's included."""
        return {name: self._url(port) for name, port in self.ports_of.items() if name != "admin"}

    @property
    def admin_url(self) -> str:
        """The base URL of the admin port."""
        return self._url(self.ports_of["admin"])

    @property
    def clouds_yaml(self) -> Path:
        """The clouds.yaml of this cloud, out of the container."""
        return DataDir(self.data_dir).clouds_yaml

    def start(self) -> Self:
        """Returns when it is ready."""
        self.with_env("STACKWIRE_PUBLISHED_ADDRESS", self._address())
        super().start()
        _wait_for(f"{self.urls['compute']}/healthcheck")
        _wait_for(f"{self.admin_url}/health")  # opened last; only then there is a token
        for name in ("clouds.yaml", ADMIN_TOKEN):
            (self.data_dir / name).write_bytes(self._file(f"{HOME}/{name}"))
        return self

    def connection(self, cloud: str = "stackwire") -> Any:
        """An ``openstack.connection.Connection`` for a cloud of clouds.yaml (``pip install stackwire[sdk]``)."""
        import openstack.config
        import openstack.connection

        loader = openstack.config.OpenStackConfig(
            config_files=[str(self.clouds_yaml)], secure_files=[], vendor_files=[], load_envvars=False
        )
        return openstack.connection.Connection(config=loader.get_one(cloud))

    def _file(self, path: str) -> bytes:
        code, content = self.exec(["cat", path])
        if code:
            raise RuntimeError(f"{path} of the container cannot be read")
        return bytes(content)

    def _address(self) -> str:
        host = self.get_docker_client().host()
        return "127.0.0.1" if host == "localhost" else socket.gethostbyname(host)

    def _url(self, port: int) -> str:
        return f"http://{self._address()}:{port}"


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL, of a user who may do everything."""
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer(POSTGRES_IMAGE) as container:
        yield container.get_connection_url(driver=None).replace("localhost", "127.0.0.1")


@contextlib.contextmanager
def rabbitmq(workers: Sequence[str]) -> Iterator[str]:
    """The URL of a RabbitMQ in which each worker has a vhost, with ``{worker}`` for its name."""
    container = DockerContainer(RABBITMQ_IMAGE).with_exposed_ports(5672)
    with container:
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(5672))
        until = time.monotonic() + CONTAINER_START_TIMEOUT_SECONDS
        while not _greets(host, port):
            if time.monotonic() > until:
                raise TimeoutError("the container's RabbitMQ does not answer")
            time.sleep(_CONTAINER_POLL_SECONDS)
        password = secrets.token_hex(16)
        _control(container, "add_user", USER, password)  # guest is for the container's own loopback
        for worker in workers:
            for command in (
                ["add_vhost", worker],
                ["set_permissions", "-p", worker, USER, ".*", ".*", ".*"],
                ["trace_on", "-p", worker],
            ):
                _control(container, *command)
        yield f"amqp://{USER}:{password}@{host.replace('localhost', '127.0.0.1')}:{port}/{{worker}}"


def _control(container: DockerContainer, *words: str) -> None:
    code, output = container.exec(["rabbitmqctl", "-q", *words])
    if code:
        raise RuntimeError(bytes(output).decode())


def _greets(host: str, port: int) -> bool:
    """Whether an AMQP 0-9-1 broker answers."""
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def _wait_for(url: str) -> None:
    """Until it answers; that it wants a token is an answer."""
    until = time.monotonic() + CONTAINER_START_TIMEOUT_SECONDS
    while True:
        try:
            with urlopen(url, timeout=5):  # noqa: S310  # our own http URL
                return
        except (URLError, OSError) as error:
            if getattr(error, "code", None) == HTTPStatus.UNAUTHORIZED:
                return
            if time.monotonic() > until:
                raise TimeoutError(f"{url} does not answer") from None
        time.sleep(_CONTAINER_POLL_SECONDS)
