"""The volume service as a store: an image's data is the beginning of a volume of the service's own project.

A volume is attached to this host while it is read or written, and reached through what the host shares with the back
end. Source: ``glance_store/_drivers/cinder/store.py``; the names of a volume's metadata are its, but for the two that
begin with ``glance_object`` and ``glance_store``: they say whose volume it is while it is not yet complete.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound, ServiceError, TooLarge, Unavailable
from stackwire.image.backends.cinder_api import GIBIBYTE, Attached, Shown, VolumeApi
from stackwire.image.backends.cinder_writer import NOT_NOW, SIZE, CinderWriter
from stackwire.image.backends.port import Reader
from stackwire.image.backends.readers import open_file
from stackwire.image.domain.errors import BadLocation, StorageFull

log = logging.getLogger(__name__)
T = TypeVar("T")

OBJECT, STORE, IMAGE = "glance_object", "glance_store", "glance_image_id"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_URL = re.compile(rf"cinder://(?:([A-Za-z0-9_.-]+)/)?({_UUID})")
_READABLE = frozenset({"available", "in-use"})


@dataclass(slots=True)
class _Hold:
    """A volume attached to this process, and how many read it."""

    readers: int = 0
    attached: Attached | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class CinderPlace:
    """``base`` is where this host, ``host``, sees the back end's files; ``volume_type`` "" is the service's default."""

    base: Path
    host: str
    volume_type: str = ""


class CinderStore:
    """``store`` is its name: several may be in one project."""

    kind = "cinder"
    schemes = ("cinder",)

    def __init__(self, store: str, api: VolumeApi, place: CinderPlace) -> None:
        self._store = store
        self._api = api
        self._base = place.base
        self._connector = {"ip": "127.0.0.1", "initiator": f"stackwire:{place.host}", "host": place.host}
        self._volume_type = place.volume_type
        self._holds: dict[str, _Hold] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def properties(self) -> dict[str, Any]:
        return {"volume_type": self._volume_type or None, "use_multipath": False}

    def prepare(self) -> None:
        """The volume service may be started after this one."""

    # -- what is ours

    async def open(self, name: str, first: int = 0, count: int | None = None) -> Reader:
        volume = await self._asked(self._found(name))
        if volume is None or SIZE not in volume["metadata"]:
            raise FileNotFoundError(name)
        size = int(volume["metadata"][SIZE])
        return await self._read(None, volume["id"], first, max(size - first, 0) if count is None else count)

    async def writer(self, name: str, announced: int | None = None) -> CinderWriter:
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
            log.warning("the store %s makes no volume for %s: %s", self._store, name, error.message)
            raise Unavailable(NOT_NOW) from error
        return writer

    async def remove(self, name: str) -> None:
        try:
            volume = await self._found(name)
            if volume is None:
                return
            if volume["status"] != "available":
                await self._free(volume["id"])
            await self._api.delete(volume["id"])
        except ServiceError as error:
            log.warning("the store %s still has the volume of %s: %s", self._store, name, error.message)

    async def names(self) -> set[str]:
        async def listed() -> set[str]:
            mine = [volume["metadata"] async for volume in self._api.all()]
            return {one[OBJECT] for one in mine if OBJECT in one and one.get(STORE) == self._store}

        return await self._asked(listed())

    async def url(self, name: str) -> str:
        volume = await self._asked(self._found(name))
        if volume is None:
            raise FileNotFoundError(name)
        return f"cinder://{self._store}/{volume['id']}"

    async def close(self) -> None:
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._api.close()

    async def _found(self, name: str) -> Shown | None:
        """The object's volume; it may be deleted already, which takes a while."""
        for volume in await self._api.named(volume_name(name)):
            if volume["metadata"].get(OBJECT) == name and volume["status"] != "deleting":
                return volume
        return None

    async def _free(self, volume_id: str) -> None:
        """Lets go of it for a process that did not: nobody but this service attaches volumes of its project."""
        hold = self._holds.get(volume_id)
        mine = hold.attached.id if hold is not None and hold.attached is not None else None
        for attachment in await self._api.attachments(volume_id):
            if attachment["id"] != mine and attachment["instance"] is None:
                await self._api.detach(None, attachment["id"])

    # -- what is elsewhere

    def reads(self, url: str) -> bool:
        """What no other store is named in."""
        found = _URL.fullmatch(url)
        return found is None or found[1] in (None, self._store)

    async def size_at(self, ctx: RequestContext, url: str) -> int:
        """The whole of a volume, or of a snapshot, that the caller may see."""
        _, thing = await self._seen(ctx, url)
        return int(thing["size"]) * GIBIBYTE

    async def open_at(self, ctx: RequestContext, url: str, first: int = 0, count: int | None = None) -> Reader:
        kind, thing = await self._seen(ctx, url)
        rest = max(int(thing["size"]) * GIBIBYTE - first, 0)
        wanted = rest if count is None else min(count, rest)
        if kind == "volume":
            return await self._read(ctx, thing["id"], first, wanted)
        return await open_file(self._base / "volumes" / f"snapshot-{thing['id']}", first, wanted)

    async def _seen(self, ctx: RequestContext, url: str) -> tuple[str, Shown]:
        """The volume or snapshot behind a URI, by the caller's own rights."""
        found = _URL.fullmatch(url)
        if found is None:
            raise BadLocation
        for kind, ask in (("volume", self._api.volume), ("snapshot", self._api.snapshot)):
            try:
                thing = await ask(ctx, found[2])
            except NotFound:
                continue
            except ServiceError as error:
                raise OSError(error.message) from error
            if thing["status"] not in _READABLE:
                raise BadLocation
            return kind, thing
        raise FileNotFoundError(url)

    # -- attached while it is read

    async def _read(self, ctx: RequestContext | None, volume_id: str, first: int, count: int) -> Reader:
        hold = self._holds.setdefault(volume_id, _Hold())
        hold.readers += 1
        try:
            async with hold.lock:
                if hold.attached is None:
                    hold.attached = await self._asked(self._attach(ctx, volume_id))
            inner = await open_file(self._base / hold.attached.path, first, count)
        except BaseException:
            self._let_go(ctx, volume_id, hold)
            raise
        return _HeldReader(inner, lambda: self._let_go(ctx, volume_id, hold))

    async def _attach(self, ctx: RequestContext | None, volume_id: str) -> Attached:
        try:
            return await self._api.attach(ctx, volume_id, "ro", self._connector)
        except BadRequest:
            if ctx is not None:
                raise
        await self._free(volume_id)  # a process that died has it, or another one, which goes on reading all the same
        return await self._api.attach(ctx, volume_id, "ro", self._connector)

    def _let_go(self, ctx: RequestContext | None, volume_id: str, hold: _Hold) -> None:
        task = asyncio.ensure_future(self._released(ctx, volume_id, hold))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _released(self, ctx: RequestContext | None, volume_id: str, hold: _Hold) -> None:
        async with hold.lock:
            hold.readers -= 1
            if hold.readers:
                return
            self._holds.pop(volume_id, None)
            if hold.attached is not None:
                attached, hold.attached = hold.attached, None
                try:
                    await self._api.detach(ctx, attached.id)
                except ServiceError as error:
                    log.warning("volume %s stays attached: %s", volume_id, error.message)

    async def _asked(self, question: Awaitable[T]) -> T:
        """As a store says it: FileNotFoundError, OSError."""
        try:
            return await question
        except NotFound as error:
            raise FileNotFoundError(error.message) from error
        except ServiceError as error:
            raise OSError(error.message) from error


class _HeldReader:
    """A reader whose volume is let go of when it is closed."""

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
