"""Where an embedded PostgreSQL has its data, whether a server runs on it, and what its log says.

The data are in the cloud's data directory, or below the shared home when PostgreSQL's user cannot enter that; then the
file ``postgres.where`` in the data directory has the path.
"""

import hashlib
import shutil
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

from stackwire.cloud.postgres_binaries import PostgresError, SystemUser, shared_home

MAX_SOCKET_PATH = 85  # sun_path is 108 bytes on Linux, 104 on macOS; ".s.PGSQL.5432" and a temporary suffix follow


def find_home(data_dir: Path, user: SystemUser | None) -> Path:
    """The home of the server of ``data_dir``; created below the shared home where ``user`` cannot enter ``data_dir``.

    Raises PostgresError when the folders cannot be written to.
    """
    home, note = data_dir / "postgres", pointer(data_dir)
    try:
        if note.exists() and (elsewhere := Path(note.read_text().strip())).is_dir():
            return elsewhere
        data_dir.mkdir(parents=True, exist_ok=True)
        if user is None or home.exists() or user.can_enter(data_dir):
            return home
        _remove_stale_homes()
        elsewhere = Path(tempfile.mkdtemp(prefix="data-", dir=shared_home()))
        (elsewhere / "origin").write_text(f"{data_dir}\n")
        note.write_text(f"{elsewhere}\n")
    except OSError as error:
        raise PostgresError(f"cannot write to the data directory {data_dir}: {error.strerror}") from error
    return elsewhere


def pointer(data_dir: Path) -> Path:
    """The file that has the path of a home elsewhere."""
    return data_dir / "postgres.where"


def socket_dir(home: Path) -> Path:
    """The folder of the Unix socket: in the home, or in /tmp where the path would be too long for a socket."""
    inside = home / "socket"
    if len(str(inside).encode()) <= MAX_SOCKET_PATH:
        return inside
    return Path("/tmp") / f"stackwire-{hashlib.sha256(str(home).encode()).hexdigest()[:16]}"  # noqa: S108  # short; owner checked


def pid_in(data: Path) -> int | None:
    """The process id in the server's pid file, which may be stale. OSError when the file cannot be opened now."""
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
        return None


def is_server(pid: int, data: Path) -> bool:
    """True when the process is alive and is PostgreSQL on this data: a stale pid may be another process's.

    OSError when that cannot be told now, as without a free file descriptor.
    """
    proc = Path("/proc") / str(pid)
    if proc.parent.joinpath("self").exists():
        try:
            state = (proc / "stat").read_text().rsplit(")", 1)[1].split()[0]
            return state != "Z" and str(data).encode() in (proc / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError, IndexError):
            return False
    command = ["ps", "-o", "command=", "-p", str(pid)]
    return str(data) in subprocess.run(command, capture_output=True, text=True, check=False).stdout


def answers(home: Path) -> bool:
    """Sends an SSLRequest, which every server answers with S or N: the pid file may be a dying server's."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5.0)
        try:
            client.connect(str(socket_dir(home) / ".s.PGSQL.5432"))
            client.sendall(struct.pack("!ii", 8, 80877103))
            return client.recv(1) in (b"S", b"N")
        except OSError:
            return False


def last_log_line(text: str) -> str:
    """The last FATAL or error line of a program's output, otherwise its last: clean-up messages follow an error."""
    for label in ("FATAL:", "error:"):
        found = [line for line in text.splitlines() if label in line]
        if found:
            return found[-1].split(label, 1)[1].strip()
    return _last_line(text)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def _remove_stale_homes() -> None:
    """Removes the homes below the shared one whose data directory is deleted, or has another home now."""
    for home in shared_home().glob("data-*"):
        try:
            in_use = pointer(Path((home / "origin").read_text().strip())).read_text().strip() == str(home)
        except OSError:
            in_use = not (home / "origin").exists()  # being created at this moment
        pid = pid_in(home / "data")
        if not in_use and (pid is None or not is_server(pid, home / "data")):
            shutil.rmtree(home, ignore_errors=True)
