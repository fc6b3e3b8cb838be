"""The options of a cloud, checked before it starts."""

import os
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args
from urllib.parse import urlsplit

from stackwire.core.settings import LogFormat, LogLevel

PORTS = {"identity": 5000, "image": 9292, "volume": 8776, "compute": 8774}
TRACE_PORT, INDEX_PORT, REGISTRY_PORT, ADMIN_PORT = 8790, 8791, 9191, 8792
ORDER = ("identity", "image", "volume", "compute")
REGISTRY = "registry"
"""glance-registry: a role of the image service, in the releases that had it."""
EMBEDDED = "embedded"
MEMORY = "memory"
ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
"""Addresses that mean every interface, with one that is always among them."""


class OptionError(Exception):
    """An option is invalid, or cannot be used here; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``database_url``: ``embedded`` or a PostgreSQL URL; ``amqp_url``: ``memory`` or ``amqp(s)://...``.

    ``trace_port``: the tracer's, ``index_port``: the index's; None for none. ``registry_port``: glance-registry's, in
    the releases that had it. ``admin_port``: the admin port's, None for none; ``admin_host``: where that one listens.
    ``with_bugs``: reintroduced bugs (``lp-1893618``). ``id_seed``: decides the ids of resources; None: chance does.
    ``processes``: so many serve the same ports, each all services; tracer and index are in the first.
    ``seed``: a file of what it is to have, ``preset``: a name for it; ``init_dir``: seeds and scripts that run once.
    """

    data_dir: Path = Path(".stackwire")
    host: str = "127.0.0.1"
    ports: dict[str, int] = field(default_factory=lambda: dict(PORTS))
    trace_port: int | None = None
    index_port: int | None = None
    registry_port: int = REGISTRY_PORT
    admin_port: int | None = None
    admin_host: str = "127.0.0.1"
    database_url: str = EMBEDDED
    amqp_url: str = MEMORY
    release: str = "current"
    with_bugs: tuple[str, ...] = ()
    id_seed: str | None = None
    seed: Path | None = None
    preset: str | None = None
    init_dir: Path | None = None
    processes: int = 1
    log_format: LogFormat = "text"
    log_level: LogLevel = field(default_factory=lambda: cast(LogLevel, os.environ.get("STACKWIRE_LOG_LEVEL", "info")))

    @property
    def services(self) -> tuple[str, ...]:
        """In the order they start: the tracer first, to record the others from their start; the index last."""
        order = tuple(part for name in ORDER for part in ((name, REGISTRY) if name == "image" else (name,)))
        first = () if self.trace_port is None else ("trace",)
        last = () if self.index_port is None else ("index",)
        return (*first, *(order if self.has_registry else ORDER), *last)

    @property
    def has_registry(self) -> bool:
        """Whether the release has glance-registry."""
        from stackwire.core.behaviours import behaviours_of

        return behaviours_of(self.release, self.with_bugs).has("glance-registry")

    @property
    def all_ports(self) -> dict[str, int]:
        """The ports of the services, those of the registry, the tracer and the index included."""
        ports = {**self.ports, REGISTRY: self.registry_port} if self.has_registry else self.ports
        more = {"trace": self.trace_port, "index": self.index_port}
        return {**ports, **{name: port for name, port in more.items() if port is not None}}

    def urls(self) -> dict[str, str]:
        """The base URL of each service, from this machine."""
        return self._urls(ANY_HOST.get(self.host, self.host))

    def public_urls(self) -> dict[str, str]:
        """The base URLs for clients; when listening on all interfaces, with this machine's address.

        ``STACKWIRE_PUBLISHED_ADDRESS`` is another one, where this is a container.
        """
        published = os.environ.get("STACKWIRE_PUBLISHED_ADDRESS")
        return self._urls(published or (_own_address() if self.host in ANY_HOST else self.host))

    @property
    def is_exposed(self) -> bool:
        """Whether others than this machine reach the cloud."""
        from stackwire.core.settings import is_loopback

        return not is_loopback(os.environ.get("STACKWIRE_PUBLISHED_ADDRESS") or self.host)

    def _urls(self, host: str) -> dict[str, str]:
        host = f"[{host}]" if ":" in host else host
        return {name: f"http://{host}:{port}" for name, port in self.all_ports.items()}

    @property
    def admin_url(self) -> str | None:
        """The base URL of the admin port, from this machine; None where there is none."""
        if self.admin_port is None:
            return None
        host = ANY_HOST.get(self.admin_host, self.admin_host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.admin_port}"

    def check(self) -> None:
        """Raises OptionError for what can be checked before the start."""
        from stackwire.core.behaviours import behaviours_of

        try:
            behaviours_of(self.release, self.with_bugs)
        except ValueError as error:
            raise OptionError(str(error)) from error
        if self.log_level not in get_args(LogLevel):
            raise OptionError(f"STACKWIRE_LOG_LEVEL must be one of {', '.join(get_args(LogLevel))}")
        schemes = ("postgresql://", "postgres://")
        if self.database_url != EMBEDDED and not self.database_url.startswith(schemes):
            raise OptionError("--database-url must be 'embedded' or start with postgresql://")
        if self.amqp_url != MEMORY and not self.amqp_url.startswith(("amqp://", "amqps://")):
            raise OptionError("--amqp-url must be 'memory' or start with amqp:// or amqps://")
        for option, url in (("--database-url", self.database_url), ("--amqp-url", self.amqp_url)):
            _check_url(option, url)
        self._check_processes()
        self._check_ports()

    def _check_processes(self) -> None:
        if self.processes == 1:
            return
        if self.amqp_url == MEMORY:
            raise OptionError("--processes needs --amqp-url amqp://...: the bus in memory is of one process")
        if self.admin_port is not None:
            raise OptionError("--admin-port needs one process: clock, faults and resets are of the services in it")
        if self.id_seed is not None:
            raise OptionError("--id-seed needs one process: several would draw ids in an order that nobody decides")

    def _check_ports(self) -> None:
        taken: dict[int, str] = {}
        ports = self.all_ports if self.admin_port is None else {**self.all_ports, "admin": self.admin_port}
        for name, port in ports.items():
            if not 1 <= port <= 65535:
                raise OptionError(f"--{name}-port {port} is not a port (1 to 65535)")
            if port in taken:
                raise OptionError(f"--{name}-port and --{taken[port]}-port are both {port}")
            taken[port] = name
        for name, port in ports.items():
            _check_free(self.admin_host if name == "admin" else self.host, name, port)


def cores(processes: int) -> int:
    """How many processes are meant: 0 is one for each processor that this one may use."""
    return processes or len(os.sched_getaffinity(0))


def _check_url(option: str, url: str) -> None:
    """A clear message, without the URL, which has a password."""
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        raise OptionError(f"{option}: no URL: {str(error).split(' as ')[0]}") from error


def _check_free(host: str, name: str, port: int) -> None:
    """An early, clear message; the port may still be taken before the service listens."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise OptionError(f"--host {host} is not an address of this machine: {error.strerror}") from error
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise OptionError(
                f"port {port} of {host} cannot be used for {name}: {error.strerror} (choose another: --{name}-port)"
            ) from error


def _own_address() -> str:
    """The address of the default route, otherwise the loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def free_ports(names: Sequence[str], host: str = "127.0.0.1") -> dict[str, int]:
    """A port for each name that is free at this moment.

    They are below the kernel's range of ephemeral ports, so that a service that restarts gets its port again. Each
    process draws from a part of the range that depends on its id.
    """
    part = os.getpid() % 17 * 1000
    found: dict[str, int] = {}
    while len(found) < len(names):
        port = 15_000 + part + random.randrange(1000)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        if port not in found.values():
            found[names[len(found)]] = port
    return found
