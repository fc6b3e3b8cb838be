"""The request for an interoperable import; a worker does it (``flows/worker/tasks/runner.py``).

The lock on the image, the task and the message to the worker are one transaction.
"""

from contextlib import suppress

from stackwire.contracts.image_workers import RunTask
from stackwire.core.context import RequestContext
from stackwire.image.db import images as rows
from stackwire.image.domain.errors import AlreadyInStore, ImportConflict, UriRefused
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import COPY, ImportRequest
from stackwire.image.domain.tasks import API_IMPORT, Task
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.port import NewTask


class ImportRequests:
    """Source: ``glance/api/v2/images.py: ImagesController.import_image``."""

    def __init__(self, deps: FlowDeps) -> None:
        self._deps = deps

    async def request_import(self, ctx: RequestContext, image_id: str, request: ImportRequest) -> None:
        """Creates a task that imports the image. The image's row is locked: of two requests one comes first.

        A client that may not import does not learn what a name in its URI resolves to.
        """
        with suppress(_NothingToCopy):
            await self._request(ctx, image_id, request)

    async def _request(self, ctx: RequestContext, image_id: str, request: ImportRequest) -> None:
        refused = None if request.uri is None else await self._refused(request.uri)
        async with self._deps.database.work(ctx) as uow:
            await rows.lock(uow, image_id)
            image = await self._deps.onion.images.get(ctx, uow, image_id)
            stores, unfit = self._stores(request), None
            if request.method == COPY:
                stores, unfit = _missing(image, stores, request)
            import_input = {"image_id": image.id, "import_req": dict(request.body), "backend": stores}
            task = self._deps.new_task(ctx, uow.now, API_IMPORT, import_input, image.id)
            expires_at = uow.now + self._deps.task_lifetime
            new = NewTask(image=image, task=task, expires_at=expires_at, request=request)
            await self._deps.onion.tasks.create_import(ctx, uow, new)
            if error := refused or unfit:
                raise error
            uow.cast(RunTask(task_id=task.id))

    async def list_tasks(self, ctx: RequestContext, image_id: str) -> list[Task]:
        """The image's tasks that the caller may see."""
        async with self._deps.database.read() as session:
            image = await self._deps.onion.images.get(ctx, session, image_id)
            return await self._deps.onion.tasks.list_for_image(ctx, session, image)

    def _stores(self, request: ImportRequest) -> list[str]:
        """Glance answers 409 for an unknown store."""
        stores = self._deps.stores
        for store in request.stores or ():
            if store not in stores.enabled:
                raise ImportConflict(f"Unknown scheme '{store[:200]}' found in URI")
            if store not in stores.writable:
                raise ImportConflict(f"The store '{store}' is read-only.")
        if request.all_stores:
            return stores.writable
        return list(request.stores or [stores.default])

    async def _refused(self, uri: str) -> UriRefused | None:
        try:
            await self._deps.web.check(uri)
        except UriRefused as refused:
            return refused
        return None


class _NothingToCopy(Exception):
    """Every store has the image: no task is created."""


def _missing(image: Image, stores: list[str], request: ImportRequest) -> tuple[list[str], Exception | None]:
    """The stores without the image, and why it cannot be copied: the error for those who may copy."""
    served = [store for store in stores if store in image.stores]
    if served and not request.all_stores:
        return stores, AlreadyInStore(store=served[0])
    missing = [store for store in stores if store not in served]
    return missing, None if missing else _NothingToCopy()
