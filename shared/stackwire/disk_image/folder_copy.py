"""A folder of files copied aside and put back, holes and shared blocks kept. Everything here blocks: for threads.

Putting back renames the folder away and begins with a new one: a thread that still writes finds its folder gone, and
what has not changed is moved, not copied.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from stackwire.disk_image import sparse_files

FICLONE = 0x40049409
"""The ioctl that shares a whole file's blocks (``linux/fs.h``)."""


class Stamp(NamedTuple):
    """What tells whether a file is the one that was put back."""

    inode: int
    size: int
    modified_ns: int


def files_in(folder: Path) -> dict[str, Stamp]:
    """By their paths under the folder; empty folders end in a slash. A folder that is not there has none."""
    return dict(_files(folder, ""))


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, Stamp]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    if not entries and prefix:
        yield prefix, Stamp(0, 0, 0)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), f"{prefix}{entry.name}/")
        elif entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            yield f"{prefix}{entry.name}", Stamp(status.st_ino, status.st_size, status.st_mtime_ns)


def copy_folder(source: Path, target: Path) -> dict[str, Stamp]:
    """Every file into ``target``, which is made; answers what the source has. BytesMissing, DiskFull, OSError."""
    found = files_in(source)
    target.mkdir(parents=True, exist_ok=True)
    for name in found:
        copy_one(source, target, name)
    return found


def copy_one(source: Path, target: Path, name: str) -> None:
    """One file, or an empty folder, of those that ``files_in`` answers."""
    goal = target / name
    if name.endswith("/"):
        goal.mkdir(parents=True, exist_ok=True)
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    with (
        sparse_files.open_file(source / name, os.O_RDONLY) as read,
        sparse_files.open_file(goal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as written,
    ):
        try:
            fcntl.ioctl(written, FICLONE, read)
        except OSError:  # a file system that shares no blocks, or two of them
            size = os.fstat(read).st_size
            sparse_files.copy_range(read, written, 0, size, 0)
            os.ftruncate(written, size)


def put_back(saved: Path, folder: Path, unchanged: Mapping[str, Stamp]) -> tuple[dict[str, Stamp], Path | None]:
    """The folder as ``saved`` is; ``unchanged``: files that need no copy as long as they have these stamps.

    Answers what it has now, and where the former folder is, for ``shutil.rmtree``: None where nothing had to be done.
    """
    found, wanted = files_in(folder), files_in(saved).keys()
    if found.keys() == wanted and all(unchanged.get(name) == stamp for name, stamp in found.items()):
        return found, None
    aside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.old")
    folder.mkdir(parents=True, exist_ok=True)
    folder.rename(aside)
    folder.mkdir()
    for name in wanted:
        if not name.endswith("/") and name in found and unchanged.get(name) == found[name]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).rename(folder / name)
        else:
            copy_one(saved, folder, name)
    return files_in(folder), aside


def remove_all(*folders: Path) -> None:
    """With everything in them."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def remove_remains(folder: Path) -> None:
    """What a process that died while putting back has left beside the folder."""
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder.parent):
            if entry.name.startswith(f".{folder.name}.") and entry.name.endswith(".old"):
                shutil.rmtree(entry.path, ignore_errors=True)
