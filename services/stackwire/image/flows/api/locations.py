"""Where an image's data is: URLs are resolved before anything is written."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from stackwire.contracts.image_workers import RunTask
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden
from stackwire.image.db import images as rows
from stackwire.image.domain import location_patch, quota
from stackwire.image.domain.errors import BadLocation
from stackwire.image.domain.image import Image
from stackwire.image.domain.locations import LocationRequest, location_view
from stackwire.image.domain.patch import Change
from stackwire.image.domain.states import QUEUED
from stackwire.image.domain.tasks import LOCATION_IMPORT
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.port import NewTask

_RULES = {"remove": "delete_image_location"}
"""The policy rules of a patch's verbs; every other verb has ``set_image_location``."""


class LocationRequests:
    """``show_locations``: images show their locations, and clients change them; ``show_direct_url``: the first one.

    ``quota``: locations that an image may have; ``keeps_one``: an active one does not lose the last of them.
    Source: ``glance/api/v2/images.py: ImagesController``.
    """

    def __init__(
        self, deps: FlowDeps, *, show_locations: bool, show_direct_url: bool, quota: int, keeps_one: bool
    ) -> None:
        self._deps = deps
        self._stores = deps.stores
        self._locations = deps.onion.locations
        self._show_locations = show_locations
        self._show_direct_url = show_direct_url
        self._quota = quota
        self._keeps_one = keeps_one

    async def patcher(
        self, ctx: RequestContext, image_id: str, changes: Sequence[Change]
    ) -> Callable[[Image, Change], Image] | None:
        """How a patch changes locations; None where it changes none, or clients may not change them.

        Permission, state and quota are checked before a URL is resolved.
        """
        own = [change for change in changes if change.name == "locations"]
        if not own or not self._show_locations:
            return None
        await self._check_patch(ctx, await self._get(ctx, image_id), own)
        urls = [request.url for change in own for request in location_patch.requested_locations(change)]
        quota.check_count("locations", len(urls), self._quota)
        found = await asyncio.gather(*(self._stores.elsewhere(ctx, url, {}) for url in dict.fromkeys(urls)))
        known = {location.url or "": (location.store, size) for location, size in found}
        return partial(location_patch.located, known=known, keeps_one=self._keeps_one)

    async def _check_patch(self, ctx: RequestContext, image: Image, changes: Sequence[Change]) -> None:
        for rule in {_RULES.get(change.verb, "set_image_location") for change in changes}:
            await self._locations.check_access(ctx, image, rule)
        location_patch.check_status(image, changes[0].verb)

    def check(self, url: str) -> None:
        """Raises BadLocation for a URL that no store reads; nothing is connected to."""
        try:
            self._stores.outside(url)
        except BadLocation as error:
            raise BadLocation(f"External sources are not supported: '{url[:200]}'") from error

    async def resolve(
        self,
        ctx: RequestContext,
        image_id: str,
        url: str,
        size: int | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        rule: str = "set_image_location",
    ) -> Callable[[Image], Image]:
        """How a queued image becomes active with the data at the URL: ``size`` bytes, if the client gives a number.

        ``rule``: the policy that permits it.
        """
        image = await self._get(ctx, image_id)
        return await self.resolve_for(ctx, image, url, size, metadata=metadata, rule=rule)

    async def resolve_for(
        self,
        ctx: RequestContext,
        image: Image,
        url: str,
        size: int | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        rule: str = "set_image_location",
    ) -> Callable[[Image], Image]:
        """The same for an image that the caller has."""
        await self._locations.check_access(ctx, image, rule)
        if image.status != QUEUED:
            raise BadRequest("Attempted to update Location field for an image not in queued status.")
        location, found = await self._stores.elsewhere(ctx, url, metadata or {})
        if size not in (None, found):
            raise Conflict(f"The size of the image was announced as {size}, and {found} bytes were found.")
        return lambda before: location_patch.activated(replace(before, locations=[location], size=found), {})

    async def request_location_import(self, ctx: RequestContext, image_id: str, request: LocationRequest) -> None:
        """A task that activates a queued image with external data. The client does not learn what the URL leads to."""
        async with self._deps.database.work(ctx) as uow:
            await rows.lock(uow, image_id)
            image = await self._deps.onion.images.get(ctx, uow, image_id)
            await self._locations.check_access(ctx, image, "add_image_location")
            if image.status != QUEUED:
                raise Conflict(f"It's not allowed to add locations if image status is {image.status}.")
            location_patch.activated(image, {})
            self._stores.outside(request.url)
            import_input = {"image_id": image.id, "loc_url": request.url, "validation_data": dict(request.validation)}
            task = self._deps.new_task(ctx, uow.now, LOCATION_IMPORT, import_input, image.id)
            new = NewTask(image=image, task=task, expires_at=uow.now + self._deps.task_lifetime)
            await self._locations.create_task(ctx, uow, new)
            uow.cast(RunTask(task_id=task.id))

    async def list_for_service(self, ctx: RequestContext, image_id: str) -> list[dict[str, Any]]:
        """All of them, for a service."""
        image = await self._get(ctx, image_id)
        await self._locations.check_access(ctx, image, "fetch_image_location")
        return await self._views(image)

    async def render(self, ctx: RequestContext, images: Sequence[Image]) -> list[dict[str, Any]]:
        """What each of the images shows of its locations beside its attributes."""
        if not (self._show_locations or self._show_direct_url):
            return [{} for _ in images]
        return await asyncio.gather(*(self._render(ctx, image) for image in images))

    async def _render(self, ctx: RequestContext, image: Image) -> dict[str, Any]:
        """None of them for those who may not read them."""
        try:
            await self._locations.check_access(ctx, image, "get_image_location")
            views = await self._views(image)
        except Forbidden:
            views = []
        rendered: dict[str, Any] = {"locations": views} if self._show_locations else {}
        return {**rendered, "direct_url": views[0]["url"]} if self._show_direct_url and views else rendered

    async def _views(self, image: Image) -> list[dict[str, Any]]:
        """The readable ones first, without those whose object the store does not have."""
        views = []
        for location in self._stores.preferred(image.locations):
            try:
                views.append(location_view(await self._stores.url(location), location))
            except OSError:
                continue
        return views

    async def _get(self, ctx: RequestContext, image_id: str) -> Image:
        async with self._deps.images.read() as session:
            return await self._deps.onion.images.get(ctx, session, image_id)
