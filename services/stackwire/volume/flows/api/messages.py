"""User messages: what became of requests after they were accepted."""

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.volume.db import messages
from stackwire.volume.db.volumes import scope
from stackwire.volume.domain.model import UserMessage
from stackwire.volume.flows.deps import Flow


class MessageNotFound(NotFound):
    """The message could not be found."""


class UserMessages(Flow):
    """``cinder/message/api.py``."""

    async def list_all(self, ctx: RequestContext) -> list[UserMessage]:
        """The caller's, newest first."""
        self._deps.require(ctx, "message:get")
        async with self._deps.database.read() as session:
            return await messages.list_visible(session, ctx)

    async def get(self, ctx: RequestContext, message_id: str) -> UserMessage:
        """MessageNotFound."""
        self._deps.require(ctx, "message:get")
        async with self._deps.database.read() as session:
            found = await messages.TABLE.get(session, message_id, **scope(ctx))
        if found is None:
            raise MessageNotFound
        return found

    async def delete(self, ctx: RequestContext, message_id: str) -> None:
        """MessageNotFound."""
        self._deps.require(ctx, "message:delete")
        async with self._deps.database.work(ctx) as uow:
            if not await messages.TABLE.delete(uow, message_id, **scope(ctx)):
                raise MessageNotFound
