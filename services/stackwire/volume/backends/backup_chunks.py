"""Backups in objects, as Cinder's chunked drivers lay them out (``cinder/backup/chunkeddriver.py``).

A backup has objects ``<prefix>-00001`` and on, ``<prefix>_sha256file`` with the digest of each block of the volume, and
``<prefix>_metadata``, written last. A full backup has an object for each so many bytes of the volume, an incremental
one an object for each run of blocks that are not as its parent's. All work happens in threads.
"""

import asyncio
import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from stackwire.core.errors import ServiceError
from stackwire.disk_image import sparse_files

T = TypeVar("T")
Objects = list[dict[str, dict[str, Any]]]


class InvalidContainer(ServiceError):
    """A backup cannot be stored in the container {container}."""


class BackupDamaged(ServiceError):
    """The objects of backup {prefix} are missing or damaged."""


class BlockSizeChanged(ServiceError):
    """Hash block size has changed since the last backup. Do a full backup."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a backup's objects are."""

    container: str
    prefix: str


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One of a backup's objects: the bytes of the volume that it has, and how they are packed."""

    suffix: str
    offset: int
    length: int
    compression: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be restored of an object: where it begins in the volume, and how long it is."""

    at: int
    length: int


class ChunkedStore(ABC):
    """Backups by location. ``object_bytes``: the most of a volume that an object holds; ``block_bytes``: what is
    compared between a backup and its parent.

    ``service``: the name of the driver that has the same layout. ``bucket``: the container of backups that name none;
    None where each has one of its own.
    """

    service: str
    bucket: str | None = None

    def __init__(self, object_bytes: int, block_bytes: int) -> None:
        self._object_bytes = object_bytes
        self._block_bytes = block_bytes

    async def close(self) -> None:  # noqa: B027  # most have nothing to close
        """Lets connections go."""

    async def write(self, location: Location, source: Path, parent: Location | None) -> Objects:
        """Stores the bytes of ``source``: all, or what differs from the parent's. The objects with offset and length.
        InvalidContainer, BytesMissing, DiskFull, BackupDamaged, BlockSizeChanged, StoreFailed."""
        return await self._run(self._write, location, source, parent)

    async def write_metadata(self, location: Location, metadata: Mapping[str, Any]) -> None:
        """Completes a backup."""
        await self._run(self._write_json, location, "_metadata", metadata)

    async def read_metadata(self, location: Location) -> dict[str, Any]:
        """What it was completed with. BackupDamaged, StoreFailed."""
        return await self._run(self._read_json, location, "_metadata")

    async def restore(self, chain: Sequence[Location], target: Path) -> None:
        """Writes the newest state of a chain (the full backup first) into a new file, and compares each block with its
        digest. BackupDamaged, DiskFull, StoreFailed."""
        await self._run(self._restore, chain, target)

    async def remove(self, location: Location) -> None:
        """Removes what is there of a backup. StoreFailed."""
        await self._run(self._remove, location)

    async def _run(self, call: Callable[..., T], /, *args: Any) -> T:
        return await asyncio.to_thread(call, *args)

    @abstractmethod
    def _prepare(self, location: Location) -> None:
        """The container is there. InvalidContainer."""

    @abstractmethod
    def _put_extent(self, location: Location, suffix: str, source: int, piece: Piece) -> str:
        """Stores a piece of the open file as an object; the name of its compression."""

    @abstractmethod
    def _restore_pieces(self, location: Location, stored: StoredObject, target: int, pieces: Sequence[Piece]) -> None:
        """Writes pieces of an object into an open file that has holes there. BackupDamaged."""

    @abstractmethod
    def _put_bytes(self, location: Location, suffix: str, body: bytes) -> None:
        """Under its name only when it is whole."""

    @abstractmethod
    def _get_bytes(self, location: Location, suffix: str) -> bytes:
        """BackupDamaged for what is not there."""

    @abstractmethod
    def _remove(self, location: Location) -> None: ...

    def _write(self, location: Location, source: Path, parent: Location | None) -> Objects:
        known = self._known(parent) if parent is not None else None
        self._prepare(location)
        objects: Objects = []
        with sparse_files.open_file(source, os.O_RDONLY, source.name) as handle:
            size = os.fstat(handle).st_size
            digests = digests_of(handle, size, self._block_bytes)
            for number, piece in enumerate(self._extents(digests, known, size), 1):
                suffix = f"-{number:05}"
                compression = self._put_extent(location, suffix, handle, piece)
                extent = {"offset": piece.at, "length": piece.length, "compression": compression}
                objects.append({f"{location.prefix}{suffix}": extent})
        self._write_json(location, "_sha256file", {"chunk_size": self._block_bytes, "sha256s": digests})
        return objects

    def _restore(self, chain: Sequence[Location], target: Path) -> None:
        block, digests = self._digests(chain[-1])
        layers = [(location, stored) for location in chain for stored in self._objects(location, block)]
        pieces: dict[int, list[Piece]] = {}
        for number, piece in _visible(digests, block, [stored for _, stored in layers]):
            pieces.setdefault(number, []).append(piece)
        with sparse_files.open_file(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC) as handle:
            for number, visible in pieces.items():
                location, stored = layers[number]
                self._restore_pieces(location, stored, handle, visible)
            size = len(digests) * block
            os.ftruncate(handle, size)
            if digests_of(handle, size, block) != digests:
                raise BackupDamaged(prefix=chain[-1].prefix)

    def _objects(self, location: Location, block: int) -> Iterator[StoredObject]:
        """BackupDamaged."""
        try:
            for described in self._read_json(location, "_metadata")["objects"]:
                ((name, extent),) = described.items()
                offset, length = int(extent["offset"]), int(extent["length"])
                if not name.startswith(location.prefix) or offset < 0 or offset % block or length <= 0:
                    raise BackupDamaged(prefix=location.prefix)
                compression = str(extent.get("compression", "none"))
                yield StoredObject(name.removeprefix(location.prefix), offset, length, compression)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise BackupDamaged(prefix=location.prefix) from error

    def _known(self, parent: Location) -> list[str]:
        """The digests that a backup is compared with (``chunkeddriver.py: backup``)."""
        block, digests = self._digests(parent)
        if block != self._block_bytes:
            raise BlockSizeChanged
        return digests

    def _digests(self, location: Location) -> tuple[int, list[str]]:
        """The size of a block, and the digest of each."""
        stored = self._read_json(location, "_sha256file")
        block, digests = stored.get("chunk_size"), stored.get("sha256s")
        if not isinstance(block, int) or block <= 0 or not isinstance(digests, list):
            raise BackupDamaged(prefix=location.prefix)
        return block, list(digests)

    def _write_json(self, location: Location, suffix: str, value: Mapping[str, Any]) -> None:
        self._put_bytes(location, suffix, json.dumps(value).encode())

    def _read_json(self, location: Location, suffix: str) -> dict[str, Any]:
        try:
            found = json.loads(self._get_bytes(location, suffix))
        except ValueError as error:
            raise BackupDamaged(prefix=location.prefix) from error
        return found if isinstance(found, dict) else {}

    def _extents(self, digests: Sequence[str], known: Sequence[str] | None, size: int) -> Iterator[Piece]:
        """What is to be stored: everything, or each run of blocks that are not known."""
        most, block = self._object_bytes, self._block_bytes
        if known is None:
            yield from (Piece(at, min(most, size - at)) for at in range(0, size, most))
            return
        changed = [index for index, digest in enumerate(digests) if index >= len(known) or digest != known[index]]
        # Neighbours have the same difference to their place in the list; no object reaches over a multiple of its size.
        runs = groupby(enumerate(changed), key=lambda pair: (pair[1] - pair[0], pair[1] // (most // block)))
        for _, run in runs:
            indexes = [index for _, index in run]
            at = indexes[0] * block
            yield Piece(at, min((indexes[-1] + 1) * block, size) - at)


def digests_of(handle: int, size: int, block: int) -> list[str]:
    """SHA-256 of each block; holes are not read."""
    extents, found = sparse_files.Extents(handle, size), []
    zero = _zero_digest(block)
    step = max(sparse_files.VOLUME_CHUNK_BYTES // block, 1) * block
    for at in range(0, size, step):
        length = min(step, size - at)
        if extents.is_hole(at, length) and length % block == 0:
            found += [zero] * (length // block)
            continue
        chunk = memoryview(os.pread(handle, length, at))
        found += [hashlib.sha256(chunk[start : start + block]).hexdigest() for start in range(0, length, block)]
    return found


def _zero_digest(block: int) -> str:
    return hashlib.sha256(bytes(block)).hexdigest()


def _visible(digests: Sequence[str], block: int, layers: Sequence[StoredObject]) -> Iterator[tuple[int, Piece]]:
    """Of objects that are laid over each other: the number of one, and a piece of it that no later one covers.

    What is all zero by its digest is in none: it is a hole in what is restored, whatever the objects have there.
    """
    owners, zero = [-1] * len(digests), _zero_digest(block)
    for number, stored in enumerate(layers):
        first = stored.offset // block
        count = max(min(-(-stored.length // block), len(owners) - first), 0)
        owners[first : first + count] = [number] * count
    owners = [-1 if digest == zero else number for number, digest in zip(owners, digests, strict=True)]
    at = 0
    for number, run in groupby(owners):
        length = sum(1 for _ in run) * block
        if number >= 0:
            yield number, Piece(at, length)
        at += length
