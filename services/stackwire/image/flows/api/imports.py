"""Interoperable import as it is asked for; the worker does it (``worker.py``).

The lock on the image, the task and the cast to the worker are one transaction.
"""

from contextlib import suppress
from datetime import timedelta

from stackwire.contracts.image_workers import RunTask
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import Database
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.web import Web
from stackwire.image.db import images as rows
from stackwire.image.domain.errors import AlreadyInStore, ImportConflict, UriRefused
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import COPY, ImportWish
from stackwire.image.domain.tasks import API_IMPORT, Task
from stackwire.image.onion.port import Images


class Imports:
    """``task_hours``: how long a task is kept after its end."""

    def __init__(self, database: Database, images: Images, web: Web, stores: Stores, *, task_hours: float) -> None:
        self._database = database
        self._images = images
        self._web = web
        self._stores = stores
        self._task_life = timedelta(hours=task_hours)

    async def request(self, ctx: RequestContext, image_id: str, wish: ImportWish) -> None:
        """A task that imports the image. The image's row is held: of two requests one comes first.

        Where a client may not import it is not told what a name in its URI resolves to.
        """
        with suppress(_NothingLeft):
            await self._request(ctx, image_id, wish)

    async def _request(self, ctx: RequestContext, image_id: str, wish: ImportWish) -> None:
        refused = None if wish.uri is None else await self._refused(wish.uri)
        async with self._database.work(ctx) as uow:
            await rows.hold(uow, image_id)
            image = await self._images.get(ctx, uow, image_id)
            where, unfit = self._where(wish), None
            if wish.method == COPY:
                where, unfit = _missing(image, where, wish)
            task = Task(
                id=new_id(),
                type=API_IMPORT,
                owner=ctx.project_id,
                image_id=image.id,
                request_id=ctx.request_id,
                user_id=ctx.user_id,
                input={"image_id": image.id, "import_req": dict(wish.body), "backend": where},
                created_at=uow.now,
                updated_at=uow.now,
            )
            await self._images.order(ctx, uow, image, wish, task, uow.now + self._task_life)
            if wrong := refused or unfit:
                raise wrong
            uow.cast(RunTask(task_id=task.id))

    async def of_image(self, ctx: RequestContext, image_id: str) -> list[Task]:
        """The image's tasks that the caller may see."""
        async with self._database.read() as db:
            return await self._images.tasks_of(ctx, db, await self._images.get(ctx, db, image_id))

    def _where(self, wish: ImportWish) -> list[str]:
        """Glance answers 409 for a store that it does not know."""
        for store in wish.stores or ():
            if store not in self._stores.enabled:
                raise ImportConflict(f"Unknown scheme '{store[:200]}' found in URI")
            if store not in self._stores.writable:
                raise ImportConflict(f"Nothing is written into the store '{store}'.")
        if wish.all_stores:
            return self._stores.writable
        return list(wish.stores or [self._stores.default])

    async def _refused(self, uri: str) -> UriRefused | None:
        try:
            await self._web.check(uri)
        except UriRefused as refused:
            return refused
        return None


class _NothingLeft(Exception):
    """Every store has the image: nothing is to be done, and nothing is written."""


def _missing(image: Image, where: list[str], wish: ImportWish) -> tuple[list[str], Exception | None]:
    """The stores without the image, and why it cannot be copied: to be told to those who may copy."""
    there = [store for store in where if store in image.stores]
    if there and not wish.all_stores:
        return where, AlreadyInStore(store=there[0])
    left = [store for store in where if store not in there]
    return left, None if left else _NothingLeft()
