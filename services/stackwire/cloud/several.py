"""``stackwire up --processes N``: the whole cloud, N times in processes of its own on the same ports.

Each process has all services; tracer, index and what a new cloud is given are the first one's. The simulated hosts are
shared out. The process that starts them has PostgreSQL, too.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stackwire.cloud.cloud import Cloud, seed_password, settings_type
from stackwire.cloud.datadir import PASSWORD, DataDir
from stackwire.cloud.options import ORDER, Options
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.cloud.postgres_supervisor import Watch
from stackwire.cloud.states.init_hooks import prepare
from stackwire.db.bootstrap import GUESTS, bootstrap
from stackwire.runtime.main import STARTUP_ERRORS, run, startup_error_text, stop_seconds, until_signal
from stackwire.runtime.processes import Supervisor
from stackwire.runtime.siblings import Share

log = logging.getLogger(__name__)


class CannotServe(Exception):
    """The cloud cannot be started like that; the message is one line."""


def run_processes(
    options: Options,
    directory: DataDir,
    admin_url: str,
    database_urls: Mapping[str, str],
    postgres: EmbeddedPostgres | None,
    announce: Callable[[str], None],
) -> None:
    """Returns after a signal, when all have ended. ``announce`` gets the password of the seed's users, or "".

    Raises CannotServe, PortInUse, BootstrapError.
    """
    grace = 0.0
    for name in ORDER:
        settings = settings_type(name)(amqp_url=options.amqp_url)
        if reason := settings.one_process_because:
            raise CannotServe(f"{reason} cannot be had with --processes {options.processes}")
        grace = max(grace, stop_seconds(settings))
    run(lambda: bootstrap(admin_url, guests=GUESTS if options.has_registry else ()))
    password = seed_password()
    region = settings_type("identity")().region
    directory.write_client_files(options.urls()["identity"], region, password or PASSWORD)
    with TemporaryDirectory(prefix="stackwire-up-") as folder:
        notes = _Notes(Path(folder))
        work = partial(_work, options, directory, database_urls, notes)
        places = [(options.host, options.all_ports[name]) for name in _shared_services(options)]
        supervisor = Supervisor("cloud", options.processes, work, places, grace=grace, watch=Watch(postgres).look)
        if supervisor.run(lambda _: announce(password)):
            raise CannotServe(notes.failure or "a process of the cloud died while it started")


def _work(
    options: Options,
    directory: DataDir,
    database_urls: Mapping[str, str],
    notes: "_Notes",
    share: Share,
    ready: Callable[[str], None],
) -> int:
    try:
        run(lambda: _serve(options, share, directory, database_urls, notes, ready))
    except Exception as error:
        notes.failure = startup_error_text(error)
        if not isinstance(error, STARTUP_ERRORS) and "stackwire." not in type(error).__module__:
            log.exception("unexpected")
        return 1
    return 0


def _shared_services(options: Options) -> list[str]:
    return [name for name in options.all_ports if name not in ("trace", "index")]


async def _serve(
    options: Options,
    share: Share,
    directory: DataDir,
    database_urls: Mapping[str, str],
    notes: "_Notes",
    ready: Callable[[str], None],
) -> None:
    """One of the processes, until a signal."""
    is_first = share.number == 1
    own = options if is_first else replace(options, trace_port=None, index_port=None)
    settings: dict[str, dict[str, Any]] = {name: {"trace_http": options.trace_port is not None} for name in ORDER}
    settings["compute"] |= settings_type("compute")().share(share.number, share.count)
    cloud = Cloud(own, database_urls=database_urls, token_key=directory.token_key(), settings=settings)
    await cloud.start()
    try:
        if is_first and not notes.prepared:
            await prepare(cloud, own, directory)
            notes.prepared = True
        await until_signal(lambda: ready("ready"))
    finally:
        await cloud.stop()


class _Notes:
    """What the processes leave for each other."""

    def __init__(self, folder: Path) -> None:
        self._failure, self._prepared = folder / "failure", folder / "prepared"

    @property
    def failure(self) -> str:
        """Why one could not start, in one line."""
        return self._failure.read_text() if self._failure.exists() else ""

    @failure.setter
    def failure(self, text: str) -> None:
        self._failure.write_text(text)

    @property
    def prepared(self) -> bool:
        """Whether the cloud has been given what it is to begin with."""
        return self._prepared.exists()

    @prepared.setter
    def prepared(self, _done: bool) -> None:
        self._prepared.touch()
