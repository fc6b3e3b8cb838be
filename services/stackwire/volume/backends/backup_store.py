"""Backups in a folder, in the layout of Cinder's posix driver (``cinder/backup/drivers/posix.py``).

Objects are sparse files, so that zeroes take no space; nothing is compressed.
"""

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from stackwire.disk_image import sparse_files
from stackwire.volume.backends.backup_chunks import (
    BackupDamaged,
    ChunkedStore,
    InvalidContainer,
    Location,
    Piece,
    StoredObject,
)
from stackwire.volume.backends.backup_compression import restore_packed

OBJECT_BYTES = 1_999_994_880
"""cinder.conf: backup_file_size, its default: the most that an object holds."""
HASH_BLOCK_BYTES = 32 * 1024
"""cinder.conf: backup_sha_block_size_bytes, its default: what is compared between a backup and its parent."""


class PosixStore(ChunkedStore):
    """Backups by location under one folder."""

    service = "cinder.backup.drivers.posix.PosixBackupDriver"

    def __init__(self, folder: Path) -> None:
        super().__init__(OBJECT_BYTES, HASH_BLOCK_BYTES)
        self._folder = folder.resolve()

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

    def _prepare(self, location: Location) -> None:
        try:
            self._path(location, "_metadata").parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidContainer(container=location.container) from error

    def _put_extent(self, location: Location, suffix: str, source: int, piece: Piece) -> str:
        with sparse_files.open_file(self._path(location, suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as target:
            sparse_files.copy_range(source, target, piece.at, piece.length, 0)
            os.ftruncate(target, piece.length)
        return "none"

    def _restore_pieces(self, location: Location, stored: StoredObject, target: int, pieces: Sequence[Piece]) -> None:
        """Also of objects that a Cinder has compressed."""
        path, name = self._path(location, stored.suffix), f"{location.prefix}{stored.suffix}"
        with sparse_files.open_file(path, os.O_RDONLY, name) as source:
            if stored.compression != "none":
                with open(source, "rb", closefd=False) as stream:
                    restore_packed(location, stored, stream.read, target, pieces)
                return
            for piece in pieces:
                sparse_files.copy_range(source, target, piece.at - stored.offset, piece.length, piece.at)

    def _put_bytes(self, location: Location, suffix: str, body: bytes) -> None:
        path = self._path(location, suffix)
        partial = self._path(location, f"{suffix}.partial")
        partial.write_bytes(body)
        partial.replace(path)

    def _get_bytes(self, location: Location, suffix: str) -> bytes:
        try:
            return self._path(location, suffix).read_bytes()
        except OSError as error:
            raise BackupDamaged(prefix=location.prefix) from error

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
