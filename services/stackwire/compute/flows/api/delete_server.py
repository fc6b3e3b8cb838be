"""The deletion of a server, as far as the API performs it."""

from typing import Any

from stackwire.compute.backends.volumes import Volumes
from stackwire.compute.db import instance_actions, instances, moves
from stackwire.compute.domain import policy, shelving
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import RESIZED, ServerStates
from stackwire.compute.domain.versioned_objects import devices_object, instance_object
from stackwire.compute.flows.confirm_resize import send_confirm
from stackwire.compute.flows.deps import ApiDeps, ApiFlow, check_allowed, claim, require_host
from stackwire.compute.flows.local_delete import LocalDelete
from stackwire.contracts.compute_set_aside import SoftDeleteInstance
from stackwire.contracts.compute_workers import TerminateInstance
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition


class DeleteServer(ApiFlow):
    """``nova/compute/api.py: delete, force_delete``."""

    def __init__(self, deps: ApiDeps) -> None:
        super().__init__(deps)
        self._local_delete = LocalDelete(deps.database, Volumes(deps.rpc, "", 0.0), deps.notifications)

    async def request_delete(self, ctx: RequestContext, uuid: str, *, force: bool = False) -> None:
        """In any state, unless the server is locked (InstanceIsLocked). One that is on no host is deleted at once."""
        server = await self._deps.find(ctx, uuid, policy.FORCE_DELETE if force else policy.DELETE)
        check_allowed(ctx, server, "delete")
        if not force and self._deps.reclaim_instance_interval > 0 and can_be_restored(server):
            await self._soft_delete(ctx, server)
            return
        if ServerStates.delete_again.allows(task_state=server.instance.task_state) and not force:
            return
        if (image_id := server.system_metadata.get(shelving.IMAGE_ID)) is not None:
            await self._deps.images.discard(ctx, image_id)
        async with self._deps.database.work(ctx) as uow:
            deleting = await transition(uow, instances.TABLE, ServerStates.delete, uuid, progress=0)
            if deleting is None:
                return
            after = server.with_instance(deleting)
            await instance_actions.start(uow, ctx, uuid, "delete")
            self._deps.announce(uow, server, after)
            if deleting.vm_state == RESIZED:
                await _confirm_first(uow, after)
            if deleting.host is not None:
                message = TerminateInstance(instance=instance_object(after), bdms=devices_object(server.devices))
                uow.cast(message, server=deleting.host)
        if deleting.host is None:
            await self._local_delete.delete(ctx, after)

    async def _soft_delete(self, ctx: RequestContext, server: Server) -> None:
        """Off, and deleted for good when its time is up; until then ``restore`` takes it back."""
        if ServerStates.delete_again.allows(task_state=server.instance.task_state):
            return
        if (image_id := server.system_metadata.get(shelving.IMAGE_ID)) is not None:
            await self._deps.images.discard(ctx, image_id)
        async with self._deps.database.work(ctx) as uow:
            changes: dict[str, Any] = {"progress": 0, "deleted_at": uow.now}
            after = await claim(uow, server, check_allowed(ctx, server, "soft_delete"), **changes)
            await instance_actions.start(uow, ctx, server.uuid, "delete")
            self._deps.announce(uow, server, after)
            message = SoftDeleteInstance(instance=instance_object(after))
            uow.cast(message, server=require_host(server))


def can_be_restored(server: Server) -> bool:
    """It has run, and is on one host."""
    instance = server.instance
    return instance.launched_at is not None and instance.host is not None and instance.vm_state != RESIZED


async def _confirm_first(uow: UnitOfWork, server: Server) -> None:
    """The host that a resized server has left deletes what it kept (``_confirm_resize_on_deleting``)."""
    migration = await moves.latest(uow, server.uuid, ("finished",))
    if migration is not None:
        await send_confirm(uow, server, migration)
