"""A host's cache of images, as they are stored: ``<folder>/<image id>.<beginning of the digest>``."""

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from stackwire.compute.backends.image_inspection import check_image_file
from stackwire.core.errors import ServiceError
from stackwire.core.feeds import Feed
from stackwire.core.keyed_locks import KeyedLocks
from stackwire.disk_image import sparse_files
from stackwire.disk_image.incoming_stream import write_stream


class ImageNotCached(ServiceError):
    """Image {image_id} cannot be written to the host's cache: {reason}"""


class ImageCorrupt(ServiceError, wire="nova.exception.ImageUnverified"):
    """Image {image_id} did not arrive as it was stored."""


class BaseImages:
    """``folder``: the host's ``_base``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks = KeyedLocks()
        folder.mkdir(parents=True, exist_ok=True)

    async def fetch(self, image_id: str, declared: str | None, feed: Feed, algorithm: str, digest: str | None) -> Path:
        """The image's file; ``feed`` is only called when it is not there yet. ``declared``: its disk_format.

        ImageCorrupt, ImageUnacceptable, ImageNotCached, and what ``feed`` raises; then nothing is left.
        """
        base = self._folder / f"{image_id}.{_mark(digest)}"
        async with self._locks.exclusive(base.name):
            if not await asyncio.to_thread(_touched, base):
                await self._download(base, image_id, declared, feed, algorithm, digest)
        return base

    async def has(self, image_id: str) -> bool:
        """Whether a file of the image is in the cache."""
        return any(await asyncio.to_thread(lambda: list(self._folder.glob(f"{image_id}.*"))))

    async def _download(
        self, base: Path, image_id: str, declared: str | None, feed: Feed, algorithm: str, digest: str | None
    ) -> None:
        partial = base.with_name(f".{base.name}.part")
        hasher = hashlib.new(algorithm, usedforsecurity=False)
        try:
            with sparse_files.open_file(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as handle:
                await write_stream(handle, feed, hasher)
            if digest is not None and hasher.hexdigest() != digest:
                raise ImageCorrupt(image_id=image_id)
            await check_image_file(partial, image_id, declared)
            await asyncio.to_thread(os.replace, partial, base)
        except sparse_files.DiskFull as error:
            raise ImageNotCached(image_id=image_id, reason=os.strerror(errno.ENOSPC)) from error
        except OSError as error:
            raise ImageNotCached(image_id=image_id, reason=error.strerror or "input/output error") from error
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)

    async def expire(self, used: Collection[str], before: datetime) -> None:
        """Deletes images that are not ``used`` and were not since ``before``, and what an interrupted fetch left
        (``nova/virt/libvirt/imagecache.py: _age_and_verify_cached_images``)."""
        for name in await asyncio.to_thread(os.listdir, self._folder):
            if image_of(name) in used:
                continue
            async with self._locks.exclusive(_whole(name)):
                await asyncio.to_thread(_expire, self._folder / name, before)

    async def ids(self) -> set[str]:
        """The images of which something is here."""
        return {image_of(name) for name in await asyncio.to_thread(os.listdir, self._folder)}

    async def drop(self, image_id: str, *, but: str | None = None) -> int:
        """Deletes the image's files, but for the one whose digest is ``but``; how many there were.

        One that is on its way is waited for. Servers have copies of their own, and need none of them.
        """
        dropped = 0
        for name in await asyncio.to_thread(os.listdir, self._folder):
            whole = _whole(name)
            if image_of(name) != image_id or (but is not None and whole == f"{image_id}.{_mark(but)}"):
                continue
            async with self._locks.exclusive(whole):
                dropped += await asyncio.to_thread(_unlinked, self._folder / whole)
        return dropped


def image_of(name: str) -> str:
    """The image that a file in the cache is of, whole or not."""
    return name.lstrip(".")[:36]


def _whole(name: str) -> str:
    """A file's name when its download is over."""
    return name.removeprefix(".").removesuffix(".part")


def _mark(digest: str | None) -> str:
    return (digest or "unknown")[:32]


def _touched(base: Path) -> bool:
    """Whether it is there; then its last use is now."""
    try:
        os.utime(base)
    except FileNotFoundError:
        return False
    return True


def _expire(path: Path, before: datetime) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_mtime < before.timestamp():
            path.unlink()


def _unlinked(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
