"""How the bytes of an import come: staged by the client, from the web, from another Glance; and what they become."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from stackwire.contracts.base import Event
from stackwire.contracts.lineage import property_transfer
from stackwire.core.context import RequestContext
from stackwire.core.errors import Unavailable
from stackwire.image.backends.convert import convert, inspect
from stackwire.image.backends.glance import OtherGlance
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.web import Web
from stackwire.image.db.images import Written
from stackwire.image.domain import attributes
from stackwire.image.domain.errors import ConversionFailed, DownloadFailed, StorageFull
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import DIRECT, FROM_GLANCE, carried
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, IMPORTING, SAVING
from stackwire.image.domain.tasks import LOCATION_IMPORT, Task
from stackwire.image.onion.port import Images, Upload

Skipped = Callable[[str, str], Awaitable[None]]


@dataclass(slots=True)
class Work:
    """A task under way, the image as claimed, and how its bytes come (``method``, as the client named it).

    ``came`` counts the bytes of the step at work; ``left`` are the stores that an image which is active already is
    still to come to, ``failed`` those that did not take the bytes; ``becomes`` is the image as it will be in the end,
    where that differs; ``original`` is what it was taken from in another Glance, as shown there.
    """

    task: Task
    image: Image
    wish: Upload
    method: Mapping[str, Any]
    came: int = 0
    left: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    becomes: Image | None = None
    original: Mapping[str, Any] | None = None

    def count(self, size: int) -> None:
        self.came += size

    @property
    def locates(self) -> bool:
        """Whether the bytes stay where they are."""
        return self.task.type == LOCATION_IMPORT

    @property
    def spreads(self) -> bool:
        """Whether the image is active already, stays what it is, and comes to more stores."""
        return self.image.status in (ACTIVE, DEACTIVATED)

    @property
    def statuses(self) -> tuple[str, ...]:
        """In which the image still wants the bytes."""
        return (ACTIVE, DEACTIVATED) if self.spreads else (SAVING, IMPORTING)

    @property
    def now(self) -> Image:
        return self.becomes or self.image


class Bringing:
    """``converts_to``: the disk format that interoperable imports are brought into.

    ``carries``: how the names of properties begin that come with an image from another Glance.
    """

    def __init__(
        self,
        images: Images,
        staging: Staging,
        web: Web,
        glance: OtherGlance,
        *,
        converts_to: str | None,
        carries: Sequence[str],
    ) -> None:
        self._images = images
        self._staging = staging
        self._web = web
        self._glance = glance
        self._converts_to = converts_to
        self._carries = carries

    async def bring(self, ctx: RequestContext, work: Work, skipped: Skipped) -> Written:
        """From the web into staging, from staging into the store; what has no place in staging goes straight there.

        ``skipped`` is told of each store that did not take the bytes, and why, before the next one is asked.
        """
        wish, staged, method = work.wish, work.image.staged, work.method
        if method.get("name") == FROM_GLANCE:
            await self._describe(ctx, work)
        if method.get("name") != DIRECT:
            here = self._glance.open(ctx, method) if work.original is not None else self._web.open(method["uri"])
            async with here as page:
                wish.announced, wish.chunks = page.length, counted(work, page.chunks)
                if staged is None:
                    return await self._images.store(ctx, work.image, wish)
                wish.announced = await self._images.fill(ctx, work.image, wish)
        if self._converts_to is not None:
            await self._convert(work, staged or "", self._converts_to)
        return await self._store(ctx, work, staged or "", skipped)

    async def _store(self, ctx: RequestContext, work: Work, staged: str, skipped: Skipped) -> Written:
        """What is staged, into the first store that takes it. One that does not fails the task where all must."""
        for store in work.task.stores:
            work.wish.store = store
            try:
                async with aclosing(self._staging.read(staged)) as staying, aclosing(counted(work, staying)) as chunks:
                    work.wish.chunks = chunks
                    return await self._images.store(ctx, work.now, work.wish)
            except (StorageFull, Unavailable) as error:
                if work.task.all_must_succeed or store == work.task.stores[-1]:
                    raise
                work.failed.append(store)
                await skipped(store, error.message)
        raise DownloadFailed(reason="there is no store to put it into")

    async def _convert(self, work: Work, staged: str, becomes: str) -> None:
        """What is staged, in another format; an ISO stays one (``glance/async_/flows/plugins/image_conversion.py``)."""
        image, path = work.now, self._staging.path(staged)
        was = image.disk_format or ""
        if image.container_format != "bare":
            raise ConversionFailed(was=was, becomes=becomes, reason=f"it is in a {image.container_format} container")
        virtual_size = await inspect(path, was, "bare")
        if was in (becomes, "iso"):
            return
        largest = work.wish.allowance
        if becomes == "raw" and (virtual_size or 0) > largest:
            raise ConversionFailed(was=was, becomes=becomes, reason=f"it would have more than {largest} bytes")
        await convert(path, self._staging.coming(staged), was, becomes, largest)
        work.wish.announced = await self._staging.replace(staged)
        work.becomes = replace(image, disk_format=becomes)

    async def _describe(self, ctx: RequestContext, work: Work) -> None:
        """The image takes over the formats of its original, and those properties that the operator lets through."""
        view = await self._glance.describe(ctx, work.method)
        formats = {name: attributes.BASE[name](name, view.get(name)) for name in ("disk_format", "container_format")}
        if None in formats.values():
            raise DownloadFailed(reason="its original does not say what it is")
        taken = carried(view, self._carries)
        for name, value in taken.items():
            attributes.check_value(attributes.check_name(name), value)
        work.original = view
        work.becomes = replace(work.image, **formats, properties={**work.image.properties, **taken})


def taken_over(work: Work, view: Mapping[str, Any]) -> Event:
    """What the trace is told of an image that was taken from another Glance, where it looks like ``view``."""
    before = {name: value for name, value in view.items() if name not in attributes.FIRST_WORDS}
    own = (item for item in work.now.properties.items() if not item[0].startswith(attributes.RESERVED_PREFIX))
    after = {name: value for name, value in own if view.get(name) == value}
    original = str(work.method["glance_image_id"])
    return property_transfer(
        "image", "image.glance_download", "image", original, "image", work.image.id, before, after,
        source="glance/async_/flows/api_image_import.py: _ImportMetadata",
    )  # fmt: skip


async def counted(work: Work, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    work.came = 0
    async for chunk in chunks:
        work.came += len(chunk)
        yield chunk
