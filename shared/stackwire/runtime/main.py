"""One service as a process of its own: settings from the environment, a loop, signals, one line when it cannot start.

from stackwire.image.app import build
from stackwire.image.settings import ImageSettings

main("image", ImageSettings, build)

Exit codes: 0 after SIGTERM or SIGINT, 2 when a setting, the port, the database or the broker is unusable.
"""

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from stackwire.core.errors import ServiceError
from stackwire.core.secrets import masked
from stackwire.core.settings import ServiceSettings, unknown_variables
from stackwire.db.migrate import MigrationError
from stackwire.messaging.connect import connect
from stackwire.messaging.signatures import Signatures
from stackwire.runtime import siblings
from stackwire.runtime.fault_watch import faulty
from stackwire.runtime.logs import configure
from stackwire.runtime.processes import Supervisor
from stackwire.runtime.service import PortInUse, Service

log = logging.getLogger(__name__)
S = TypeVar("S", bound=ServiceSettings)
CANNOT_START = 2
STOP_SECONDS = 10.0
"""What a process that stops may need beside the time for what is under way."""
OWNER_ONLY = 0o077
"""The umask of every service: image bytes, volumes, disks and console logs are for its own user alone."""
MOST_FILES = 65_536
"""Open files of a process, where the system allows so many; shells start with 1,024."""
_M_ARENA_MAX = -8
"""Of glibc's ``malloc.h``."""
STARTUP_ERRORS = (ServiceError, MigrationError, PortInUse, ValidationError, ValueError, OSError)


def prepare_process() -> None:
    """What users store is this user's alone, each connection may have its file, and threads share one heap: they
    allocate with Python's lock, never two at a time, and glibc would keep what each of them once had."""
    with contextlib.suppress(OSError, AttributeError):  # another C library has none of it
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    os.umask(OWNER_ONLY)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def startup_error_text(error: BaseException) -> str:
    """Why it cannot start, in one line, without a password."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        text = f"setting {place}: {first['msg']}" if place else first["msg"].removeprefix("Value error, ")
    else:
        text = str(error) or type(error).__name__
    cause = error.__cause__
    if isinstance(error, ServiceError) and cause is not None:
        text = f"{text.rstrip('.')}: {cause}"
    return masked(" ".join(text.split())).rstrip(".")


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs it on uvloop where that is installed."""
    factory: Any = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_as_coroutine(main))


async def until_signal(ready: Callable[[], None]) -> None:
    """Returns at the first SIGINT or SIGTERM, and when its supervisor dies; a second SIGINT ends the process at once.

    ``ready`` is called when the signal handlers are installed.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    gc.enable()  # whoever starts a cloud may have none looked for until here
    gc.freeze()  # modules and routes stay: each look through them for garbage kept the loop for a tenth of a second

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        stopped.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    if (share := siblings.own()) is not None:
        loop.add_reader(share.supervised, _end_of(loop, share.supervised, stop))
    ready()
    await stopped.wait()


def _end_of(loop: asyncio.AbstractEventLoop, pipe: int, stop: Callable[[], None]) -> Callable[[], None]:
    def ended() -> None:
        loop.remove_reader(pipe)
        stop()

    return ended


def print_line(text: str) -> None:
    """To whoever started the process, and waits for it."""
    print(text, flush=True)  # noqa: T201  # that is what standard output is for


async def serve(
    name: str, settings: S, build: Callable[..., Awaitable[Service]], ready: Callable[[str], None] = print_line
) -> None:
    """Builds the service, starts it and runs it until a signal."""
    signatures = Signatures(settings.bus_key, settings.bus_unsigned)
    transport = await connect(settings.amqp_url, name=f"stackwire-{name}", signatures=signatures)
    try:
        async with faulty(transport, name, enabled=settings.fault_injection) as subject:
            service = await build(settings, transport=subject)
            await service.start()
            log.info("%s has started", name)
            where = f" at {service.url}" if settings.serves_api else ""
            try:
                await until_signal(lambda: ready(f"{name} is ready{where}"))
            finally:
                log.info("%s stops: what is under way has %g s", name, settings.drain_seconds)
                await service.stop()
                log.info("%s has stopped", name)
    finally:
        await transport.close()


def main(
    name: str, settings_type: type[S], build: Callable[..., Awaitable[Service]], *, processes: int = 1, **overrides: Any
) -> NoReturn:
    """The whole program, in one process or in several. Settings given by keyword win over the environment."""
    configure()
    prepare_process()
    code = 0
    try:
        settings = settings_type(**overrides)
        configure(settings.log_format, settings.log_level)
        own = {key: value for key, value in os.environ.items() if key.startswith(f"STACKWIRE_{name}_".upper())}
        for unknown in unknown_variables({name: settings_type}, own):
            log.warning("%s is no setting of %s", unknown, name)
        if processes > 1:
            code = _serve_in(processes, name, settings, build, overrides)
        else:
            run(lambda: serve(name, settings, build))
    except STARTUP_ERRORS as error:
        code = cannot_start(name, error)
    sys.exit(code)


def cannot_start(name: str, error: BaseException) -> int:
    """Says why; the exit code."""
    print(f"stackwire {name}: {startup_error_text(error)}", file=sys.stderr)  # noqa: T201  # the only output of a failed start
    return CANNOT_START


def stop_seconds(settings: ServiceSettings) -> float:
    """How long a process may take from SIGTERM to its end: requests and then messages have their time to drain."""
    return settings.drain_delay + 2 * settings.drain_seconds + STOP_SECONDS


def _serve_in(
    count: int, name: str, settings: S, build: Callable[..., Awaitable[Service]], overrides: dict[str, Any]
) -> int:
    """The exit code. Raises ValueError for settings that want one process, PortInUse."""
    if reason := settings.one_process_because:
        raise ValueError(f"{reason}: it cannot be had with --processes {count}")

    def work(share: siblings.Share, ready: Callable[[str], None]) -> int:
        try:
            own = type(settings)(**{**overrides, **settings.share(share.number, share.count)})
            run(lambda: serve(name, own, build, ready))
        except STARTUP_ERRORS as error:
            return cannot_start(name, error)
        return 0

    grace = stop_seconds(settings)
    places = [(settings.host, port) for port in (settings.api_port, settings.health_port) if port is not None]
    supervisor = Supervisor(name, count, work, places, grace=grace, overlap=not settings.serves_work)
    return supervisor.run(print_line)


async def _as_coroutine(main: Callable[[], Awaitable[None]]) -> None:
    await main()
