"""A simulated host's disks: for each server a copy of its own of what its image is in the host's cache.

``<folder>/_base`` and ``<folder>/<server>/disk``. A disk keeps the image's bytes and format; the
simulated guest writes nothing, so it takes no more room than its image, whatever the flavor's size.
"""

import asyncio
import contextlib
import errno
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from stackwire.compute.backends import injected_files
from stackwire.compute.backends.base_images import BaseImages
from stackwire.core.errors import ServiceError
from stackwire.core.open_in_thread import open_in_thread
from stackwire.core.store_faults import NO_STORE_FAULTS, StoreFaults

DISK_CHUNK_BYTES = 1024**2
KEPT = "_resize"
"""After the name of a server whose disk stays on the host it left (``nova/virt/libvirt/utils.py``)."""


class DiskFailure(ServiceError):
    """The disk of instance {instance_id} cannot be written: {reason}"""


class BaseImageMissing(ServiceError):
    """The file of an image is not in the cache any more."""


class Disks:
    """``folder``: the host's own. ``faults``: of the store ``disks``, which may be full, or slow."""

    def __init__(self, folder: Path, faults: StoreFaults = NO_STORE_FAULTS) -> None:
        self._folder = folder
        self._faults = faults
        self.images = BaseImages(folder / "_base")

    def disk(self, uuid: str) -> Path:
        """The file of a server's root disk."""
        return self._folder / uuid / "disk"

    def rescue_disk(self, uuid: str) -> Path:
        """The file of the disk that a rescued server boots from."""
        return self._folder / uuid / "disk.rescue"

    def console(self, uuid: str) -> Path:
        """The file of a server's console log."""
        return self._folder / uuid / "console.log"

    async def create(self, uuid: str, base: Path | None) -> None:
        """The server's disk, from its image's file (None: it boots from a volume and has none), and its console.

        DiskFailure; BaseImageMissing when the file was dropped meanwhile.
        """
        fault = await self._faults.writing(uuid)
        try:
            if fault is not None:
                await fault.chunk(b"")
                if fault.is_full:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            await asyncio.to_thread(_create, self.disk(uuid), base)
        except OSError as error:
            raise DiskFailure(instance_id=uuid, reason=error.strerror or "input/output error") from error

    async def create_rescue(self, uuid: str, base: Path, definition: str) -> None:
        """The disk to rescue the server with, and its guest's definition until it is rescued no longer."""
        try:
            await asyncio.to_thread(_create, self.rescue_disk(uuid), base)
            await asyncio.to_thread(self._definition(uuid).write_text, definition)
        except OSError as error:
            raise DiskFailure(instance_id=uuid, reason=error.strerror or "input/output error") from error

    async def definition(self, uuid: str) -> str | None:
        """The definition that was kept; None where there is none."""
        try:
            return await asyncio.to_thread(self._definition(uuid).read_text)
        except OSError:
            return None

    async def remove_rescue(self, uuid: str) -> None:
        """Nothing, when they are not there."""
        for path in (self.rescue_disk(uuid), self._definition(uuid)):
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def _definition(self, uuid: str) -> Path:
        return self._folder / uuid / "unrescue.xml"

    async def inject(self, uuid: str, files: Sequence[Sequence[str]]) -> list[tuple[str, int]]:
        """Files for the guest, instead of those it had; each path with its size. DiskFailure."""
        try:
            return await asyncio.to_thread(injected_files.write, self._folder / uuid, files)
        except OSError as error:
            raise DiskFailure(instance_id=uuid, reason=error.strerror or "input/output error") from error

    async def log(self, uuid: str, line: str) -> None:
        """A line on the console; a server that is not there has none."""
        with contextlib.suppress(OSError):
            await asyncio.to_thread(_log, self.console(uuid), line)

    async def console_output(self, uuid: str, tail: int | None) -> str | None:
        """The console's last lines, without the break behind the last one; None when there is no console."""
        try:
            text = await asyncio.to_thread(self.console(uuid).read_text)
        except OSError:
            return None
        if tail is None:
            return text
        return "\n".join(text.splitlines()[-tail:]) if tail else ""

    async def size(self, uuid: str) -> int:
        """Of the disk, in bytes. DiskFailure when it is not there."""
        try:
            return (await asyncio.to_thread(self.disk(uuid).stat)).st_size
        except OSError as error:
            raise DiskFailure(instance_id=uuid, reason=error.strerror or "input/output error") from error

    async def read(self, uuid: str) -> AsyncIterator[bytes]:
        """The disk's bytes. DiskFailure when it is not there."""
        try:
            file = await open_in_thread(lambda: self.disk(uuid).open("rb"))
        except OSError as error:
            raise DiskFailure(instance_id=uuid, reason=error.strerror or "input/output error") from error
        try:
            while chunk := await asyncio.to_thread(file.read, DISK_CHUNK_BYTES):
                yield chunk
        finally:
            file.close()

    async def remove(self, uuid: str) -> None:
        """With what is kept of it; nothing, when it is not there."""
        await self.remove_from(self._folder.name, uuid)
        await self.forget(uuid)

    async def servers(self) -> set[str]:
        """Whose disks are here, whole, kept or on their way."""
        names = set(await asyncio.to_thread(os.listdir, self._folder)) - {"_base"}
        return {name.lstrip(".").removesuffix(".part").removesuffix(KEPT) for name in names}

    # ---- moves

    def _kept(self, uuid: str) -> Path:
        return self._folder / f"{uuid}{KEPT}"

    async def send(self, uuid: str, host: str) -> None:
        """A copy to the host; the disk itself is kept here until the move is confirmed or reverted, as libvirt does it.

        DiskFailure. A second time, the copy is made again.
        """
        try:
            await asyncio.to_thread(_send, self._folder / uuid, self._kept(uuid), self._folder.parent / host)
        except OSError as error:
            raise DiskFailure(instance_id=uuid, reason=error.strerror or "input/output error") from error

    async def is_kept(self, uuid: str) -> bool:
        """Whether it was sent, and neither taken back nor forgotten."""
        return await asyncio.to_thread(self._kept(uuid).exists)

    async def take_back(self, uuid: str) -> None:
        """What is kept is the server's disk again; nothing, when nothing is kept."""
        if await self.is_kept(uuid):
            await self.remove_from(self._folder.name, uuid)
            await asyncio.to_thread(os.replace, self._kept(uuid), self._folder / uuid)

    async def forget(self, uuid: str) -> None:
        """Nothing is kept any more."""
        await asyncio.to_thread(shutil.rmtree, self._kept(uuid), ignore_errors=True)

    async def remove_from(self, host: str, uuid: str) -> None:
        """The server's disk on that host."""
        await asyncio.to_thread(shutil.rmtree, self._folder.parent / host / uuid, ignore_errors=True)


def _create(disk: Path, base: Path | None) -> None:
    disk.parent.mkdir(parents=True, exist_ok=True)
    if base is not None:
        partial = disk.with_name(f"{disk.name}.part")
        with _opened(base) as source, partial.open("wb") as goal:
            _copy(source.fileno(), goal.fileno())
        os.replace(partial, disk)
    with (disk.parent / "console.log").open("a"):
        pass


def _opened(base: Path) -> BinaryIO:
    try:
        return base.open("rb")
    except FileNotFoundError:
        raise BaseImageMissing from None


def _send(disk: Path, kept: Path, host: Path) -> None:
    if disk.exists() and not kept.exists():
        os.replace(disk, kept)
    partial = host / f".{disk.name}.part"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(kept, partial)
    shutil.rmtree(host / disk.name, ignore_errors=True)
    os.replace(partial, host / disk.name)


def _copy(source: int, goal: int) -> None:
    """In the kernel, sharing blocks where the file system can."""
    size = os.fstat(source).st_size
    at = 0
    while at < size:
        try:
            done = os.copy_file_range(source, goal, size - at, at, at)
        except OSError:
            done = os.pwrite(goal, os.pread(source, DISK_CHUNK_BYTES, at), at)
        if not done:
            break
        at += done
    os.ftruncate(goal, size)


def _log(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")
