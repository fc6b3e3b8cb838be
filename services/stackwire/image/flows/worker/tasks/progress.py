"""Bytes on their way into stores: whether they are still wanted, and what is told of them meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database, DatabaseUnavailable
from stackwire.image.db import imports, tasks
from stackwire.image.domain.errors import Vanished
from stackwire.image.flows.worker.tasks.data_source import Work
from stackwire.image.onion.port import Images, Step

T = TypeVar("T")

LOOK_SECONDS = 2.0
"""While bytes flow: how often it is asked whether they are still wanted, and told how many there are."""


class Watch:
    """``name`` is this worker's."""

    def __init__(self, database: Database, images: Images, name: str) -> None:
        self._database = database
        self._images = images
        self._name = name

    async def while_wanted(self, ctx: RequestContext, work: Work, moving: Coroutine[Any, Any, T]) -> T:
        """What the bytes' move answers; it is stopped, with Vanished, as soon as nobody wants them any more."""
        move = asyncio.create_task(moving)
        try:
            while not (await asyncio.wait({move}, timeout=LOOK_SECONDS))[0]:
                await self._look(ctx, work)
            return await move
        finally:
            if not move.done():
                move.cancel()
                await asyncio.gather(move, return_exceptions=True)

    async def _look(self, ctx: RequestContext, work: Work) -> None:
        """Tells how far it is. A database that is away now has no say."""
        try:
            async with self._database.work(ctx) as uow:
                told = await tasks.tell(uow, work.task.id, self._name, f"Copied {work.came // 1024**2} MiB")
                wanted = told and await imports.still(uow, work.image.id, work.wish.object_name, work.statuses)
        except DatabaseUnavailable:
            return
        if not wanted:
            raise Vanished(image_id=work.image.id)

    async def step(self, ctx: RequestContext, work: Work, step: Step) -> None:
        """One store is done with, and the next one approached. Raises Vanished when nobody wants the bytes any more."""
        async with self._database.work(ctx) as uow:
            if not await imports.still(uow, work.image.id, work.wish.object_name, work.statuses):
                raise Vanished(image_id=work.image.id)
            now = await self._images.reached(ctx, uow, work.image, step)
            if step.left:
                await self._images.approach(ctx, uow, now, step.left[0])
