"""The volume service as a store: an image's data is the beginning of a volume of the service's own project.

A volume is attached to this host while it is read or written, through the directory that the host shares with the back
end. Source: ``glance_store/_drivers/cinder/store.py``, which has the same metadata keys, except ``glance_object`` and
``glance_store``: they name the owner of a volume that is not yet complete.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound, ServiceError, TooLarge, Unavailable
from stackwire.image.backends.cinder_api import GIBIBYTE, Attachment, Resource, VolumeApi
from stackwire.image.backends.cinder_writer import NOT_NOW, SIZE, CinderWriter
from stackwire.image.backends.port import Reader
from stackwire.image.backends.readers import open_file
from stackwire.image.domain.errors import BadLocation, StorageFull

log = logging.getLogger(__name__)
T = TypeVar("T")

OBJECT, STORE, IMAGE = "glance_object", "glance_store", "glance_image_id"
_VOLUME_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_URL = re.compile(rf"cinder://(?:([A-Za-z0-9_.-]+)/)?({_VOLUME_ID})")
_READABLE = frozenset({"available", "in-use"})
_ATTACH_ATTEMPTS = 10
"""To attach a volume that other processes read, too."""


@dataclass(slots=True)
class _SharedAttachment:
    """A volume attached to this process, and the number of its readers."""

    readers: int = 0
    attached: Attachment | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class CinderStoreOptions:
    """``base``: where this host, ``host``, sees the back end's files; ``volume_type`` "": the service's default."""

    base: Path
    host: str
    volume_type: str = ""


class CinderStore:
    """``store`` is its name: several may be in one project."""

    kind = "cinder"
    schemes = ("cinder",)

    def __init__(self, store: str, api: VolumeApi, options: CinderStoreOptions) -> None:
        self._store = store
        self._api = api
        self._base = options.base
        self._connector = {"ip": "127.0.0.1", "initiator": f"stackwire:{options.host}", "host": options.host}
        self._volume_type = options.volume_type
        self._attachments: dict[str, _SharedAttachment] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def properties(self) -> dict[str, Any]:
        return {"volume_type": self._volume_type or None, "use_multipath": False}

    def prepare(self) -> None:
        """The volume service may be started after this one."""

    # -- its own objects

    async def open(self, name: str, first: int = 0, count: int | None = None) -> Reader:
        volume = await self._translate_errors(self._found(name))
        if volume is None or SIZE not in volume["metadata"]:
            raise FileNotFoundError(name)
        size = int(volume["metadata"][SIZE])
        return await self._read(None, volume["id"], first, max(size - first, 0) if count is None else count)

    async def writer(self, name: str, announced: int | None = None, owner: str | None = None) -> CinderWriter:
        """Creates the object's volume. Raises StorageFull, Unavailable."""
        metadata = {IMAGE: name.partition(".")[0], OBJECT: name, STORE: self._store}
        size = max(-(-(announced or 0) // GIBIBYTE), 1)
        try:
            volume = await self._api.create(volume_name(name), size, self._volume_type, metadata)
            writer = CinderWriter(self._api, volume, self._base, self._connector)
            try:
                await writer.begin()
            except BaseException:
                await asyncio.shield(writer.discard())
                raise
        except TooLarge as error:
            raise StorageFull from error
        except ServiceError as error:
            log.warning("the store %s could not create a volume for %s: %s", self._store, name, error.message)
            raise Unavailable(NOT_NOW) from error
        return writer

    async def remove(self, name: str) -> None:
        try:
            volume = await self._found(name)
            if volume is None:
                return
            if volume["status"] != "available":
                await self._detach_others(volume["id"], await self._api.attachments(volume["id"]))
            await self._api.delete(volume["id"])
        except ServiceError as error:
            log.warning("the store %s still has the volume of %s: %s", self._store, name, error.message)

    async def names(self) -> set[str]:
        """The objects of this store among the project's volumes."""

        async def listed() -> set[str]:
            found = [volume["metadata"] async for volume in self._api.all()]
            return {each[OBJECT] for each in found if OBJECT in each and each.get(STORE) == self._store}

        return await self._translate_errors(listed())

    async def url(self, name: str) -> str:
        volume = await self._translate_errors(self._found(name))
        if volume is None:
            raise FileNotFoundError(name)
        return f"cinder://{self._store}/{volume['id']}"

    async def close(self) -> None:
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._api.close()

    async def _found(self, name: str) -> Resource | None:
        """The object's volume, unless it is being deleted."""
        for volume in await self._api.list_by_name(volume_name(name)):
            if volume["metadata"].get(OBJECT) == name and volume["status"] != "deleting":
                return volume
        return None

    async def _detach_others(self, volume_id: str, attachments: Sequence[Resource]) -> None:
        """Detaches it for processes that crashed: nobody but this service attaches volumes of its project."""
        shared = self._attachments.get(volume_id)
        own = shared.attached.id if shared is not None and shared.attached is not None else None
        for attachment in attachments:
            if attachment["id"] != own and attachment["instance"] is None:
                await self._api.detach(None, attachment["id"])

    # -- volumes and snapshots that URIs name

    def reads(self, url: str) -> bool:
        """Every such URI that names no other store."""
        found = _URL.fullmatch(url)
        return found is None or found[1] in (None, self._store)

    async def size_at(self, ctx: RequestContext, url: str) -> int:
        """The size of a volume or snapshot that the caller may see."""
        _, resource = await self._resolve(ctx, url)
        return int(resource["size"]) * GIBIBYTE

    async def open_at(self, ctx: RequestContext, url: str, first: int = 0, count: int | None = None) -> Reader:
        kind, resource = await self._resolve(ctx, url)
        rest = max(int(resource["size"]) * GIBIBYTE - first, 0)
        wanted = rest if count is None else min(count, rest)
        if kind == "volume":
            return await self._read(ctx, resource["id"], first, wanted)
        return await open_file(await asyncio.to_thread(self._snapshot_path, str(resource["id"])), first, wanted)

    def _snapshot_path(self, snapshot_id: str) -> Path:
        """In the folder of whichever back end has it."""
        name = f"snapshot-{snapshot_id}"
        return next(self._base.glob(f"volumes*/{name}"), self._base / "volumes" / name)

    async def _resolve(self, ctx: RequestContext, url: str) -> tuple[str, Resource]:
        """The volume or snapshot behind a URI, by the caller's own rights."""
        found = _URL.fullmatch(url)
        if found is None:
            raise BadLocation
        for kind, get in (("volume", self._api.volume), ("snapshot", self._api.snapshot)):
            try:
                resource = await get(ctx, found[2])
            except NotFound:
                continue
            except ServiceError as error:
                raise OSError(error.message) from error
            if resource["status"] not in _READABLE:
                raise BadLocation
            return kind, resource
        raise FileNotFoundError(url)

    # -- attachments while a volume is read

    async def _read(self, ctx: RequestContext | None, volume_id: str, first: int, count: int) -> Reader:
        shared = self._attachments.setdefault(volume_id, _SharedAttachment())
        shared.readers += 1
        try:
            async with shared.lock:
                if shared.attached is None:
                    shared.attached = await self._translate_errors(self._attach(ctx, volume_id))
            inner = await open_file(self._base / shared.attached.path, first, count)
        except BaseException:
            self._release(ctx, volume_id, shared)
            raise
        return _AttachedReader(inner, lambda: self._release(ctx, volume_id, shared))

    async def _attach(self, ctx: RequestContext | None, volume_id: str) -> Attachment:
        """A crashed process may hold it, or another one, which needs no more than the path once it is attached."""
        for _ in range(_ATTACH_ATTEMPTS - 1):
            try:
                return await self._api.attach(ctx, volume_id, "ro", self._connector)
            except BadRequest:
                if ctx is not None:
                    raise
            await self._detach_others(volume_id, await self._api.finished_attachments(volume_id))
        return await self._api.attach(ctx, volume_id, "ro", self._connector)

    def _release(self, ctx: RequestContext | None, volume_id: str, shared: _SharedAttachment) -> None:
        task = asyncio.ensure_future(self._detach_unused(ctx, volume_id, shared))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _detach_unused(self, ctx: RequestContext | None, volume_id: str, shared: _SharedAttachment) -> None:
        async with shared.lock:
            shared.readers -= 1
            if shared.readers:
                return
            self._attachments.pop(volume_id, None)
            if shared.attached is not None:
                attached, shared.attached = shared.attached, None
                try:
                    await self._api.detach(ctx, attached.id)
                except ServiceError as error:
                    log.warning("volume %s stays attached: %s", volume_id, error.message)

    async def _translate_errors(self, call: Awaitable[T]) -> T:
        """The result; the API's errors as a store's: FileNotFoundError, OSError."""
        try:
            return await call
        except NotFound as error:
            raise FileNotFoundError(error.message) from error
        except ServiceError as error:
            raise OSError(error.message) from error


class _AttachedReader:
    """A reader whose volume is released when it is closed."""

    def __init__(self, inner: Reader, closed: Callable[[], None]) -> None:
        self._inner = inner
        self._closed: Callable[[], None] | None = closed
        self.size = inner.size

    async def read(self, most: int) -> bytes:
        return await self._inner.read(most)

    def close(self) -> None:
        self._inner.close()
        closed, self._closed = self._closed, None
        if closed is not None:
            closed()


def volume_name(name: str) -> str:
    """As ``glance_store`` names an image's volume."""
    return f"image-{name.partition('.')[0]}"
