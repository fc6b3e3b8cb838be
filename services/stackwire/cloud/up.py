"""``stackwire up`` and ``down``: one process that runs the whole cloud, in the foreground or detached.

Detached, the process forks before anything is started; the parent waits at a pipe for ``ready`` or for an error line.
"""

import contextlib
import gc
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.error import URLError
from urllib.request import urlopen

from stackwire.cloud.datadir import PASSWORD, DataDir, DataDirError
from stackwire.cloud.options import EMBEDDED, REGISTRY, OptionError, Options
from stackwire.cloud.postgres import EmbeddedPostgres, PostgresError
from stackwire.db.bootstrap import ROLES, as_role

CLOUD_STOP_TIMEOUT_SECONDS = 40.0
CANNOT_START = 2


class CannotStart(Exception):
    """The cloud cannot be started or stopped; the message is one line."""


class Databases(NamedTuple):
    """Database URLs. ``server``: the cloud's own PostgreSQL, None for an external one."""

    admin: str
    services: dict[str, str]
    server: EmbeddedPostgres | None = None


def up(options: Options, output: Callable[[str], None]) -> None:
    """Runs the cloud until a signal. Raises CannotStart; returns after a graceful stop."""
    gc.disable()  # until it runs: what is imported and built stays, and to look for garbage in it takes a tenth of that
    try:
        directory, options = _lock(options)
        signal.signal(signal.SIGTERM, _interrupt)  # until the loop handles it: what has started is stopped
        try:
            with _database(options, directory) as databases:
                _run(options, directory, databases, output)
        finally:
            directory.remove_state()
            directory.release()
    finally:
        gc.enable()


def up_detached(options: Options, output: Callable[[str], None]) -> None:
    """Leaves the cloud running in the background. Raises CannotStart with the background process's error text."""
    _, options = _lock(options, keep=False)
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader) as pipe:
            text = pipe.read()
        if not text.startswith("ready\n"):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
            raise CannotStart(text.strip() or f"the cloud died while it started; see {DataDir(options.data_dir).log}")
        output(text.removeprefix("ready\n").rstrip("\n"))
        return
    os.close(reader)
    _in_background(options, writer)


def down(data_dir: Path) -> str:
    """Stops the cloud of the data directory, and a PostgreSQL that still runs. Returns what was done, in one line."""
    directory = DataDir(data_dir)
    state = directory.state()
    stopped = False
    if directory.is_taken():
        pid = (state or {}).get("pid")
        if not isinstance(pid, int):
            raise CannotStart(f"a cloud is starting in {directory.path}; try again when it is ready")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        _wait_until_free(directory, pid)
        stopped = True
    if (directory.path / "postgres").exists() or (directory.path / "postgres.where").exists():
        server = EmbeddedPostgres(directory.path)
        stopped = stopped or server.pid is not None
        server.stop()
    directory.remove_state()
    return f"stopped the cloud in {directory.path}" if stopped else f"no cloud runs in {directory.path}"


def status(data_dir: Path) -> dict[str, Any]:
    """``running``, the process, and each service's URL and health (``ok``, ``unavailable`` or ``no answer``)."""
    directory = DataDir(data_dir)
    state = directory.state() if directory.is_taken() else None
    if state is None:
        return {"running": False, "data_dir": str(directory.path), "services": {}}
    with ThreadPoolExecutor() as pool:
        names = list(state.get("services", {}))
        healths = list(pool.map(_health, state["services"].values()))
    services = {
        name: {"url": state["services"][name], "health": health} for name, health in zip(names, healths, strict=True)
    }
    return {**state, "running": True, "data_dir": str(directory.path), "services": services}


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _lock(options: Options, *, keep: bool = True) -> tuple[DataDir, Options]:
    """The locked data directory, and the checked options with its absolute path; ``keep``: keep the lock."""
    directory = DataDir(options.data_dir)
    try:
        directory.create()
        directory.take()
        try:
            options.check()
            importlib.import_module("stackwire.cloud.cloud").check_environment()
        except BaseException:
            directory.release()
            raise
    except (DataDirError, OptionError) as error:
        raise CannotStart(str(error)) from error
    if not keep:
        directory.release()
    return directory, replace(options, data_dir=directory.path)


def _in_background(options: Options, pipe: int) -> None:
    """The child: its own session, its output in the log; never returns."""
    os.setsid()
    directory = DataDir(options.data_dir)
    log = os.open(directory.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)

    def report_ready(text: str) -> None:
        os.write(pipe, f"ready\n{text}\n".encode())
        os.close(pipe)

    code = 0
    try:
        up(options, report_ready)
    except CannotStart as error:
        print(error, file=sys.stderr)
        with contextlib.suppress(OSError):
            os.write(pipe, str(error).encode())
        code = CANNOT_START
    except BaseException:
        logging.exception("the cloud ended")
        code = 1
    finally:
        sys.stdout.flush()
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)


@contextlib.contextmanager
def _database(options: Options, directory: DataDir) -> Iterator[Databases]:
    """The database of the whole cloud: for a user who may do everything in it, and for each service's role."""
    if options.database_url != EMBEDDED:
        yield Databases(options.database_url, {name: as_role(options.database_url, name) for name in ROLES})
        return
    from stackwire.cloud.schemas import schemas

    try:
        most = 60 + 40 * options.processes
        server = EmbeddedPostgres(directory.path, max_connections=most, contents=schemas)
    except PostgresError as error:
        raise CannotStart(str(error)) from error
    try:
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(server.start)
            _import_services(options.services)  # meanwhile: each side has about a second of work
            started.result()
        yield Databases(server.dsn(), {name: server.dsn(name) for name in ROLES}, server)
    except PostgresError as error:
        raise CannotStart(str(error)) from error
    finally:
        server.stop()


def _import_services(names: Sequence[str]) -> None:
    for name in names:
        importlib.import_module(f"stackwire.{'image' if name == REGISTRY else name}.app")


def _run(options: Options, directory: DataDir, databases: Databases, output: Callable[[str], None]) -> None:
    from stackwire.db.bootstrap import BootstrapError
    from stackwire.runtime.logs import configure
    from stackwire.runtime.main import STARTUP_ERRORS, prepare_process, run, startup_error_text

    def announce(password: str) -> None:
        directory.write_state(_state(options))
        output(_welcome(options, directory, password))

    configure(options.log_format, options.log_level)
    prepare_process()  # only now: PostgreSQL's own user has to enter the folders above its own
    try:
        if options.processes > 1:
            several = importlib.import_module("stackwire.cloud.several")
            several.run_processes(options, directory, *databases, announce)
        else:
            run(lambda: _serve(options, directory, databases, output))
    except Exception as error:
        if not isinstance(error, (BootstrapError, *STARTUP_ERRORS)) and "stackwire." not in type(error).__module__:
            logging.exception("unexpected")  # the error line alone would not help to find it
        raise CannotStart(startup_error_text(error)) from error


async def _serve(options: Options, directory: DataDir, databases: Databases, output: Callable[[str], None]) -> None:
    from stackwire.cloud.admin.embedded import admin_port
    from stackwire.cloud.cloud import Cloud, seed_password, settings_type
    from stackwire.cloud.postgres_supervisor import supervised
    from stackwire.cloud.states.init_hooks import prepare
    from stackwire.core.faults import FaultRules
    from stackwire.core.ids import IDS
    from stackwire.db.bootstrap import GUESTS, bootstrap
    from stackwire.runtime.main import until_signal

    if options.id_seed is not None:
        IDS.seed(options.id_seed)
        IDS.restart(directory.next_series())
    password = seed_password()
    await bootstrap(databases.admin, guests=GUESTS if options.has_registry else ())
    faults = None if options.admin_port is None else FaultRules()
    cloud = Cloud(options, database_urls=databases.services, token_key=directory.token_key(), faults=faults)
    await cloud.start()
    gc.enable()
    try:
        region = settings_type("identity")().region
        directory.write_client_files(cloud.urls["identity"], region, password or PASSWORD)
        directory.write_state(_state(options))
        await prepare(cloud, options, directory)
        async with supervised(databases.server), admin_port(cloud, options, directory.path, databases.admin):
            await until_signal(lambda: output(_welcome(options, directory, password)))
    finally:
        await cloud.stop()


def _state(options: Options) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "services": options.urls(),
        "release": options.release.lower(),
        "with_bugs": list(options.with_bugs),
        "database": "embedded" if options.database_url == EMBEDDED else "external",
        "bus": "memory" if options.amqp_url == "memory" else "rabbitmq",
        "admin_url": options.admin_url,
    }


def _welcome(options: Options, directory: DataDir, password: str) -> str:
    lines = ["The cloud is ready:"]
    lines += [f"  {name:<9} {url}" for name, url in options.urls().items()]
    lines += [
        "Use it:",
        f"  export OS_CLIENT_CONFIG_FILE={directory.clouds_yaml} OS_CLOUD=stackwire",
        f"  . {directory.openrc}       (the same for tools that know no clouds.yaml)",
        "Clouds: stackwire (demo), stackwire-admin, stackwire-alt; "
        + ("their password is in these files." if password else f"every password is '{PASSWORD}'."),
    ]
    if options.admin_url is not None:
        lines.append(f"Admin port: {options.admin_url}, its token in {directory.path / 'admin.token'}.")
    if options.is_exposed:
        lines.append(f"Others than this machine reach it at {options.host}; whoever does sees what the tracer shows.")
    return "\n".join(lines)


def _wait_until_free(directory: DataDir, pid: int) -> None:
    deadline = time.monotonic() + CLOUD_STOP_TIMEOUT_SECONDS
    while directory.is_taken():
        if time.monotonic() > deadline:
            raise CannotStart(f"the cloud (process {pid}) did not stop within {CLOUD_STOP_TIMEOUT_SECONDS:.0f} s")
        time.sleep(0.02)


def _health(url: str) -> str:
    try:
        with urlopen(f"{url}/healthcheck", timeout=3):  # noqa: S310  # our own http URL
            return "ok"
    except URLError as error:
        return "unavailable" if getattr(error, "code", None) == 503 else "no answer"
    except OSError:
        return "no answer"
