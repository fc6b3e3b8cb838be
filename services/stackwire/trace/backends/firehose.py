"""RabbitMQ's firehose, switched on and off again: through the management API, or rabbitmqctl beside a local broker."""

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
from stackwire.trace.backends.bus_watch import Watch
from stackwire.trace.domain.message_store import Store

MANAGEMENT_PORT = 15672
_PATIENCE = aiohttp.ClientTimeout(total=5)
_LOCAL = ("localhost", "127.0.0.1", "::1")


class CannotTrace(Unavailable):
    """The firehose could not be switched on; the message says how a person may, in one line."""


LOOK_SECONDS = 0.5
"""How often it is asked whether the broker was away."""


@asynccontextmanager
async def firehose(
    transport: Transport,
    store: Store,
    amqp_url: str,
    management_url: str | None = None,
    *,
    switches: "Switches | None" = None,
) -> AsyncIterator[str]:
    """Every message of the URL's vhost goes into the store while inside. Yields how tracing was switched on.

    A firehose found on stays on; one switched on here is switched off again. Raises CannotTrace. ``management_url``
    is ``http://user:password@host:15672``; without it the broker's own host and login are tried;
    ``switches`` are other ways to switch it.
    """
    watch = Watch(transport, store)
    await watch.start()
    try:
        guard = _Guard(transport, store, watch, switches or _Switches(amqp_url, management_url))
        guard.switch = await _switched_on(watch, guard.switches)
        keeping = asyncio.create_task(guard.keep())
        try:
            yield guard.switch.how if guard.switch else "it was on already"
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            if guard.switch is not None:
                await asyncio.shield(guard.switch.turn(False))
    finally:
        await watch.close()


class _Guard:
    """A broker that was away comes back with its firehose off: it is switched on again, and the gap is told."""

    def __init__(self, transport: Transport, store: Store, watch: Watch, switches: "Switches") -> None:
        self.switch: _Switch | None = None
        self.switches = switches
        self._transport = transport
        self._store = store
        self._watch = watch

    async def keep(self) -> None:
        known = len(self._transport.outages)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            outages = list(self._transport.outages)
            if len(outages) == known:
                continue
            try:
                self.switch = await _switched_on(self._watch, self.switches) or self.switch
                self._store.problem = None
            except CannotTrace as error:
                self._store.problem = f"only notifications and lineage are traced. {error}"
            except Unavailable:
                continue  # away again
            # Until now nothing was seen, though the bus itself was back before.
            self._store.gaps += [(since, time.time()) for since, _ in outages[known:]]
            known = len(outages)


async def _switched_on(watch: Watch, switches: "Switches") -> "_Switch | None":
    """Whether a switch worked is asked of the bus, not of the switch: rabbitmqctl may belong to another broker."""
    if await watch.sees():
        return None
    for switch in switches.all():
        if await switch.turn(True):
            if await watch.sees():
                return switch
            await switch.turn(False)
    raise CannotTrace(
        "RabbitMQ's firehose is off and cannot be switched on from here:"
        f" run 'rabbitmqctl trace_on -p {switches.vhost}' on the broker,"
        " or give a management URL with a login that may administer it"
    )


class Switches(Protocol):
    """Ways to switch the firehose, the best first."""

    vhost: str

    def all(self) -> "list[_Switch]": ...


class _Switch:
    how: str

    async def turn(self, on: bool) -> bool:
        """True when it was understood."""
        raise NotImplementedError


class _Management(_Switch):
    how = "by the management API"

    def __init__(self, base: str, user: str, password: str, vhost: str) -> None:
        self._url = URL(f"{base.rstrip('/')}/api/vhosts/{quote(vhost, safe='')}", encoded=True)
        login = b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}

    async def turn(self, on: bool) -> bool:
        try:
            async with aiohttp.ClientSession(timeout=_PATIENCE, headers=self._headers) as session:
                async with session.put(self._url, json={"tracing": on}) as answer:
                    return answer.status in (201, 204)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


class _Command(_Switch):
    how = "by rabbitmqctl"

    def __init__(self, vhost: str) -> None:
        self._vhost = vhost

    async def turn(self, on: bool) -> bool:
        program = shutil.which("rabbitmqctl")
        if program is None:
            return False
        quiet = asyncio.subprocess.DEVNULL
        words = (program, "-q", "trace_on" if on else "trace_off", "-p", self._vhost)
        try:
            process = await asyncio.create_subprocess_exec(*words, stdin=quiet, stdout=quiet, stderr=quiet)
            return await asyncio.wait_for(process.wait(), 30) == 0
        except (OSError, TimeoutError):
            return False


class _Switches:
    def __init__(self, amqp_url: str, management_url: str | None) -> None:
        self._amqp = urlsplit(amqp_url)
        self._management = management_url
        self.vhost = unquote(self._amqp.path[1:]) or "/"

    def all(self) -> list[_Switch]:
        host = f"[{self._amqp.hostname}]" if ":" in (self._amqp.hostname or "") else self._amqp.hostname
        given = urlsplit(self._management or f"http://{host}:{MANAGEMENT_PORT}")
        user = unquote(given.username or self._amqp.username or "guest")
        password = unquote(given.password or self._amqp.password or "guest")
        base = given._replace(netloc=given.netloc.rpartition("@")[2]).geturl()
        found: list[_Switch] = [_Management(base, user, password, self.vhost)]
        return [*found, _Command(self.vhost)] if self._amqp.hostname in _LOCAL else found
