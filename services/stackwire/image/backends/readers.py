"""A blocking source, read chunk by chunk in threads."""

import asyncio
import io
import os
import threading
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

from stackwire.core.open_in_thread import open_in_thread


class Blocking(Protocol):
    """``read`` blocks; ``close`` does not, and may be called again."""

    def read(self, most: int, /) -> bytes | None: ...
    def close(self) -> None: ...


class ThreadReader:
    """``size`` bytes of ``source``, read in threads of ``executor``, or the loop's own."""

    def __init__(self, source: Blocking, size: int, executor: Executor | None = None) -> None:
        self.size = size
        self._source = source
        self._remaining = size
        self._executor = executor
        self._lock = threading.Lock()
        self._closed = False

    async def read(self, most: int) -> bytes:
        """The next bytes, none at the end. Raises OSError."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._read, most)

    def close(self) -> None:
        """A thread that is still reading, for a caller that was cancelled, closes the source afterwards."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._source.close()
            finally:
                self._lock.release()

    def _read(self, most: int) -> bytes:
        with self._lock:
            piece = b"" if self._closed or not self._remaining else self._source.read(min(most, self._remaining)) or b""
            self._remaining -= len(piece)
        if self._closed:
            self.close()
        return piece


class FileReader(ThreadReader):
    """A file from its byte ``first`` on; ``handle`` is open until the reader is closed."""

    def __init__(self, file: io.FileIO, first: int, size: int) -> None:
        super().__init__(file, size)
        self.handle = file.fileno()
        self.first = first


async def open_file(path: Path, first: int = 0, count: int | None = None) -> FileReader:
    """A file from its byte ``first`` on. Raises OSError."""
    return await open_in_thread(lambda: _open(path, first, count))


def _open(path: Path, first: int, count: int | None) -> FileReader:
    file = io.FileIO(path)
    try:
        rest = max(os.fstat(file.fileno()).st_size - first, 0)
        file.seek(first)
    except BaseException:
        file.close()
        raise
    return FileReader(file, first, rest if count is None else min(rest, count))
