"""The backup store: a folder in the layout of Cinder's posix driver (``cinder/backup/drivers/posix.py``).

A backup has objects ``<container>/<prefix>-00001`` and on, ``<prefix>_sha256file`` with the digest of each
block of the volume, and ``<prefix>_metadata``, written last. A full backup has an object for each two gigabytes
of the volume, an incremental one an object for each run of blocks that are not as its parent's. Objects are sparse
files, so that zeroes take no space; nothing is compressed. All work happens off the loop.
"""

import asyncio
import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from stackwire.core.errors import ServiceError
from stackwire.volume.backends import sparse_files

OBJECT_BYTES = 1_999_994_880
"""cinder.conf: backup_file_size, its default: the most that an object holds."""
HASH_BLOCK_BYTES = 32 * 1024
"""cinder.conf: backup_sha_block_size_bytes, its default: what is compared between a backup and its parent."""
_ZERO_DIGEST = hashlib.sha256(bytes(HASH_BLOCK_BYTES)).hexdigest()
Objects = list[dict[str, dict[str, Any]]]


class InvalidContainer(ServiceError):
    """A backup cannot be stored in the container {container}."""


class BackupDamaged(ServiceError):
    """The objects of backup {prefix} are missing or damaged."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a backup's objects are."""

    container: str
    prefix: str


class BackupStore:
    """Backups by location under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    async def write(self, location: Location, source: Path, parent: Location | None) -> Objects:
        """Stores the bytes of ``source``: all, or what differs from the parent's. The objects with offset and length.
        InvalidContainer, BytesMissing, DiskFull, BackupDamaged."""
        return await asyncio.to_thread(self._write, location, source, parent)

    async def write_metadata(self, location: Location, metadata: Mapping[str, Any]) -> None:
        """Completes a backup."""
        await asyncio.to_thread(self._write_json, location, "_metadata", metadata)

    async def read_metadata(self, location: Location) -> dict[str, Any]:
        """What it was completed with. BackupDamaged."""
        return await asyncio.to_thread(self._read_json, location, "_metadata")

    async def restore(self, chain: Sequence[Location], target: Path) -> None:
        """Writes the newest state of a chain (the full backup first) into a new file, and compares each block with its
        digest. BackupDamaged, DiskFull."""
        await asyncio.to_thread(self._restore, chain, target)

    async def remove(self, location: Location) -> None:
        """Removes what is there of a backup."""
        await asyncio.to_thread(self._remove, location)

    def _path(self, location: Location, suffix: str) -> Path:
        """InvalidContainer for a path that leads out of the store, or is none."""
        try:
            folder = (self._folder / location.container).resolve()
            path = folder / f"{location.prefix}{suffix}"
            if location.prefix and folder.is_relative_to(self._folder) and path.parent == folder:
                return path
        except (ValueError, OSError):
            pass
        raise InvalidContainer(container=location.container)

    def _write(self, location: Location, source: Path, parent: Location | None) -> Objects:
        known = self._digests(parent) if parent is not None else None
        try:
            self._path(location, "_metadata").parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidContainer(container=location.container) from error
        objects: Objects = []
        with sparse_files.open_file(source, os.O_RDONLY, source.name) as handle:
            size = os.fstat(handle).st_size
            digests = _digests_of(handle, size)
            for number, (at, length) in enumerate(_extents(digests, known, size), 1):
                suffix = f"-{number:05}"
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                with sparse_files.open_file(self._path(location, suffix), flags) as target:
                    sparse_files.copy_range(handle, target, at, length, 0)
                    os.ftruncate(target, length)
                objects.append({f"{location.prefix}{suffix}": {"offset": at, "length": length, "compression": "none"}})
        self._write_json(location, "_sha256file", {"chunk_size": HASH_BLOCK_BYTES, "sha256s": digests})
        return objects

    def _restore(self, chain: Sequence[Location], target: Path) -> None:
        digests = self._digests(chain[-1])
        layers = [(location, extent) for location in chain for extent in self._objects(location)]
        with sparse_files.open_file(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC) as handle:
            for number, at, length in _visible(len(digests), [extent for _, extent in layers]):
                location, (suffix, offset, _) = layers[number]
                with self._object(location, suffix) as source:
                    sparse_files.copy_range(source, handle, at - offset, length, at)
            size = len(digests) * HASH_BLOCK_BYTES
            os.ftruncate(handle, size)
            if _digests_of(handle, size) != digests:
                raise BackupDamaged(prefix=chain[-1].prefix)

    def _object(self, location: Location, suffix: str) -> Any:
        return sparse_files.open_file(self._path(location, suffix), os.O_RDONLY, f"{location.prefix}{suffix}")

    def _objects(self, location: Location) -> Iterator[tuple[str, int, int]]:
        """Suffix, offset and length of each. BackupDamaged."""
        try:
            for stored in self._read_json(location, "_metadata")["objects"]:
                ((name, extent),) = stored.items()
                offset, length = int(extent["offset"]), int(extent["length"])
                if not name.startswith(location.prefix) or offset % HASH_BLOCK_BYTES or length <= 0:
                    raise BackupDamaged(prefix=location.prefix)
                yield name.removeprefix(location.prefix), offset, length
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise BackupDamaged(prefix=location.prefix) from error

    def _digests(self, location: Location) -> list[str]:
        stored = self._read_json(location, "_sha256file")
        if stored.get("chunk_size") != HASH_BLOCK_BYTES or not isinstance(stored.get("sha256s"), list):
            raise BackupDamaged(prefix=location.prefix)
        return list(stored["sha256s"])

    def _write_json(self, location: Location, suffix: str, value: Mapping[str, Any]) -> None:
        """Under its name only when it is whole."""
        path = self._path(location, suffix)
        partial = self._path(location, f"{suffix}.partial")
        partial.write_text(json.dumps(value), "utf-8")
        partial.replace(path)

    def _read_json(self, location: Location, suffix: str) -> dict[str, Any]:
        try:
            found = json.loads(self._path(location, suffix).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise BackupDamaged(prefix=location.prefix) from error
        return found if isinstance(found, dict) else {}

    def _remove(self, location: Location) -> None:
        """Also the folder that was made for this backup alone."""
        try:
            folder = self._path(location, "_metadata").parent
            entries = sorted(folder.iterdir())
        except (InvalidContainer, FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # nothing can have been stored there
                return
            raise
        for entry in entries:
            if entry.name.startswith((f"{location.prefix}-", f"{location.prefix}_")):
                entry.unlink(missing_ok=True)
        if location.prefix.endswith(f"backup_{folder.name}"):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _digests_of(handle: int, size: int) -> list[str]:
    """SHA-256 of each block; holes are not read."""
    extents, found = sparse_files.Extents(handle, size), []
    for at in range(0, size, sparse_files.VOLUME_CHUNK_BYTES):
        length = min(sparse_files.VOLUME_CHUNK_BYTES, size - at)
        if extents.is_hole(at, length):
            found += [_ZERO_DIGEST] * -(-length // HASH_BLOCK_BYTES)
            continue
        chunk = memoryview(os.pread(handle, length, at))
        found += [
            hashlib.sha256(chunk[start : start + HASH_BLOCK_BYTES]).hexdigest()
            for start in range(0, length, HASH_BLOCK_BYTES)
        ]
    return found


def _extents(digests: Sequence[str], known: Sequence[str] | None, size: int) -> Iterator[tuple[int, int]]:
    """Offset and length of what is to be stored: everything, or each run of blocks that are not known."""
    if known is None:
        yield from ((at, min(OBJECT_BYTES, size - at)) for at in range(0, size, OBJECT_BYTES))
        return
    changed = [index for index, digest in enumerate(digests) if index >= len(known) or digest != known[index]]
    per_object = OBJECT_BYTES // HASH_BLOCK_BYTES
    # Neighbours have the same difference to their place in the list; no object reaches over a multiple of its size.
    runs = groupby(enumerate(changed), key=lambda pair: (pair[1] - pair[0], pair[1] // per_object))
    for _, run in runs:
        blocks = [index for _, index in run]
        yield (
            blocks[0] * HASH_BLOCK_BYTES,
            min((blocks[-1] + 1) * HASH_BLOCK_BYTES, size) - blocks[0] * HASH_BLOCK_BYTES,
        )


def _visible(blocks: int, extents: Sequence[tuple[str, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Of extents that are laid over each other: the number of one, and offset and length of what is seen of it."""
    owners = [-1] * blocks
    for number, (_, offset, length) in enumerate(extents):
        first = offset // HASH_BLOCK_BYTES
        count = min(-(-length // HASH_BLOCK_BYTES), blocks - first)
        owners[first : first + count] = [number] * max(count, 0)
    at = 0
    for number, run in groupby(owners[:blocks]):
        length = sum(1 for _ in run) * HASH_BLOCK_BYTES
        if number >= 0:
            yield number, at, length
        at += length
