"""Backups in S3, in the layout of Cinder's driver (``cinder/backup/drivers/s3.py``); a container is a bucket."""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from stackwire.core.errors import ServiceError
from stackwire.disk_image import sparse_files
from stackwire.object_store.bucket import Bucket, S3Error
from stackwire.object_store.place import S3Place, is_bucket_name
from stackwire.object_store.stream import S3Stream
from stackwire.volume.backends.backup_chunks import (
    BackupDamaged,
    ChunkedStore,
    InvalidContainer,
    Location,
    Piece,
    StoredObject,
)
from stackwire.volume.backends.backup_compression import packed, restore_packed

log = logging.getLogger(__name__)
T = TypeVar("T")


class StoreUnreachable(ServiceError):
    """S3 connection failure: the backup store does not answer."""


class StoreRefused(ServiceError):
    """S3 client error: the backup store answers {code}."""


class S3Store(ChunkedStore):
    """Backups by bucket and prefix. It connects when it is needed: the service starts without it.

    The calls have threads of their own, so that a slow server blocks nothing else.
    """

    service = "cinder.backup.drivers.s3.S3BackupDriver"

    def __init__(self, place: S3Place, object_bytes: int, block_bytes: int, compression: str) -> None:
        super().__init__(object_bytes, block_bytes)
        self._place = place
        self._compression = compression
        self.bucket: str = place.bucket
        self._client = Bucket(place)
        self._client.connect()
        self._threads = ThreadPoolExecutor(place.at_once, thread_name_prefix="s3-backup")
        self._zeroes: dict[int, tuple[str, bytes]] = {}

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _run(self, call: Callable[..., T], /, *args: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
        except S3Error as error:  # its text names places that are nobody's business: it is logged
            log.warning("the backup store failed: %s", error)
            if error.code:
                raise StoreRefused(code=error.code) from error
            raise StoreUnreachable from error

    def _bucket_of(self, location: Location) -> Bucket:
        if not is_bucket_name(location.container):
            raise InvalidContainer(container=location.container)
        return self._client.named(location.container)

    def _prepare(self, location: Location) -> None:
        """A bucket that is missing is made, where that is allowed (``put_container``)."""
        bucket = self._bucket_of(location)
        if bucket.exists():
            return
        if not self._place.create_bucket:
            raise InvalidContainer(container=location.container)
        bucket.make()

    def _put_extent(self, location: Location, suffix: str, source: int, piece: Piece) -> str:
        compression, body = self._packed(source, piece)
        self._put(location, suffix, body)
        return compression

    def _packed(self, source: int, piece: Piece) -> tuple[str, bytes]:
        """What is nothing but a hole is packed once."""
        extents = sparse_files.Extents(source, os.fstat(source).st_size)
        if not extents.is_hole(piece.at, piece.length):
            return packed(self._compression, sparse_files.read_all(source, piece.at, piece.length))
        if piece.length != self._object_bytes:
            return packed(self._compression, bytes(piece.length))
        if piece.length not in self._zeroes:
            self._zeroes[piece.length] = packed(self._compression, bytes(piece.length))
        return self._zeroes[piece.length]

    def _restore_pieces(self, location: Location, stored: StoredObject, target: int, pieces: Sequence[Piece]) -> None:
        bucket, key = self._bucket_of(location), f"{location.prefix}{stored.suffix}"
        try:
            stream = S3Stream(bucket, key, 0, bucket.get(key, 0, None))
        except S3Error as error:
            raise self._damaged(location, error) from error
        try:
            restore_packed(location, stored, stream.read, target, pieces)
        finally:
            stream.close()

    def _put_bytes(self, location: Location, suffix: str, body: bytes) -> None:
        self._put(location, suffix, body)

    def _put(self, location: Location, suffix: str, body: bytes) -> None:
        md5 = hashlib.md5(body, usedforsecurity=False).digest()
        self._bucket_of(location).put(f"{location.prefix}{suffix}", body, md5)

    def _get_bytes(self, location: Location, suffix: str) -> bytes:
        bucket, key = self._bucket_of(location), f"{location.prefix}{suffix}"
        try:
            stream = S3Stream(bucket, key, 0, bucket.get(key, 0, None))
        except S3Error as error:
            raise self._damaged(location, error) from error
        try:
            return b"".join(iter(lambda: stream.read(sparse_files.VOLUME_CHUNK_BYTES), b""))
        finally:
            stream.close()

    def _damaged(self, location: Location, error: S3Error) -> Exception:
        return BackupDamaged(prefix=location.prefix) if error.is_missing else error

    def _remove(self, location: Location) -> None:
        try:
            bucket = self._bucket_of(location)
            for key in list(bucket.keys(location.prefix)):
                if key.startswith((f"{location.prefix}-", f"{location.prefix}_")):
                    bucket.delete(key)
        except InvalidContainer:  # nothing can have been stored there
            return
        except S3Error as error:
            if not error.is_missing:
                raise
