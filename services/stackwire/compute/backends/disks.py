"""A simulated host's disks: a cache of images as they are stored, and for each server a copy of its own.

``<folder>/_base/<image id>.<digest>`` and ``<folder>/<server>/disk``. A disk keeps the image's bytes and format; the
simulated guest writes nothing, so it takes no more room than its image, whatever the flavor's size.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence
from pathlib import Path

from stackwire.compute.backends import injected_files
from stackwire.compute.backends.image_inspection import check_image_file
from stackwire.core.errors import ServiceError
from stackwire.core.keyed_locks import KeyedLocks

DISK_CHUNK_BYTES = 1024**2
KEPT = "_resize"
"""After the name of a server whose disk stays on the host it left (``nova/virt/libvirt/utils.py``)."""


class DiskFailure(ServiceError):
    """The disk of instance {instance_id} cannot be written: {reason}"""


class ImageCorrupt(ServiceError, wire="nova.exception.ImageUnverified"):
    """Image {image_id} did not arrive as it was stored."""


class Disks:
    """``folder``: the host's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks = KeyedLocks()
        (folder / "_base").mkdir(parents=True, exist_ok=True)

    def disk(self, uuid: str) -> Path:
        """The file of a server's root disk."""
        return self._folder / uuid / "disk"

    def rescue_disk(self, uuid: str) -> Path:
        """The file of the disk that a rescued server boots from."""
        return self._folder / uuid / "disk.rescue"

    def console(self, uuid: str) -> Path:
        """The file of a server's console log."""
        return self._folder / uuid / "console.log"

    async def cached_image(
        self, image_id: str, declared: str | None, chunks: AsyncIterable[bytes], algorithm: str, digest: str | None
    ) -> Path:
        """The image's file; ``chunks`` are only asked for when it is not there yet. ``declared``: its disk_format.

        ImageCorrupt, ImageUnacceptable, and what ``chunks`` raises; then nothing is left.
        """
        base = self._folder / "_base" / f"{image_id}.{(digest or 'unknown')[:32]}"
        async with self._locks.exclusive(base.name):
            if not await asyncio.to_thread(_touched, base):
                await self._fetch(base, image_id, declared, chunks, algorithm, digest)
        return base

    async def has_image(self, image_id: str) -> bool:
        """Whether a file of the image is in the cache."""
        return any(await asyncio.to_thread(lambda: list((self._folder / "_base").glob(f"{image_id}.*"))))

    async def _fetch(
        self,
        base: Path,
        image_id: str,
        declared: str | None,
        chunks: AsyncIterable[bytes],
        algorithm: str,
        digest: str | None,
    ) -> None:
        partial = base.with_name(f".{base.name}.part")
        hasher = hashlib.new(algorithm, usedforsecurity=False)
        try:
            with contextlib.closing(await asyncio.to_thread(partial.open, "wb")) as file:
                async for chunk in chunks:
                    await asyncio.to_thread(_append, file, chunk, hasher)
            if digest is not None and hasher.hexdigest() != digest:
                raise ImageCorrupt(image_id=image_id)
            await check_image_file(partial, image_id, declared)
            await asyncio.to_thread(os.replace, partial, base)
        except OSError as error:
            raise DiskFailure(instance_id=image_id, reason=error.strerror or "input/output error") from error
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)

    async def expire_images(self, used: Collection[str], seconds: float) -> None:
        """Deletes images that are not ``used`` and were not for so many seconds, and what an interrupted fetch left
        (``nova/virt/libvirt/imagecache.py: _age_and_verify_cached_images``)."""
        folder = self._folder / "_base"
        for name in await asyncio.to_thread(os.listdir, folder):
            if name.lstrip(".")[:36] in used:
                continue
            async with self._locks.exclusive(name.removeprefix(".").removesuffix(".part")):
                await asyncio.to_thread(_expire, folder / name, seconds)

    async def create(self, uuid: str, base: Path | None) -> None:
        """The server's disk, from its image's file (None: it boots from a volume and has none), and its console."""
        try:
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

    async def read(self, uuid: str) -> AsyncIterator[bytes]:
        """The disk's bytes. DiskFailure when it is not there."""
        try:
            file = await asyncio.to_thread(self.disk(uuid).open, "rb")
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


def _touched(base: Path) -> bool:
    """Whether it is there; then its last use is now."""
    try:
        os.utime(base)
    except FileNotFoundError:
        return False
    return True


def _expire(path: Path, seconds: float) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_mtime < time.time() - seconds:
            path.unlink()


def _append(file: object, chunk: bytes, digest: "hashlib._Hash") -> None:
    file.write(chunk)  # type: ignore[attr-defined]  # a binary file
    digest.update(chunk)


def _create(disk: Path, base: Path | None) -> None:
    disk.parent.mkdir(parents=True, exist_ok=True)
    if base is not None:
        partial = disk.with_name(f"{disk.name}.part")
        with base.open("rb") as source, partial.open("wb") as goal:
            _copy(source.fileno(), goal.fileno())
        os.replace(partial, disk)
    with (disk.parent / "console.log").open("a"):
        pass


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
