"""The servers that the clouds of one test run share: a PostgreSQL with a migrated template database, and a RabbitMQ.

A process of their own has them, from the first cloud that needs them until the last one that uses them has ended,
however it ended: each user of the servers holds a shared lock on a file, and the process waits for an exclusive one.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from stackwire.cloud.options import EMBEDDED, MEMORY

Backend = Literal["embedded", "urls", "containers"]
WORKER = "{worker}"
SHARED_MAX_CONNECTIONS = 500
_USERS_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Servers:
    """``database_url``: of a user who may create databases; ``template``: the one to copy; ``amqp_url``: with
    ``{worker}`` in it where each worker has a vhost."""

    database_url: str
    template: str | None
    amqp_url: str

    def amqp_url_of(self, worker: str) -> str:
        """The bus of one worker."""
        return self.amqp_url.replace(WORKER, worker)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What was asked for. ``workers``: of pytest-xdist, by name; ``name``: of the test run, in names of databases."""

    backend: Backend
    database_url: str = EMBEDDED
    amqp_url: str = MEMORY
    workers: tuple[str, ...] = ("master",)
    name: str = "stackwire_tests"


class CannotServe(Exception):
    """The servers cannot be had; the message says why."""


@contextlib.contextmanager
def shared(folder: Path, options: ServerOptions) -> Iterator[Servers]:
    """The servers of all processes that use the same folder, started by the first of them. Raises CannotServe."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "starting", fcntl.LOCK_EX):
        if not _is_served(folder):
            _start(folder, options)
        servers = Servers(**json.loads((folder / "servers.json").read_text()))
        users = os.open(folder / "users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(users, fcntl.LOCK_SH)
    try:
        yield servers
    finally:
        os.close(users)


def _is_served(folder: Path) -> bool:
    with contextlib.suppress(BlockingIOError):
        with _locked(folder / "serving", fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
    return (folder / "servers.json").exists()


def _start(folder: Path, options: ServerOptions) -> None:
    with (folder / "servers.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "stackwire.testing.servers", str(folder), json.dumps(asdict(options))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    with process.stdout:
        answer = process.stdout.readline().strip()
    if answer != "ready":
        lines = (folder / "servers.log").read_text().splitlines()
        raise CannotServe(answer or (lines[-1] if lines else "the servers of the tests did not start"))


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


# ---- the process that has them


def main() -> int:
    """The exit code."""
    folder, wanted = Path(sys.argv[1]), json.loads(sys.argv[2])
    options = ServerOptions(**{**wanted, "workers": tuple(wanted["workers"])})
    with _locked(folder / "serving", fcntl.LOCK_EX), contextlib.ExitStack() as stack:
        try:
            servers = _started(folder, options, stack)
        except Exception as error:
            _answer(f"{options.backend}: {' '.join(str(error).split()) or type(error).__name__}")
            raise
        (folder / "servers.json").write_text(json.dumps(asdict(servers)))
        _answer("ready")
        with _ended(folder):
            (folder / "servers.json").unlink()
            stack.close()
    return 0


def _answer(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # the starting process waits for it
    os.dup2(2, 1)


@contextlib.contextmanager
def _ended(folder: Path) -> Iterator[None]:
    """Enters when nobody uses them; nobody begins to inside the block."""
    while True:
        with _locked(folder / "users", fcntl.LOCK_EX), contextlib.ExitStack() as stack:
            with contextlib.suppress(BlockingIOError):
                stack.enter_context(_locked(folder / "starting", fcntl.LOCK_EX | fcntl.LOCK_NB))
                yield
                return
        time.sleep(_USERS_POLL_SECONDS)  # somebody is about to


def _started(folder: Path, options: ServerOptions, stack: contextlib.ExitStack) -> Servers:
    url, amqp_url, source = options.database_url, options.amqp_url, None
    if options.backend == "containers":
        from stackwire.testing.containers import postgres, rabbitmq

        url = stack.enter_context(postgres())
        amqp_url = stack.enter_context(rabbitmq(options.workers))
    elif url == EMBEDDED:
        from stackwire.cloud.postgres import EmbeddedPostgres
        from stackwire.cloud.schemas import schemas

        server = EmbeddedPostgres(folder / "postgres", max_connections=SHARED_MAX_CONNECTIONS, contents=schemas)
        stack.callback(server.remove)
        server.start()
        url, source = server.dsn(), "postgres"
    asyncio.run(_make_template(url, options.name, source))
    stack.callback(asyncio.run, _drop(url, options))
    return Servers(url, options.name, amqp_url)


async def _make_template(url: str, name: str, source: str | None) -> None:
    """A database in which every service's migrations have run; ``source`` may have some of them."""
    from stackwire.cloud.schemas import migrate_all
    from stackwire.db.bootstrap import create_database, with_database

    await create_database(url, name, template=source)
    await migrate_all(with_database(url, name))


async def _drop(url: str, options: ServerOptions) -> None:
    from stackwire.db.bootstrap import drop_database

    for name in (*(f"{options.name}_{worker}" for worker in options.workers), options.name):
        await drop_database(url, name)


if __name__ == "__main__":
    sys.exit(main())
