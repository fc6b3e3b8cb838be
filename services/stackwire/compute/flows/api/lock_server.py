"""Locks: what keeps a server's owner from changing it."""

from typing import Literal

from stackwire.compute.db import instance_actions, instances, server_metadata
from stackwire.compute.domain import policy
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork


class LockServer(ApiFlow):
    """``nova/compute/api.py: lock, unlock``."""

    async def lock(self, ctx: RequestContext, uuid: str, reason: str | None) -> None:
        """By its owner, or by an administrator, whose lock the owner cannot remove."""
        server = await self._deps.find(ctx, uuid, policy.LOCK)
        by_owner = ctx.project_id == server.instance.project_id
        if server.instance.locked and by_owner:
            return
        async with self._deps.database.work(ctx) as uow:
            await instances.TABLE.update(uow, uuid, locked=True, locked_by="owner" if by_owner else "admin")
            if reason is not None:
                await server_metadata.upsert(uow, "instance_system_metadata", uuid, {"locked_reason": reason})
            await instance_actions.start(uow, ctx, uuid, "lock")
            await self._announce(uow, server, "lock")

    async def unlock(self, ctx: RequestContext, uuid: str) -> None:
        """Who did not set the lock needs the right to override it."""
        server = await self._deps.find(ctx, uuid, policy.UNLOCK)
        expected = "owner" if ctx.project_id == server.instance.project_id else "admin"
        if server.instance.locked_by not in (None, expected):
            self._deps.policy.require(ctx, policy.UNLOCK_OVERRIDE)
        async with self._deps.database.work(ctx) as uow:
            await instances.TABLE.update(uow, uuid, locked=False, locked_by=None)
            await server_metadata.delete(uow, "instance_system_metadata", uuid, "locked_reason")
            await instance_actions.start(uow, ctx, uuid, "unlock")
            await self._announce(uow, server, "unlock")

    async def _announce(self, uow: UnitOfWork, before: Server, action: Literal["lock", "unlock"]) -> None:
        after = await instances.by_uuid(uow, before.uuid)
        if after is not None:
            self._deps.announce(uow, before, after)
            self._deps.notifications.emit_lock(uow, after, action)
