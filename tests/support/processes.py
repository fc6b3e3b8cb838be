"""The services as separate processes on RabbitMQ and PostgreSQL, to be killed and restarted."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from stackwire.cloud.cloud import settings_type
from stackwire.cloud.options import ORDER, REGISTRY, free_ports
from support import invariants
from support.polling import until
from support.postgres import TestDatabase
from support.rabbitmq import TestRabbit

TOKEN_KEY = "0123456789abcdef" * 4
CRASHED = 137
ADMIN = "admin"
READY_SECONDS = 60.0
AT_REST_SECONDS = 30.0
PERMISSIONS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[2] / "deploy/rabbitmq/permissions.json").read_text()
)
"""Of each service's login at the broker: the patterns to configure, write and read."""


class Processes:
    """Starts, kills and awaits single services. ``close`` kills them all, once what they did is at rest and whole."""

    def __init__(
        self,
        database: TestDatabase,
        amqp_url: str,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        data_folder: Path | None = None,
        logins: Mapping[str, str] | None = None,
        each: int = 1,
    ) -> None:
        """``settings``: further ones of every service (``LEASE_SECONDS``); ``environment``: variables for Python.

        ``data_folder``: for what they store, another than that of their logs. ``logins``: URLs of the broker, of
        services that have another one than all. ``each``: how many processes a service has, unless ``start`` says.
        """
        self._each = each
        self._logins = dict(logins or {})
        self._database = database
        self._amqp_url = amqp_url
        self._folder = folder
        self._data_folder = data_folder or folder
        self._settings = dict(settings or {})
        self._python = dict(environment or {})
        self.ports = free_ports((*ORDER, REGISTRY, ADMIN))
        self.running: dict[str, asyncio.subprocess.Process] = {}

    @property
    def urls(self) -> dict[str, str]:
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items() if name in ORDER}

    @property
    def admin_url(self) -> str:
        """Of the admin port, which is started by its name, too."""
        return f"http://127.0.0.1:{self.ports[ADMIN]}"

    def data_dir(self, service: str) -> Path:
        return self._data_folder / service

    def log(self, service: str) -> str:
        """The standard error of the service."""
        return (self._folder / f"{service}.log").read_text(errors="replace")

    async def start(self, service: str, role: str = "all", *, copy: str = "", processes: int | None = None) -> None:
        """Returns when the service is ready; fails with the end of its log when it exits.

        glance-registry is started by its name, too. ``copy``: the name of a further process of the service, which has
        its port in ``ports``. ``processes``: so many serve its port.
        """
        name, count = copy or service, processes or self._each
        path = self._folder / f"{name}.log"
        with path.open("ab") as log:
            log_start = log.tell()
            words = (
                "serve",
                "image" if service == REGISTRY else service,
                "--role",
                REGISTRY if service == REGISTRY else role,
                *(("--processes", str(count)) if count > 1 else ()),
            )
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "stackwire.cloud", *words),
                env=self._environment(service, self.ports[name]),
                stdout=log,
                stderr=log,
            )
        self.running[copy or (service if role == "all" else f"{service}-{role}")] = process
        async with asyncio.timeout(READY_SECONDS):
            while process.returncode is None and b"is ready" not in path.read_bytes()[log_start:]:
                await asyncio.sleep(0.02)
        if process.returncode is not None:
            raise AssertionError(f"{name} did not start: {self.log(name)[-2000:]}")

    async def start_all(self) -> None:
        await asyncio.gather(*(self.start(service) for service in ORDER))

    def set_failpoint(self, service: str, failpoint: str) -> None:
        """Lets the service die once at this failpoint (``stackwire/runtime/failpoints.py``); "" removes it."""
        path = self._failpoint_file(service)
        if failpoint:
            path.with_suffix(".new").write_text(failpoint)
            path.with_suffix(".new").rename(path)
        else:
            path.unlink(missing_ok=True)

    def children(self, service: str) -> list[int]:
        """The ids of the processes that serve its port, where there are several."""
        pid = self.running[service].pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    async def wait(self, service: str) -> int:
        """The exit code, once the process has ended."""
        return await self.running[service].wait()

    async def kill(self, service: str) -> None:
        """SIGKILL: of all its processes, and of the one that starts them, which is held so that it starts no other."""
        process = self.running[service]
        if process.returncode is None:
            process.send_signal(signal.SIGSTOP)
            children = self.children(service)
            process.send_signal(signal.SIGKILL)
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            await until(lambda: not any(map(_runs, children)))
        await process.wait()

    async def stop(self, service: str) -> int:
        """SIGTERM: it ends when it has finished what it does. The exit code."""
        self.running[service].send_signal(signal.SIGTERM)
        return await self.running[service].wait()

    async def close(self) -> None:
        try:
            await self.at_rest()
        finally:
            for service in reversed(list(self.running)):
                await self.kill(service)

    async def at_rest(self, patience: float = AT_REST_SECONDS) -> None:
        """Returns when nothing is under way and every invariant holds; fails when that takes too long."""
        await invariants.hold_in(self._database.admin_url, patience)

    def _failpoint_file(self, service: str) -> Path:
        return self._folder / f"{service}.crash"

    def _environment(self, service: str, port: int) -> dict[str, str]:
        own = {
            "PORT": str(port),
            "DATABASE_URL": "" if service == ADMIN else self._database.url(service),
            "AMQP_URL": self._logins.get(service, self._amqp_url),
            "DATA_DIR": str(self.data_dir("image" if service == REGISTRY else service)),
            "TOKEN_KEY": TOKEN_KEY,
            "ADMIN_PASSWORD": "secret",
            "REGISTRY_PORT": str(self.ports[REGISTRY]),
            "SWEEP_SECONDS": "1",
            **{f"{name.upper()}_URL": url for name, url in self.urls.items()},
            **self._settings,
        }
        known = {name.upper() for name in settings_type(service).model_fields}
        prefix = settings_type(service).model_config["env_prefix"]
        environment = {f"{prefix}{name}": value for name, value in own.items() if name in known}
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
        return {
            **inherited,
            **self._python,
            **environment,
            "STACKWIRE_FAILPOINT_FILE": str(self._failpoint_file(service)),
        }


def _runs(pid: int) -> bool:
    """Not one that has ended, and that nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def own_logins(rabbit: TestRabbit, url: str) -> Iterator[dict[str, str]]:
    """URLs of a vhost with a login for each service that may what deploy/rabbitmq/permissions.json says."""
    assert rabbit.control is not None
    parts, suffix = urlsplit(url), uuid.uuid4().hex[:8]
    passwords = {service: uuid.uuid4().hex for service in PERMISSIONS}
    names = {service: f"{service}-{suffix}" for service in PERMISSIONS}
    definitions = {
        "users": [{"name": names[each], "password": passwords[each], "tags": []} for each in names],
        "permissions": [{"user": names[each], "vhost": parts.path[1:], **PERMISSIONS[each]} for each in names],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:  # one command: each takes a second and more
        file.write(json.dumps(definitions))
        file.flush()
        Path(file.name).chmod(0o644)
        rabbit.control("import_definitions", file.name)
    host = parts.netloc.rpartition("@")[2]
    try:
        yield {each: parts._replace(netloc=f"{names[each]}:{passwords[each]}@{host}").geturl() for each in PERMISSIONS}
    finally:
        users = ", ".join(f'<<"{name}">>' for name in names.values())
        delete = 'rabbit_auth_backend_internal:delete_user(User, <<"test">>)'
        rabbit.control("eval", f"[{delete} || User <- [{users}]].")


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
