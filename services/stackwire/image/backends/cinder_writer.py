"""An image on its way into a volume, which is attached to this host and grows as more comes."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from stackwire.core.errors import ServiceError, TooLarge, Unavailable
from stackwire.image.backends.cinder_api import GIBIBYTE, Attached, Shown, VolumeApi
from stackwire.image.backends.digests import Digested, Digests
from stackwire.image.backends.files import FULL, HOLE, is_zero
from stackwire.image.domain.errors import StorageFull

SIZE = "image_size"
"""The metadata of a volume that says how much of it is the image."""
NOT_NOW = "The image data cannot be stored at the moment."


class CinderWriter(Digested):
    """A volume of this service's project that was just made; nobody else has it."""

    def __init__(self, api: VolumeApi, volume: Shown, base: Path, connector: Shown) -> None:
        self._api = api
        self._volume_id = str(volume["id"])
        self._gibibytes = int(volume["size"])
        self._base = base
        self._connector = connector
        super().__init__(Digests())
        self._attached: Attached | None = None
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

    async def put(self, chunk: bytes, inspect: Callable[[bytes], None]) -> None:
        def take(piece: bytes) -> None:
            inspect(piece)
            self._write(piece)

        if self.size + len(chunk) > self._gibibytes * GIBIBYTE:
            await self._grow(-(-(self.size + len(chunk)) // GIBIBYTE))
        await self._digests.eat(chunk, take)

    async def complete(self) -> None:
        """Read only from now on, and an image by the size that it is said to have."""
        try:
            await asyncio.to_thread(self._close, sync=True)
            await self._detach()
            await self._api.describe(self._volume_id, {SIZE: str(self.size)})
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
        """A volume is extended while it is nowhere attached."""
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

    def _write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        with self._lock:
            try:
                while rest and self._file is not None:
                    piece = rest[:HOLE]
                    done = len(piece) if is_zero(bytes(piece)) else os.pwrite(self._file, piece, self._at)
                    rest, self._at = rest[done:], self._at + done
            except OSError as error:
                raise _failure(error) from error

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
