"""An image being written into a volume, which is attached to this host and extended as the data grows."""

import asyncio
import os
from pathlib import Path
from threading import Lock

from stackwire.core.errors import ServiceError, TooLarge, Unavailable
from stackwire.image.backends.cinder_api import GIBIBYTE, Attachment, Resource, VolumeApi
from stackwire.image.backends.files import FULL, nonzero, write_all
from stackwire.image.domain.errors import StorageFull
from stackwire.image.domain.uploads import Chunk

SIZE = "image_size"
"""The volume's metadata key for the image's size in bytes."""
NOT_NOW = "The image data cannot be stored at the moment."


class CinderWriter:
    """Writes into a new volume of this service's project, which nobody else uses."""

    def __init__(self, api: VolumeApi, volume: Resource, base: Path, connector: Resource) -> None:
        self._api = api
        self._volume_id = str(volume["id"])
        self._gibibytes = int(volume["size"])
        self._base = base
        self._connector = connector
        self._attached: Attachment | None = None
        self._file: int | None = None
        self._at = 0
        self._lock = Lock()  # a cancelled caller's thread may still write when the object is discarded

    async def begin(self) -> None:
        """Raises ServiceError."""
        self._attached = await self._api.attach(None, self._volume_id, "rw", self._connector)
        try:
            self._file = await asyncio.to_thread(os.open, self._base / self._attached.path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(NOT_NOW) from error

    async def put(self, chunk: Chunk) -> None:
        if self._at + len(chunk) > self._gibibytes * GIBIBYTE:
            await self._grow(-(-(self._at + len(chunk)) // GIBIBYTE))
        await asyncio.to_thread(self._write, chunk)

    async def complete(self, md5: bytes) -> None:
        """Makes the volume read-only, and records the image's size, which makes it an image."""
        try:
            await asyncio.to_thread(self._close, sync=True)
            await self._detach()
            await self._api.set_metadata(self._volume_id, {SIZE: str(self._at)})
            await self._api.make_read_only(self._volume_id)
        except OSError as error:
            raise _failure(error) from error
        except ServiceError as error:
            raise Unavailable(NOT_NOW) from error

    async def discard(self) -> None:
        await asyncio.to_thread(self._close)
        try:
            await self._detach()
            await self._api.delete(self._volume_id)
        except ServiceError:
            return  # the sweep finds the volume by its metadata

    async def _grow(self, gibibytes: int) -> None:
        """A volume is extended while it is not attached."""
        try:
            await asyncio.to_thread(self._close)
            await self._detach()
            await self._api.extend(self._volume_id, gibibytes)
            self._gibibytes = gibibytes
            await self.begin()
        except TooLarge as error:
            raise StorageFull from error
        except ServiceError as error:
            raise Unavailable(NOT_NOW) from error

    async def _detach(self) -> None:
        attached, self._attached = self._attached, None
        if attached is not None:
            await self._api.detach(None, attached.id)

    def _write(self, chunk: Chunk) -> None:
        with self._lock:
            if self._file is None:
                return
            try:
                for at, piece in nonzero(chunk):
                    write_all(self._file, piece, self._at + at)
            except OSError as error:
                raise _failure(error) from error
            self._at += len(chunk)

    def _close(self, *, sync: bool = False) -> None:
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                try:
                    if sync:
                        os.fsync(file)
                finally:
                    os.close(file)


def _failure(error: OSError) -> ServiceError:
    return StorageFull() if error.errno in FULL else Unavailable(NOT_NOW)
