"""All services in one process and one loop: built from their own ``app.build``, started in order, stopped in reverse.

Each service still has its own port, its own schema and role, its own place at the bus; nothing is shared but the loop.
"""

import asyncio
import contextlib
import importlib
import logging
import os
from collections.abc import Mapping, Sequence
from contextvars import Context
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stackwire.cloud.answers import build_tracer
from stackwire.cloud.datadir import PASSWORD
from stackwire.cloud.options import ORDER, REGISTRY, OptionError, Options
from stackwire.core.clock import Clock
from stackwire.core.faults import FaultRules
from stackwire.core.pace import Pace
from stackwire.core.settings import ServiceSettings, unknown_variables
from stackwire.core.tokens import TokenSigner
from stackwire.messaging.connect import connect
from stackwire.messaging.directed import DirectedTransport
from stackwire.messaging.faulty import FaultyTransport
from stackwire.messaging.memory import MemoryBroker
from stackwire.messaging.signatures import Signatures
from stackwire.messaging.stand_ins import StandIns
from stackwire.messaging.transport import Transport
from stackwire.runtime.fault_notes import notes_on
from stackwire.runtime.service import Service

log = logging.getLogger(__name__)

BROKER_TIMEOUT_SECONDS = 3.0
SETTLE_SECONDS = 60.0


def package(service: str) -> str:
    """The package of a service: glance-registry is a role of the image service, the admin port a part of the cloud."""
    return {REGISTRY: "image", "admin": "cloud.admin"}.get(service, service)


def settings_type(service: str) -> type[ServiceSettings]:
    """The service's own settings class. Raises LookupError when the package has none."""
    service = package(service)
    module = importlib.import_module(f"stackwire.{service}.settings")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__:
            return value
    raise LookupError(f"stackwire.{service}.settings has no settings class")


def check_environment() -> None:
    """Raises OptionError for variables that are named as settings and are none: they would be ignored."""
    unknown = unknown_variables({name: settings_type(name) for name in (*ORDER, "trace", "index", "admin")}, os.environ)
    if unknown:
        raise OptionError(f"no setting is called {', '.join(unknown)}")


def seed_password() -> str:
    """The password that the users of a new cloud are to have; "" for that of the seed."""
    return str(getattr(settings_type("identity")(), "seed_password", ""))


def _elsewhere(service: str) -> dict[str, str]:
    """The other services' URLs that the environment names: one of them may be a real one."""
    found: dict[str, str] = {}
    for other in ORDER:
        for name in (f"STACKWIRE_{other}_URL".upper(), f"STACKWIRE_{service}_{other}_URL".upper()):
            if url := os.environ.get(name):
                found |= {f"{other}_url": url, f"{other}_public_url": url}
    return found


class Cloud:
    """All services in one process.

    ``start`` returns when every service is ready; ``settle`` when no work is in progress. ``clock``, ``pace`` and
    ``stand_ins`` (answers to RPC in place of a service) are those of all its services. ``faults``: the rules that may
    be set for them; without it nothing can be injected.
    """

    def __init__(
        self,
        options: Options,
        *,
        database_urls: Mapping[str, str],
        token_key: str,
        clock: Clock | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        faults: FaultRules | None = None,
    ) -> None:
        self.options = options
        self.faults = faults
        self.services: dict[str, Service] = {}
        self.broker: MemoryBroker | None = None
        self._database_urls = database_urls
        self._token_key = token_key
        self.clock = clock or Clock()
        self.pace = Pace(self.clock)
        self.stand_ins = StandIns()
        self._settings = settings or {}
        self._transports: dict[str, Transport] = {}
        self._crashed: dict[str, asyncio.Task[None]] = {}

    @cached_property
    def _seeded_password(self) -> str:
        return seed_password() or PASSWORD

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each service."""
        return self.options.urls()

    @property
    def signer(self) -> TokenSigner:
        """What signs the tokens of identity."""
        return TokenSigner(self._token_key)

    async def start(self, services: Sequence[str] | None = None) -> None:
        """Starts ``services``, by default all.

        Raises the error of a service that cannot start; the others are stopped.
        """
        try:
            if self.options.amqp_url == "memory":
                self.broker = MemoryBroker()
            for name in self._chosen(services):
                await self._build(name)
            for service in self.services.values():
                await service.start()
        except BaseException:
            await self.stop()
            raise

    def _chosen(self, services: Sequence[str] | None) -> Sequence[str]:
        """The registry comes with the image service."""
        chosen = [*(services or self.options.services)]
        if self.options.has_registry and "image" in chosen and REGISTRY not in chosen:
            chosen.insert(chosen.index("image") + 1, REGISTRY)
        return chosen

    async def stop(self) -> None:
        """Stops every part; the error of one is logged and does not affect the others."""
        for task in list(self._crashed.values()):
            task.cancel()
        await asyncio.gather(*self._crashed.values(), return_exceptions=True)
        parts = [service.stop for service in reversed(self.services.values())]
        parts += [transport.close for transport in self._transports.values()]
        for stop in parts:
            try:
                await stop()
            except Exception:
                log.exception("a part of the cloud did not stop cleanly")
        self.services, self._transports = {}, {}

    async def restart(self, name: str) -> None:
        """Stops one service and starts it again, as after an upgrade."""
        await self.services.pop(name).stop()
        await self.start_again(name)

    async def start_again(self, name: str) -> None:
        """Starts a service that was stopped."""
        await self._transports.pop(name).close()
        await self._build(name)
        await self.services[name].start()

    async def crash(self, name: str) -> None:
        """Ends a service as if its process were killed, and starts it again, as its supervisor would."""
        await self.services.pop(name).abort()
        await self.start_again(name)

    async def _crash(self, name: str) -> None:
        """The one that calls this does nothing more: it is cancelled with the rest of the service."""
        if name not in self._crashed:
            task = asyncio.get_running_loop().create_task(self.crash(name), context=Context())
            self._crashed[name] = task
            task.add_done_callback(lambda _: self._started_again(name, task))
        await asyncio.Event().wait()

    async def restarted(self) -> None:
        """Returns when no service is starting again after an injected crash."""
        await asyncio.gather(*self._crashed.values(), return_exceptions=True)

    def _started_again(self, name: str, task: asyncio.Task[None]) -> None:
        self._crashed.pop(name, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s did not start again after an injected crash", name, exc_info=error)

    async def bus(self) -> Transport:
        """A connection to the bus beside those of the services."""
        if "" not in self._transports:
            self._transports[""] = await self._connect("test", ServiceSettings())
        return self._transports[""]

    async def swept(self, timeout: float) -> None:
        """Returns when the sweeps that run now, or are due, have ended, or after ``timeout`` seconds."""
        await asyncio.sleep(0.001)  # whoever has been woken runs
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while any(service.sweeping for service in self.services.values()):  # noqa: ASYNC110  # no common event
                    await asyncio.sleep(0.002)

    async def settle(self, timeout: float = SETTLE_SECONDS, *, but_held: bool = False) -> None:
        """Returns when queues are empty, handlers idle, outboxes sent. Raises TimeoutError with the busy services.

        ``but_held``: what the pace holds back is not waited for.
        """
        try:
            async with asyncio.timeout(timeout):
                while not await self._quiet(but_held):  # noqa: ASYNC110  # the parts have no common event
                    await asyncio.sleep(0.002)
        except TimeoutError:
            busy = [name for name, service in self.services.items() if not await service.idle()]
            raise TimeoutError(f"the cloud does not settle: {', '.join(busy) or 'the bus'} is busy") from None

    async def is_idle(self) -> bool:
        """Whether nothing is under way at this moment."""
        return await self._quiet(but_held=False)

    async def _quiet(self, but_held: bool) -> bool:
        """Whether all parts are idle, twice: the first check may miss a message between two services."""
        for _ in range(2):
            if self._crashed:
                return False
            if not self._is_bus_idle(but_held):
                return False
            for service in self.services.values():
                if not await service.idle():
                    return False
        return self._is_bus_idle(but_held)

    def _is_bus_idle(self, but_held: bool) -> bool:
        held = len(self.pace.held) if but_held and self.pace.name == "held" else 0
        return self.broker is None or self.broker.idle_but(held)

    async def _build(self, name: str) -> None:
        kind = settings_type(name)
        settings = kind(**self._values(name, kind))
        transport = self._transports[name] = await self._connect(name, settings)
        if settings.image_url != self.urls["image"] and getattr(settings, "image_api", "") == "rpc":
            api = {"compute": "v2", "volume": "http"}[name]
            raise ValueError(f"STACKWIRE_IMAGE_URL needs STACKWIRE_{name.upper()}_IMAGE_API={api}: RPC has no URL")
        app = f"stackwire.{package(name)}.app"
        build: Any = build_tracer if name == "trace" else importlib.import_module(app).build
        self.services[name] = await build(settings, transport=self._directed(name, transport), clock=self.clock)

    async def _connect(self, name: str, settings: ServiceSettings) -> Transport:
        return await connect(
            self.options.amqp_url,
            name=f"stackwire-{name}",
            broker=self.broker,
            timeout_seconds=BROKER_TIMEOUT_SECONDS,
            signatures=Signatures(settings.bus_key, settings.bus_unsigned),
        )

    def _directed(self, name: str, transport: Transport) -> Transport:
        """The services that users know may be held back, answered for, and have faults; tracer and index look on."""
        if name not in ORDER:
            return transport
        return DirectedTransport(self._subject_to_faults(name, transport), name, self.pace, self.stand_ins)

    def _subject_to_faults(self, name: str, transport: Transport) -> Transport:
        if self.faults is None:
            return transport

        faults = self.faults.of(name)
        faults.report, faults.crash = notes_on(transport), lambda _: self._crash(name)
        return FaultyTransport(transport, faults)

    def _values(self, name: str, kind: type[ServiceSettings]) -> dict[str, Any]:
        options, urls, public = self.options, self.urls, self.options.public_urls()
        seeded = self._seeded_password
        values: dict[str, Any] = {
            "host": options.host,
            "port": options.all_ports[name],
            "database_url": self._database_urls.get(name, ""),
            "amqp_url": options.amqp_url,
            "data_dir": Path(options.data_dir) / package(name),
            "token_key": self._token_key,
            "release": options.release,
            "with_bugs": options.with_bugs,
            **{f"{other}_url": urls[other] for other in ORDER},
            **{f"{other}_public_url": public[other] for other in ORDER},
            **_elsewhere(name),
            "public_url": public[name],
            "trace_http": options.trace_port is not None,
            "cinder_mount_point_base": Path(options.data_dir) / "volume",
            "cinder_store_password": os.environ.get("STACKWIRE_IMAGE_CINDER_STORE_PASSWORD", seeded),
            "registry_host": urlsplit(urls["image"]).hostname,
            "registry_port": options.registry_port,
            "admin_password": os.environ.get("STACKWIRE_IMAGE_ADMIN_PASSWORD", seeded),
            **({"role": REGISTRY} if name == REGISTRY else {}),
            **self._settings.get(package(name), {}),
        }
        return {key: value for key, value in values.items() if key in kind.model_fields}
