"""Images and snapshots that the API has created elsewhere before its own commit: a process that dies then leaves none.

(Nova leaves a ``queued`` image, and snapshots that nobody knows of.)
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from stackwire.compute.backends import peers
from stackwire.compute.backends.images import Images
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError, Unavailable
from stackwire.db.leases import Kept, Leases
from stackwire.db.pool import Database, UnitOfWork
from stackwire.messaging.rpc import RpcClient

IMAGE, SNAPSHOT = "unfinished image", "unfinished snapshot"


class Unfinished:
    """What one request has created; ``finish`` belongs to the transaction after which somebody knows of it."""

    def __init__(self, leases: Sequence[Kept]) -> None:
        self._leases = leases

    async def finish(self, uow: UnitOfWork) -> None:
        for lease in self._leases:
            await lease.release(uow)


@asynccontextmanager
async def unfinished(
    database: Database, leases: Leases, ctx: RequestContext, ids: Mapping[str, str]
) -> AsyncIterator[Unfinished]:
    """``ids``: id -> IMAGE or SNAPSHOT. Noted before any of them is created.

    Whoever did not answer in time may create one even so: it stays noted, until ``DiscardUnfinished`` has deleted it.
    """
    async with database.work(ctx) as uow:
        for id, noun in ids.items():
            await leases.claim(uow, noun, id)
    async with AsyncExitStack() as stack:
        kept = [await stack.enter_async_context(leases.keep(noun, id)) for id, noun in ids.items()]
        try:
            yield Unfinished(kept)
        except BaseException as error:
            if not isinstance(error, ServiceError) or isinstance(error, Unavailable):
                for lease in kept:
                    lease.leave()
            raise


class DiscardUnfinished:
    """Deletes what processes that have died left so. Safe to run at any time, in any number of processes."""

    def __init__(self, database: Database, leases: Leases, images: Images, rpc: RpcClient) -> None:
        self._database = database
        self._leases = leases
        self._images = images
        self._rpc = rpc

    async def run(self, ctx: RequestContext) -> None:
        """The images first: they name the snapshots. What cannot be deleted now is left for the next round."""
        async with self._database.read() as session:
            images = await self._leases.expired(session, IMAGE)
            snapshots = await self._leases.expired(session, SNAPSHOT)
        for image_id in images:
            try:
                await self._images.delete(ctx, image_id)
            except Unavailable:
                return
            except ServiceError:  # it was never created
                pass
            await self._forget(ctx, IMAGE, image_id)
        for snapshot_id in snapshots:
            await peers.delete_snapshot_best_effort(self._rpc, ctx, snapshot_id)
            await self._forget(ctx, SNAPSHOT, snapshot_id)

    async def _forget(self, ctx: RequestContext, noun: str, id: str) -> None:
        async with self._database.work(ctx) as uow:
            await self._leases.revoke(uow, noun, id)
