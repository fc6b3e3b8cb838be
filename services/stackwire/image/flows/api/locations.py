"""Where an image's data is, looked at and changed: what a URL leads to is asked before anything is written."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from stackwire.contracts.image_workers import RunTask
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden
from stackwire.core.ids import new_id
from stackwire.db.pool import Database
from stackwire.image.backends.stores import Stores
from stackwire.image.db import images as rows
from stackwire.image.domain import location_patch, quota
from stackwire.image.domain.errors import BadLocation
from stackwire.image.domain.image import Image
from stackwire.image.domain.locations import LocationWish, view
from stackwire.image.domain.patch import Change
from stackwire.image.domain.states import QUEUED
from stackwire.image.domain.tasks import LOCATION_IMPORT, Task
from stackwire.image.onion.port import Images


class Locations:
    """``shown``: whether images show their locations, and clients change them; ``direct``: whether the first one.

    ``most``: locations an image may have; ``task_hours``: how long a task is kept after its end.
    """

    def __init__(
        self,
        database: Database,
        images: Images,
        stores: Stores,
        *,
        shown: bool,
        direct: bool,
        most: int,
        task_hours: float,
    ) -> None:
        self._database = database
        self._images = images
        self._stores = stores
        self._shown = shown
        self._direct = direct
        self._most = most
        self._task_life = timedelta(hours=task_hours)

    async def placing(
        self, ctx: RequestContext, image_id: str, changes: Sequence[Change]
    ) -> Callable[[Image, Change], Image] | None:
        """How a patch changes locations; None where it changes none, or they are not to be changed.

        Who may not is told before a URL is looked at; so is what cannot be added.
        """
        mine = [change for change in changes if change.name == "locations"]
        if not mine or not self._shown:
            return None
        async with self._database.read() as db:
            image = await self._images.get(ctx, db, image_id)
        for rule in {"delete_image_location" if change.verb == "remove" else "set_image_location" for change in mine}:
            await self._images.locate(ctx, image, rule)
        location_patch.check_status(image, mine[0].verb)
        urls = [wish.url for change in mine for wish in location_patch.requested_locations(change)]
        quota.check_count("locations", len(urls), self._most)
        found = await asyncio.gather(*(self._stores.elsewhere(ctx, url, {}) for url in dict.fromkeys(urls)))
        known = {place.url or "": (place.store, size) for place, size in found}
        return partial(location_patch.located, known=known)

    def check(self, url: str) -> None:
        """Raises BadLocation for what no store reads; nothing is connected to."""
        try:
            self._stores.outside(url)
        except BadLocation as error:
            raise BadLocation(f"External sources are not supported: '{url[:200]}'") from error

    async def look(
        self,
        ctx: RequestContext,
        image_id: str,
        url: str,
        size: int | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        rule: str = "set_image_location",
    ) -> Callable[[Image], Image]:
        """How a queued image becomes active with what lies there: of ``size`` bytes, if that was said.

        ``rule``: the policy that lets the caller say so.
        """
        async with self._database.read() as db:
            image = await self._images.get(ctx, db, image_id)
        await self._images.locate(ctx, image, rule)
        if image.status != QUEUED:
            raise BadRequest("Attempted to update Location field for an image not in queued status.")
        place, found = await self._stores.elsewhere(ctx, url, metadata or {})
        if size not in (None, found):
            raise Conflict(f"The size of the image was said to be {size}, and {found} bytes are there.")
        return lambda before: location_patch.activated(replace(before, locations=[place], size=found), {})

    async def add(self, ctx: RequestContext, image_id: str, wish: LocationWish) -> None:
        """A task that looks what is there and makes a queued image active with it. What a URL leads to is not told."""
        async with self._database.work(ctx) as uow:
            await rows.hold(uow, image_id)
            image = await self._images.get(ctx, uow, image_id)
            await self._images.locate(ctx, image, "add_image_location")
            if image.status != QUEUED:
                raise Conflict(f"It's not allowed to add locations if image status is {image.status}.")
            location_patch.activated(image, {})
            self._stores.outside(wish.url)
            task = Task(
                id=new_id(),
                type=LOCATION_IMPORT,
                owner=ctx.project_id,
                image_id=image.id,
                request_id=ctx.request_id,
                user_id=ctx.user_id,
                input={"image_id": image.id, "loc_url": wish.url, "validation_data": dict(wish.validation)},
                created_at=uow.now,
                updated_at=uow.now,
            )
            await self._images.order_location(ctx, uow, image, task, uow.now + self._task_life)
            uow.cast(RunTask(task_id=task.id))

    async def fetch(self, ctx: RequestContext, image_id: str) -> list[dict[str, Any]]:
        """All of them, for a service."""
        async with self._database.read() as db:
            image = await self._images.get(ctx, db, image_id)
        await self._images.locate(ctx, image, "fetch_image_location")
        return await self.of(image)

    async def shown(self, ctx: RequestContext, images: Sequence[Image]) -> list[dict[str, Any]]:
        """What each of the images shows of its locations beside its attributes."""
        if not (self._shown or self._direct):
            return [{} for _ in images]
        return await asyncio.gather(*(self._view(ctx, image) for image in images))

    async def _view(self, ctx: RequestContext, image: Image) -> dict[str, Any]:
        """Who may not look at them sees none."""
        try:
            await self._images.locate(ctx, image, "get_image_location")
            places = await self.of(image)
        except Forbidden:
            places = []
        shown: dict[str, Any] = {"locations": places} if self._shown else {}
        return {**shown, "direct_url": places[0]["url"]} if self._direct and places else shown

    async def of(self, image: Image) -> list[dict[str, Any]]:
        """Those that can be told; one of ours that is not where it should be is none."""
        found = []
        for place in self._stores.preferred(image.locations):
            try:
                found.append(view(await self._stores.url(place), place))
            except OSError:
                continue
        return found
