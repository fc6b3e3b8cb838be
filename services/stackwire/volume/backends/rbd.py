"""A back end in a pool of Ceph: an RBD image for each volume and each snapshot, which are clones of one another.

What is cloned has a snapshot of the clone's name, protected, and is not removed before its clones are: until then it
is out of the way under a name that ends in ``.deleted``. Source: ``cinder/volume/drivers/rbd.py``, whose snapshots are
RBD's own; here they are clones, too, so that they outlive a revert and move like volumes.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote
from uuid import uuid4

from stackwire.core.errors import Unavailable
from stackwire.disk_image import sparse_files
from stackwire.disk_image.sparse_files import VOLUME_CHUNK_BYTES, BytesMissing, DiskFull
from stackwire.object_store.ceph import CephError, Pool, translated_errors
from stackwire.object_store.place import CephPlace
from stackwire.volume.backends.files import FileStore, IncomingFile

log = logging.getLogger("stackwire.volume")
T = TypeVar("T")

CLONED, DELETED, UNFINISHED = ".clone_snap", ".deleted", ".partial"
RBD_BACKEND_CALLS = 8
CHUNK = 4 * 1024**2
"""Of RADOS objects (``rbd_store_chunk_size``)."""


class RbdStore(FileStore):
    """``folder``: for files that pass through this host: images that are downloaded, volumes that are packed."""

    clones_images = True

    def __init__(self, folder: Path, place: CephPlace) -> None:
        super().__init__(folder)
        self._place = place
        self._pool = Pool(place)
        self._threads = ThreadPoolExecutor(RBD_BACKEND_CALLS, thread_name_prefix="rbd")

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._pool.close)

    async def _run(self, name: str, call: Callable[..., T], /, *args: Any) -> T:
        """In a thread. BytesMissing, DiskFull, and CephError (an OSError) for the rest."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
        except CephError as error:
            if error.is_missing:
                raise BytesMissing(name=name) from error
            if error.is_full:
                raise DiskFull from error
            raise

    # -- volumes and snapshots

    async def create(self, name: str, size: int) -> None:
        await self._run(name, self._create, name, size)

    def _create(self, name: str, size: int) -> None:
        self._remove(name)
        self._pool.create(name, size, CHUNK)

    async def copy(self, source: str, name: str, size: int, origin: FileStore | None = None) -> None:
        """A clone, of which nothing is copied; from another back end its bytes."""
        if origin is not None and origin is not self:
            async with origin.local(source) as path, self.incoming(name) as incoming:
                await asyncio.to_thread(sparse_files.copy_file, path, incoming.path, source)
                await incoming.resize(size)
            return
        await self._run(source, self._copy, source, name, size)

    def _copy(self, source: str, name: str, size: int) -> None:
        snapshot = f"{name}.{uuid4().hex[:8]}{CLONED}"
        with self._pool.image(source) as image:
            image.create_snap(snapshot)
            image.protect_snap(snapshot)
        self._clone(None, source, snapshot, name, size)

    def _clone(self, parent: CephPlace | None, image: str, snapshot: str, name: str, size: int) -> None:
        """Takes the place of what has the name, when it is complete."""
        self._remove(f"{name}{UNFINISHED}")
        self._pool.clone(parent, image, snapshot, f"{name}{UNFINISHED}", CHUNK)
        self._grow(f"{name}{UNFINISHED}", size)
        self._remove(name)
        self._pool.rename(f"{name}{UNFINISHED}", name)

    async def clone_image(self, urls: Sequence[str], name: str, size: int) -> bool:
        """``RBDDriver.clone_image``: from the first location in this cluster that can be read."""
        return await self._run(name, self._clone_image, urls, name, size)

    def _clone_image(self, urls: Sequence[str], name: str, size: int) -> bool:
        for url in urls:
            scheme, _, rest = url.partition("://")
            parts = [unquote(part) for part in rest.split("/")]
            if scheme != "rbd" or len(parts) != 4 or not all(parts) or parts[0] != self._pool.fsid:
                continue
            _, pool, image, snapshot = parts
            try:
                self._clone(CephPlace(pool), image, snapshot, name, size)
            except CephError as error:
                if not error.is_missing:
                    raise
                continue
            return True
        return False

    async def resize(self, name: str, size: int) -> None:
        await self._run(name, self._grow, name, size)

    def _grow(self, name: str, size: int) -> None:
        with self._pool.image(name) as image:
            if image.size() < size:
                image.resize(size)

    async def size(self, name: str) -> int:
        return await self._run(name, self._size, name)

    def _size(self, name: str) -> int:
        with self._pool.image(name, read_only=True) as image:
            return int(image.size())

    async def adopt(self, found: str, name: str) -> None:
        """A clone, under which what was found stays until it is removed."""
        await self.copy(found, name, 0)

    async def names(self) -> dict[str, tuple[int, int]]:
        return await self._run("", self._names)

    def _names(self) -> dict[str, tuple[int, int]]:
        found = [name for name in self._pool.names() if not name.endswith((DELETED, UNFINISHED))]
        return {name: (self._size(name), 1) for name in found}

    async def remove(self, name: str) -> None:
        await self._run(name, self._remove, name)
        await super().delete_partial(name)

    async def discard(self, name: str) -> None:
        try:
            await self.remove(name)
        except OSError as error:
            log.warning("%s is left in the pool %s: %s", name, self._place.pool, error)

    def _remove(self, name: str) -> None:
        """What has clones is put away instead; what was put away goes with its last clone."""
        try:
            with self._pool.image(name) as image:
                snapshots = [str(found["name"]) for found in image.list_snaps()]
                parent = _parent_of(image)
        except CephError as error:
            if error.is_missing:
                return
            raise
        if self._has_clones(name, snapshots):
            if not name.endswith(DELETED):
                self._pool.rename(name, f"{name}.{uuid4().hex[:8]}{DELETED}")
            return
        self._pool.remove(name)
        if parent is not None and parent[0] == self._place.pool and parent[2].endswith(CLONED):
            self._release(parent[1], parent[2])

    def _has_clones(self, name: str, snapshots: Sequence[str]) -> bool:
        """After those snapshots are removed on which nothing stands any more; foreign ones stay."""
        cloned = False
        for snapshot in snapshots:
            if not snapshot.endswith(CLONED) or self._pool.children(name, snapshot):
                cloned = True
            else:
                self._pool.remove_snapshot(name, snapshot)
        return cloned

    def _release(self, parent: str, snapshot: str) -> None:
        """Nothing stands on the parent's snapshot any more (``_delete_clone_parent_refs``)."""
        if not self._pool.children(parent, snapshot):
            self._pool.remove_snapshot(parent, snapshot)
            if parent.endswith(DELETED):
                self._remove(parent)

    # -- their bytes

    @contextlib.asynccontextmanager
    async def incoming(self, name: str) -> AsyncIterator[IncomingFile]:
        """A file of this host, whose bytes are put into the image of the name when the block ends."""
        partial = self.partial(name)
        try:
            yield IncomingFile(partial)
            await self._run(name, self._fill, partial, name)
        finally:
            await asyncio.shield(asyncio.to_thread(partial.unlink, missing_ok=True))

    def _fill(self, path: Path, name: str) -> None:
        self._create(f"{name}{UNFINISHED}", path.stat().st_size)
        with self._pool.image(f"{name}{UNFINISHED}") as image:
            for at, chunk in _data_of(path):
                image.write(chunk, at)
        self._remove(name)
        self._pool.rename(f"{name}{UNFINISHED}", name)

    @contextlib.asynccontextmanager
    async def local(self, name: str) -> AsyncIterator[Path]:
        path = self.path(f".{name}.{uuid4().hex[:8]}.local")
        try:
            await self._run(name, self._export, name, path)
            yield path
        finally:
            await asyncio.shield(asyncio.to_thread(path.unlink, missing_ok=True))

    def _export(self, name: str, path: Path) -> None:
        """A file with holes where the image has none of its own data, nor its parents."""
        with self._pool.image(name, read_only=True) as image:
            size = int(image.size())
            extents: list[tuple[int, int]] = []

            def add(at: int, length: int, exists: bool) -> None:
                if exists:
                    extents.append((at, length))

            image.diff_iterate(0, size, None, add)
            sparse_files.resize_file(path, size)
            with sparse_files.open_file(path, os.O_WRONLY) as handle:
                for at, length in extents:
                    for start in range(at, at + length, VOLUME_CHUNK_BYTES):
                        most = min(VOLUME_CHUNK_BYTES, at + length - start)
                        os.pwrite(handle, image.read(start, most), start)

    async def copy_rest(self, name: str, incoming: IncomingFile, at: int) -> None:
        async with self.local(name) as path:
            await asyncio.to_thread(sparse_files.copy_tail, path, incoming.path, name, at)

    async def read(self, name: str) -> AsyncIterator[bytes]:
        opened = await self._run(name, lambda: self._pool.open(name, read_only=True))

        def chunk(at: int, length: int) -> bytes:
            with translated_errors():
                return bytes(opened.image.read(at, length))

        try:
            at, size = 0, int(opened.image.size())
            while at < size:
                yield await self._run(name, chunk, at, min(VOLUME_CHUNK_BYTES, size - at))
                at += VOLUME_CHUNK_BYTES
        finally:
            await asyncio.shield(self._run(name, opened.close))

    async def connection(self, name: str) -> dict[str, Any]:
        """``RBDDriver.initialize_connection``. Unavailable where the cluster is away."""
        try:
            hosts = await self._run(name, self._pool.monitors)
        except CephError as error:
            raise Unavailable("The volume cannot be connected at the moment.") from error
        return {
            "driver_volume_type": "rbd",
            "name": f"{self._place.pool}/{name}",
            "hosts": [host for host, _ in hosts],
            "ports": [port for _, port in hosts],
            "cluster_name": "ceph",
            "auth_enabled": bool(self._place.user),
            "auth_username": self._place.user or None,
            "secret_type": "ceph",
            "secret_uuid": None,
            "discard": True,
        }


def _parent_of(image: Any) -> tuple[str, str, str] | None:
    """Pool, image and snapshot that an image is a clone of."""
    try:
        with translated_errors():
            pool, name, snapshot = image.parent_info()
            return str(pool), str(name), str(snapshot)
    except CephError as error:
        if error.is_missing:
            return None
        raise


def _data_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """The chunks of a file that are not all holes, each with its place."""
    with sparse_files.open_file(path, os.O_RDONLY) as handle:
        size = os.fstat(handle).st_size
        extents = sparse_files.Extents(handle, size)
        for at in range(0, size, VOLUME_CHUNK_BYTES):
            length = min(VOLUME_CHUNK_BYTES, size - at)
            if not extents.is_hole(at, length):
                yield at, os.pread(handle, length, at)
