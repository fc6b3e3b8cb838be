"""Where bytes wait for their import: staged by a client, or fetched from the web."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

from stackwire.core.errors import Unavailable
from stackwire.image.backends.files import Writer

_CHUNK = 1024**2  # bytes


class Staging:
    """``root/staging`` holds what is complete, ``root/staging/incoming`` what is on its way. Both halves share it."""

    def __init__(self, root: Path) -> None:
        self._complete = root / "staging"
        self._incoming = self._complete / "incoming"

    def prepare(self) -> None:
        """Makes the folders. Blocks."""
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self._complete / name

    def writer(self, name: str) -> Writer:
        return Writer(self._incoming / name, self._complete / name, digests=False)

    def coming(self, name: str) -> Path:
        """Where what is to take the place of ``name`` is made."""
        return self._incoming / name

    async def replace(self, name: str) -> int:
        """What was made takes the place; its size in bytes."""
        return await asyncio.to_thread(self._replace, name)

    def _replace(self, name: str) -> int:
        made = self.coming(name).rename(self.path(name))
        return made.stat().st_size

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """The bytes, piece by piece. Raises Unavailable when they are not there."""
        try:
            file = await asyncio.to_thread(self.path(name).open, "rb")
        except OSError as error:
            raise Unavailable("The staged data cannot be read.") from error
        try:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk
        finally:
            file.close()

    async def remove(self, name: str) -> None:
        """Both forms of it; what is not there is gone already."""
        await asyncio.to_thread(self._remove, name)

    def _remove(self, name: str) -> None:
        for folder in (self._complete, self._incoming):
            (folder / name).unlink(missing_ok=True)

    async def names(self) -> set[str]:
        """Everything there is, complete or not."""
        return await asyncio.to_thread(self._names)

    def _names(self) -> set[str]:
        return {
            entry.name for folder in (self._complete, self._incoming) for entry in os.scandir(folder) if entry.is_file()
        }
