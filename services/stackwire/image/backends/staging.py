"""Data that is to be imported: staged by a client, or fetched from the web."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

from stackwire.core.errors import Unavailable
from stackwire.core.open_in_thread import open_in_thread
from stackwire.image.backends.files import Writer

_STAGING_CHUNK_BYTES = 1024**2  # bytes


class Staging:
    """``root/staging`` holds complete files, ``root/staging/incoming`` incomplete ones. API and workers share it."""

    def __init__(self, root: Path) -> None:
        self._complete = root / "staging"
        self._incoming = self._complete / "incoming"

    def prepare(self) -> None:
        """Creates the folders. Blocks."""
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self._complete / name

    def writer(self, name: str) -> Writer:
        """For new data."""
        return Writer(self._incoming / name, self._complete / name)

    def coming(self, name: str) -> Path:
        """The path of the file that is to replace ``name``."""
        return self._incoming / name

    async def replace(self, name: str) -> int:
        """Replaces ``name`` by the file at ``coming``; answers its size in bytes."""
        return await asyncio.to_thread(self._replace, name)

    def _replace(self, name: str) -> int:
        renamed = self.coming(name).rename(self.path(name))
        return renamed.stat().st_size

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """The data in chunks. Raises Unavailable when it does not exist."""
        try:
            file = await open_in_thread(lambda: self.path(name).open("rb"))
        except OSError as error:
            raise Unavailable("The staged data cannot be read.") from error
        try:
            while chunk := await asyncio.to_thread(file.read, _STAGING_CHUNK_BYTES):
                yield chunk
        finally:
            file.close()

    async def remove(self, name: str) -> None:
        """Removes the file, complete or not; one that does not exist is no error."""
        await asyncio.to_thread(self._remove, name)

    def _remove(self, name: str) -> None:
        for folder in (self._complete, self._incoming):
            (folder / name).unlink(missing_ok=True)

    async def names(self) -> set[str]:
        """Every file, complete or not."""
        return await asyncio.to_thread(self._names)

    def _names(self) -> set[str]:
        return {
            entry.name for folder in (self._complete, self._incoming) for entry in os.scandir(folder) if entry.is_file()
        }
