"""The services as processes of their own, on RabbitMQ and PostgreSQL, to be killed and started again."""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from stackwire.cloud.options import ORDER, free_ports
from support.postgres import TestDatabase
from support.rabbitmq import TestRabbit

TOKEN_KEY = "0123456789abcdef" * 4
CRASHED = 137
READY_SECONDS = 60.0


class Processes:
    """``start``, ``kill`` and ``wait`` one service at a time; ``close`` ends them all."""

    def __init__(
        self,
        database: TestDatabase,
        amqp_url: str,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``settings``: more of them, for every service (``LEASE_SECONDS``); ``environment``: of Python itself."""
        self._database = database
        self._amqp_url = amqp_url
        self._folder = folder
        self._settings = dict(settings or {})
        self._python = dict(environment or {})
        self.ports = free_ports(ORDER)
        self.running: dict[str, asyncio.subprocess.Process] = {}

    @property
    def urls(self) -> dict[str, str]:
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    def data_dir(self, service: str) -> Path:
        return self._folder / service

    def log(self, service: str) -> str:
        """All that the service said on its standard error."""
        return (self._folder / f"{service}.log").read_text(errors="replace")

    async def start(self, service: str, role: str = "all") -> None:
        """Returns when it serves; fails with what its log tells when it does not."""
        path = self._folder / f"{service}.log"
        with path.open("ab") as log:
            said = log.tell()
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "stackwire.cloud", "serve", service, "--role", role),
                env=self._environment(service),
                stdout=log,
                stderr=log,
            )
        self.running[service if role == "all" else f"{service}-{role}"] = process
        async with asyncio.timeout(READY_SECONDS):
            while process.returncode is None and b"is ready" not in path.read_bytes()[said:]:
                await asyncio.sleep(0.02)
        if process.returncode is not None:
            raise AssertionError(f"{service} did not start: {self.log(service)[-2000:]}")

    async def start_all(self) -> None:
        await asyncio.gather(*(self.start(service) for service in ORDER))

    def doom(self, service: str, moment: str) -> None:
        """It dies at this moment of its work, once (``stackwire/db/failpoints.py``); "" takes that back."""
        path = self._doom(service)
        if moment:
            path.with_suffix(".new").write_text(moment)
            path.with_suffix(".new").rename(path)
        else:
            path.unlink(missing_ok=True)

    async def wait(self, service: str) -> int:
        """Until it has ended; its exit code."""
        return await self.running[service].wait()

    async def kill(self, service: str) -> None:
        """As kill -9 does."""
        process = self.running[service]
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()

    async def close(self) -> None:
        for service in reversed(list(self.running)):
            await self.kill(service)

    def _doom(self, service: str) -> Path:
        return self._folder / f"{service}.crash"

    def _environment(self, service: str) -> dict[str, str]:
        own = {
            "PORT": str(self.ports[service]),
            "DATABASE_URL": self._database.url(service),
            "AMQP_URL": self._amqp_url,
            "DATA_DIR": str(self.data_dir(service)),
            "TOKEN_KEY": TOKEN_KEY,
            "SWEEP_SECONDS": "1",
            **{f"{name.upper()}_URL": url for name, url in self.urls.items()},
            **self._settings,
        }
        environment = {f"STACKWIRE_{service.upper()}_{name}": value for name, value in own.items()}
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
        return {**inherited, **self._python, **environment, "STACKWIRE_FAILPOINT_FILE": str(self._doom(service))}


@contextlib.contextmanager
def own_vhost(rabbit: TestRabbit) -> Iterator[str]:
    """A URL of a fresh vhost where the broker can be administered, else the run's own."""
    if rabbit.control is None:
        yield rabbit.url
        return
    name = f"stackwire-{uuid.uuid4().hex[:8]}"
    rabbit.control("add_vhost", name)
    rabbit.control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
    try:
        yield rabbit.url.rpartition("/")[0] + f"/{name}"
    finally:
        rabbit.control("delete_vhost", name)
