"""User messages: what became of requests after they were accepted."""

from stackwire.core.context import RequestContext
from stackwire.volume.db import messages
from stackwire.volume.db.volumes import scope
from stackwire.volume.domain.errors import MessageNotFound
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import UserMessage
from stackwire.volume.flows.deps import Flow


class UserMessages(Flow):
    """``cinder/message/api.py``."""

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[UserMessage]:
        """MessageNotFound for a marker that is none of the caller's."""
        self._deps.require(ctx, "message:get_all")
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await messages.find(session, ctx, listing.marker)
            return await messages.list_page(session, listing)

    async def get(self, ctx: RequestContext, message_id: str) -> UserMessage:
        """MessageNotFound."""
        self._deps.require(ctx, "message:get")
        async with self._deps.database.read() as session:
            return await messages.find(session, ctx, message_id)

    async def delete(self, ctx: RequestContext, message_id: str) -> None:
        """MessageNotFound."""
        self._deps.require(ctx, "message:delete")
        async with self._deps.database.work(ctx) as uow:
            if not await messages.TABLE.delete(uow, message_id, **scope(ctx)):
                raise MessageNotFound(message_id=message_id)
