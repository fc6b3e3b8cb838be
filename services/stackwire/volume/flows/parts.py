"""What every flow works with, and how a worker keeps a row to itself while it works on it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.ids import new_id
from stackwire.core.policy import Policy
from stackwire.db.pool import Database, UnitOfWork
from stackwire.messaging.rpc import RpcClient
from stackwire.volume.backends.files import FileStore
from stackwire.volume.backends.images import Images
from stackwire.volume.db import quotas, work
from stackwire.volume.domain.errors import SizeExceedsQuota, VolumeLimitExceeded

log = logging.getLogger("stackwire.volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """``worker``: how this process's leases begin. ``alone``: no other process can be at work on our rows.

    ``lease``: how long a worker that gives no sign of life still has its row.
    """

    database: Database
    rpc: RpcClient
    images: Images
    store: FileStore
    policy: Policy
    behaviours: Behaviours
    zone: str
    service_uuid: str
    worker: str
    alone: bool
    lease: timedelta

    def require(self, ctx: RequestContext, rule: str, project_id: str | None = None) -> None:
        """403 unless the rule allows it; ``project_id``: whose thing it is, the caller's own when None."""
        if not ctx.is_admin and not ctx.project_id:
            raise BadRequest("This request needs a token that is scoped to a project.")
        self.policy.require(ctx, rule, {"project_id": project_id or ctx.project_id or ""})

    @contextlib.asynccontextmanager
    async def working(
        self, ctx: RequestContext, table: work.Table, ident: str, statuses: Sequence[str]
    ) -> AsyncIterator[bool]:
        """True inside when the row is ours to work on; kept so until the block ends.

        A message that is delivered again because its worker died waits until that worker's lease has run out.
        """
        lease = f"{self.worker}#{new_id()[:8]}"
        if not await self._claim(ctx, table, ident, statuses, lease):
            yield False
            return
        beat = asyncio.create_task(self._beat(table, ident, lease))
        try:
            yield True
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            await asyncio.shield(self._let_go(ctx, table, ident, lease))

    async def _claim(
        self, ctx: RequestContext, table: work.Table, ident: str, statuses: Sequence[str], lease: str
    ) -> bool:
        for _ in range(int(self.lease.total_seconds()) + 2):
            async with self.database.work(ctx) as uow:
                if await work.claim(uow, table, ident, statuses, lease, self.lease):
                    return True
                other = await work.under_way(uow, table, ident, statuses)
            if other is None or other.startswith(self.worker):
                return False
            await asyncio.sleep(1)
        return False

    async def _beat(self, table: work.Table, ident: str, lease: str) -> None:
        while True:
            await asyncio.sleep(self.lease.total_seconds() / 4)
            await work.beat(self.database, table, ident, lease)

    async def _let_go(self, ctx: RequestContext, table: work.Table, ident: str, lease: str) -> None:
        async with self.database.work(ctx) as uow:
            await work.let_go(uow, table, ident, lease)

    async def reserve(self, uow: UnitOfWork, project: str, **amounts: int) -> None:
        """Counts up what a project has; 413 in Cinder's words when that would be too much, and nothing is counted."""
        limits = await quotas.take(uow, project, amounts)
        if limits is None:
            return
        used = await quotas.used(uow, project)
        for resource in ("volumes", "snapshots"):
            if resource in amounts and 0 <= limits[resource] < used[resource] + amounts[resource]:
                raise VolumeLimitExceeded(resource=resource, allowed=limits[resource])
        raise SizeExceedsQuota(
            requested=amounts["gigabytes"], quota=limits["gigabytes"], consumed=max(0, used["gigabytes"])
        )


def volume_file(volume_id: str) -> str:
    return f"volume-{volume_id}"


def snapshot_file(snapshot_id: str) -> str:
    return f"snapshot-{snapshot_id}"
