"""The services as processes of their own, on RabbitMQ and PostgreSQL, to be killed and started again."""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from stackwire.cloud.options import ORDER, free_ports
from support.postgres import TestDatabase
from support.rabbitmq import TestRabbit

TOKEN_KEY = "0123456789abcdef" * 4
CRASHED = 137
READY_SECONDS = 60.0


class Processes:
    """``start``, ``kill`` and ``wait`` one service at a time; ``close`` ends them all."""

    def __init__(self, database: TestDatabase, amqp_url: str, folder: Path) -> None:
        self._database = database
        self._amqp_url = amqp_url
        self._folder = folder
        self.ports = free_ports(ORDER)
        self.running: dict[str, asyncio.subprocess.Process] = {}

    @property
    def urls(self) -> dict[str, str]:
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    def log(self, service: str) -> str:
        """All that the service said on its standard error."""
        return (self._folder / f"{service}.log").read_text(errors="replace")

    async def start(self, service: str, crash_at: str = "", role: str = "all") -> None:
        """Returns when it serves, or has died already (at its crash point, or for a reason its log tells)."""
        path = self._folder / f"{service}.log"
        with path.open("ab") as log:
            said = log.tell()
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "stackwire.cloud", "serve", service, "--role", role),
                env=self._environment(service, crash_at),
                stdout=log,
                stderr=log,
            )
        self.running[service if role == "all" else f"{service}-{role}"] = process
        async with asyncio.timeout(READY_SECONDS):
            while process.returncode is None and b"is ready" not in path.read_bytes()[said:]:
                await asyncio.sleep(0.02)
        if not crash_at and process.returncode is not None:
            raise AssertionError(f"{service} did not start: {self.log(service)[-2000:]}")

    async def start_all(self, crash: tuple[str, str] = ("", "")) -> None:
        """``crash``: (service, crash point)."""
        for service in ORDER:
            await self.start(service, crash[1] if service == crash[0] else "")

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

    def _environment(self, service: str, crash_at: str) -> dict[str, str]:
        own = {
            "PORT": str(self.ports[service]),
            "DATABASE_URL": self._database.url(service),
            "AMQP_URL": self._amqp_url,
            "DATA_DIR": str(self._folder / service),
            "TOKEN_KEY": TOKEN_KEY,
            "SWEEP_SECONDS": "1",
            **{f"{name.upper()}_URL": url for name, url in self.urls.items()},
        }
        environment = {f"STACKWIRE_{service.upper()}_{name}": value for name, value in own.items()}
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
        return {**inherited, **environment, **({"STACKWIRE_CRASH_AT": crash_at} if crash_at else {})}


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
