"""New clusters are copies: initdb takes most of a second, and the migrations of all services as long again.

The first cluster of a kind is kept, stopped, in the user's cache folder, under a key of all that it depends on. It is
only ever a short cut: a folder that cannot be written, is another's, or lacks something is left alone, and the cluster
is made anew. Nothing is locked: an entry appears whole, by a rename, and a copy is counted before it is used.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

FORMAT = "1"
MANIFEST, CLUSTER, PARTIAL = "manifest.json", "data", ".new-"
MIN_FREE_CLUSTERS = 10
"""A disk with less room than for this many clusters is not filled with one more."""
KEPT_DAYS, PARTIAL_DAYS = 30.0, 1.0
_DAY_SECONDS = 86400.0
COPY_COMMANDS = (("cp", "-a", "--reflink=auto"), ("cp", "-a"))
"""The first for GNU's; a file system that can shares the blocks until one of both is written to."""


def cache_folder() -> Path | None:
    """Of this user's clusters; None without a home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given:
        return Path(given) / "stackwire" / "clusters" if Path(given).is_absolute() else None
    with contextlib.suppress(RuntimeError):
        home = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
        return home / "stackwire" / "clusters"
    return None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a new cluster is to have. ``fill`` puts it into the database of a URL, ``key`` changes with it."""

    key: str = ""
    fill: Callable[[str], None] | None = None


class ClusterCache:
    """The cluster of one kind: of these programs, for the user ``owner``, and of whatever ``depends_on`` says."""

    def __init__(self, programs: Path, owner: int, depends_on: Sequence[str]) -> None:
        self._programs = programs
        self._owner = owner
        self._depends_on = depends_on
        self._folder = cache_folder()

    def usable(self) -> bool:
        """Whether a cluster can be kept: the folder is made if need be."""
        if self._folder is None:
            return False
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return False
        return _is_trusted(self._folder) and os.access(self._folder, os.W_OK | os.X_OK)

    def copy_to(self, target: Path) -> bool:
        """A copy as ``target``, an empty folder; False where there is none, and then ``target`` is empty again."""
        try:
            entry = self._entry()
            if entry is None or not _is_trusted(entry):
                return False
            expected = json.loads((entry / MANIFEST).read_text())
            if _copied(entry / CLUSTER, target) and self._contents(target) == expected:
                with contextlib.suppress(OSError):
                    os.utime(entry)  # or it would look unused
                return True
        except (OSError, ValueError):
            pass
        _empty(target)
        return False

    def keep(self, cluster: Path) -> None:
        """Keeps a copy of a stopped cluster, where there is none and room for it; errors are nobody's concern."""
        with contextlib.suppress(OSError):
            entry = self._entry()
            if entry is None or not self.usable() or entry.exists():
                return
            self._remove_old(entry.parent)
            contents = self._contents(cluster)
            if shutil.disk_usage(entry.parent).free > MIN_FREE_CLUSTERS * contents["bytes"]:
                self._publish(cluster, entry, contents)

    def discard(self) -> None:
        """Removes the cluster: no server starts on it."""
        with contextlib.suppress(OSError):
            entry = self._entry()
            if entry is not None and _is_trusted(entry):
                aside = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=entry.parent)) / entry.name
                entry.rename(aside)
                shutil.rmtree(aside.parent, ignore_errors=True)

    def _publish(self, cluster: Path, entry: Path, contents: dict[str, int]) -> None:
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=entry.parent))
        try:
            (partial / CLUSTER).mkdir(mode=0o700)
            if _copied(cluster, partial / CLUSTER) and self._contents(partial / CLUSTER) == contents:
                (partial / MANIFEST).write_text(json.dumps(contents))
                partial.rename(entry)  # fails where another process was quicker
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _contents(self, cluster: Path) -> dict[str, int]:
        """What tells a whole copy: the number of files, and of their bytes. OSError for one that is another's."""
        found = {"files": 0, "bytes": 0}
        for folder, _, names in os.walk(cluster):
            for name in names:
                status = os.lstat(Path(folder) / name)
                if status.st_uid != self._owner:
                    raise PermissionError(f"{name} belongs to another user")
                found["files"] += 1
                found["bytes"] += status.st_size
        return found

    def _entry(self) -> Path | None:
        if self._folder is None or not self._folder.is_dir():
            return None
        return self._folder / self._key()

    def _key(self) -> str:
        program = self._programs / "postgres"
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        parts = [FORMAT, version, str(program.stat().st_size), platform.machine(), str(self._owner), *self._depends_on]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    def _remove_old(self, folder: Path) -> None:
        """Clusters that nobody has copied for long, and what was left by processes that were killed."""
        for entry in folder.iterdir():
            days = PARTIAL_DAYS if entry.name.startswith(PARTIAL) else KEPT_DAYS
            if entry.lstat().st_mtime < time.time() - days * _DAY_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)


def _is_trusted(folder: Path) -> bool:
    """Whether it is a folder of this user that nobody else may write to."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _copied(source: Path, target: Path) -> bool:
    """Whether everything in ``source``, with its owners and modes, is in the empty folder ``target`` now."""
    for command in COPY_COMMANDS:
        done = subprocess.run([*command, f"{source}/.", target], capture_output=True, check=False)
        if done.returncode == 0:
            return True
        _empty(target)
    return False


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
