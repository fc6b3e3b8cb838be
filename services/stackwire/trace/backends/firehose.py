"""RabbitMQ's firehose, enabled and disabled through the management API, or by rabbitmqctl beside a local broker."""

import asyncio
import shutil
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from yarl import URL

from stackwire.core.errors import Unavailable
from stackwire.messaging.transport import Transport
from stackwire.trace.backends.bus_watch import BusWatch
from stackwire.trace.domain.message_store import MessageStore

MANAGEMENT_PORT = 15672
_MANAGEMENT_TIMEOUT = aiohttp.ClientTimeout(total=5)
_RABBITMQCTL_TIMEOUT_SECONDS = 30
_LOCAL = ("localhost", "127.0.0.1", "::1")


class FirehoseUnavailable(Unavailable):
    """The firehose could not be enabled; the message says how an operator can, in one line."""


OUTAGE_CHECK_SECONDS = 0.5
"""How often it is checked whether the broker was disconnected."""


@asynccontextmanager
async def firehose(
    transport: Transport,
    store: MessageStore,
    amqp_url: str,
    management_url: str | None = None,
    *,
    switches: "Switches | None" = None,
) -> AsyncIterator[str]:
    """Every message of the URL's vhost is added to the store inside the block. Yields how tracing was enabled.

    A firehose that was enabled stays so; one enabled here is disabled again. Raises FirehoseUnavailable.

    ``management_url`` is ``http://user:password@host:15672``; without it the broker's own host and login are tried.
    ``switches``: other ways to enable it.
    """
    watch = BusWatch(transport, store)
    await watch.start()
    try:
        monitor = _OutageMonitor(transport, store, watch, switches or _UrlSwitches(amqp_url, management_url))
        monitor.switch = await _enable(watch, monitor.switches)
        monitoring = asyncio.create_task(monitor.run())
        try:
            yield monitor.switch.how if monitor.switch else "it was on already"
        finally:
            monitoring.cancel()
            await asyncio.gather(monitoring, return_exceptions=True)
            if monitor.switch is not None:
                await asyncio.shield(monitor.switch.set_enabled(False))
    finally:
        await watch.close()


class _OutageMonitor:
    """After an outage the broker's firehose is disabled: it is enabled again, and the outage is recorded."""

    def __init__(self, transport: Transport, store: MessageStore, watch: BusWatch, switches: "Switches") -> None:
        self.switch: Switch | None = None
        self.switches = switches
        self._transport = transport
        self._store = store
        self._watch = watch

    async def run(self) -> None:
        known = len(self._transport.outages)
        while True:
            await asyncio.sleep(OUTAGE_CHECK_SECONDS)
            outages = list(self._transport.outages)
            if len(outages) == known:
                continue
            try:
                self.switch = await _enable(self._watch, self.switches) or self.switch
                self._store.problem = None
            except FirehoseUnavailable as error:
                self._store.problem = f"only notifications and lineage are traced. {error}"
            except Unavailable:
                continue  # disconnected again
            # Until now nothing was received, though the bus itself was connected earlier.
            self._store.outages += [(since, time.time()) for since, _ in outages[known:]]
            known = len(outages)


async def _enable(watch: BusWatch, switches: "Switches") -> "Switch | None":
    """The switch that enabled it, None when it was enabled.

    Messages on the bus are the proof, since rabbitmqctl may belong to another broker.
    """
    if await watch.is_receiving():
        return None
    for switch in switches.all():
        if await switch.set_enabled(True):
            if await watch.is_receiving():
                return switch
            await switch.set_enabled(False)
    raise FirehoseUnavailable(
        "RabbitMQ's firehose is off and cannot be switched on from here:"
        f" run 'rabbitmqctl trace_on -p {switches.vhost}' on the broker,"
        " or give a management URL with a login that may administer it"
    )


class Switches(Protocol):
    """Ways to enable the firehose, the best first."""

    vhost: str

    def all(self) -> "list[Switch]":
        """Those that may work."""
        ...


class Switch:
    """One way to enable and disable the firehose; ``how`` names it."""

    how: str

    async def set_enabled(self, on: bool) -> bool:
        """True when the request was accepted."""
        raise NotImplementedError


class _Management(Switch):
    how = "by the management API"

    def __init__(self, base: str, user: str, password: str, vhost: str) -> None:
        self._url = URL(f"{base.rstrip('/')}/api/vhosts/{quote(vhost, safe='')}", encoded=True)
        login = b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}

    async def set_enabled(self, on: bool) -> bool:
        try:
            async with aiohttp.ClientSession(timeout=_MANAGEMENT_TIMEOUT, headers=self._headers) as session:
                async with session.put(self._url, json={"tracing": on}) as answer:
                    return answer.status in (201, 204)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


class _Command(Switch):
    how = "by rabbitmqctl"

    def __init__(self, vhost: str) -> None:
        self._vhost = vhost

    async def set_enabled(self, on: bool) -> bool:
        program = shutil.which("rabbitmqctl")
        if program is None:
            return False
        quiet = asyncio.subprocess.DEVNULL
        command = (program, "-q", "trace_on" if on else "trace_off", "-p", self._vhost)
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=quiet, stdout=quiet, stderr=quiet)
            return await asyncio.wait_for(process.wait(), _RABBITMQCTL_TIMEOUT_SECONDS) == 0
        except (OSError, TimeoutError):
            return False


class _UrlSwitches:
    def __init__(self, amqp_url: str, management_url: str | None) -> None:
        self._amqp = urlsplit(amqp_url)
        self._management = management_url
        self.vhost = unquote(self._amqp.path[1:]) or "/"

    def all(self) -> list[Switch]:
        host = f"[{self._amqp.hostname}]" if ":" in (self._amqp.hostname or "") else self._amqp.hostname
        given = urlsplit(self._management or f"http://{host}:{MANAGEMENT_PORT}")
        user = unquote(given.username or self._amqp.username or "guest")
        password = unquote(given.password or self._amqp.password or "guest")
        base = given._replace(netloc=given.netloc.rpartition("@")[2]).geturl()
        found: list[Switch] = [_Management(base, user, password, self.vhost)]
        return [*found, _Command(self.vhost)] if self._amqp.hostname in _LOCAL else found
