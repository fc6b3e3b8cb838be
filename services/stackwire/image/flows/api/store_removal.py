"""``DELETE /v2/stores/{store}/{image}``: an image's data is removed from one store of several."""

from stackwire.core.context import RequestContext
from stackwire.image.db import images as rows
from stackwire.image.domain.errors import StoreUnavailable
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.stored_objects import delete_unreferenced, require_unused


class StoreRemoval:
    """Source: ``glance/api/v2/images.py: ImagesController.delete_from_store``."""

    def __init__(self, deps: FlowDeps) -> None:
        self._deps = deps

    async def remove_from_store(self, ctx: RequestContext, image_id: str, store: str) -> None:
        """Another store still has the data. Rows first, bytes after."""
        deps = self._deps
        if store not in deps.stores.enabled:
            raise StoreUnavailable(store=store[:200])
        async with deps.database.work(ctx) as uow:
            await rows.lock(uow, image_id)
            image = await deps.onion.images.get(ctx, uow, image_id)
            await deps.onion.locations.remove_from_store(ctx, uow, image, store)
            await require_unused(deps.stores, image, [store])
        if image.object is not None:
            await delete_unreferenced(deps.database, ctx, deps.stores, image.object, [store])
