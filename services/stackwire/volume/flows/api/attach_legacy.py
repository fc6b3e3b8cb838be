"""The older way to attach: one volume action for each step (cinder/api/contrib/volume_actions.py)."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from stackwire.contracts.volume import InvalidVolume
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.core.repeats import done_since
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import attachments, messages, volumes
from stackwire.volume.domain.errors import InvalidVolumeAttachMode
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.requests import AttachVolumeRequest
from stackwire.volume.domain.states import AVAILABLE, DETACHING, IN_USE, NOT_MIGRATING, VolumeStates
from stackwire.volume.domain.user_messages import ATTACH_MODE_INVALID
from stackwire.volume.flows import attachment_steps as steps
from stackwire.volume.flows.deps import Flow

_ACTIONS = "volume_extension:volume_actions:"


class LegacyAttach(Flow):
    """Each raises InvalidVolume for a volume in a state that does not allow it."""

    async def reserve(self, ctx: RequestContext, volume_id: str) -> None:
        """To ``attaching``, from ``available``; a multiattach volume from ``in-use`` too."""
        async with self._work(ctx, volume_id, "reserve") as (uow, volume):
            verb = VolumeStates.reserve_another if volume.multiattach else VolumeStates.reserve
            if await transition(uow, volumes.TABLE, verb, volume.id) is None:
                expected = "available or in-use" if volume.multiattach else "available"
                raise InvalidVolume(
                    reason=f"Volume status must be {expected} to reserve, but the status is {volume.status}."
                )

    async def unreserve(self, ctx: RequestContext, volume_id: str) -> None:
        """From ``attaching`` back; nothing happens to a volume in another state."""
        async with self._work(ctx, volume_id, "unreserve") as (uow, volume):
            await _unreserve(uow, volume)

    async def begin_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        """``in-use`` to ``detaching``, if it is attached. One that is migrated stays as it is, and may be detached."""
        async with self._work(ctx, volume_id, "begin_detaching") as (uow, volume):
            if volume.migration_status not in NOT_MIGRATING:
                return
            where = {"attach_status": "attached", "migration_status": NOT_MIGRATING}
            if await transition(uow, volumes.TABLE, VolumeStates.begin_detaching, volume.id, where=where) is None:
                raise InvalidVolume(
                    reason="Unable to detach volume. Volume status must be 'in-use' and attach_status must be"
                    " 'attached' to detach."
                )

    async def on_begin_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        """The same for a service, whose call may be delivered twice: a volume that is being detached since it was made
        is kept for whoever made it, which would be told that it cannot be detached and leave it so. One that was
        attached since is not meant, and nobody would end what a late call begins. InvalidVolume."""
        async with self._deps.database.read() as session:
            current = await attachments.of_volume(session, volume_id)
        clock = self._deps.database.clock
        # By a clock that somebody has moved or stopped, nothing can be told of the order of the two.
        if current and not clock.ahead and all(done_since(ctx, each.attach_time, clock) for each in current):
            raise InvalidVolume(reason=f"Volume {volume_id} was attached after this was requested.")
        try:
            await self.begin_detaching(ctx, volume_id)
        except InvalidVolume:
            async with self._deps.database.read() as session:
                volume = await volumes.find(session, ctx, volume_id)
            if volume.status != DETACHING or not done_since(ctx, volume.updated_at, clock):
                raise

    async def roll_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        """Nothing happens to a volume that is not being detached."""
        async with self._work(ctx, volume_id, "roll_detaching") as (uow, volume):
            await transition(uow, volumes.TABLE, VolumeStates.roll_detaching, volume.id)

    async def attach(self, ctx: RequestContext, volume_id: str, request: AttachVolumeRequest) -> None:
        """In use at once, without a host that connects it. InvalidVolumeAttachMode."""
        try:
            await self._attach(ctx, volume_id, request)
        except InvalidVolumeAttachMode:
            async with self._deps.database.work(ctx) as uow:
                volume = await volumes.find(uow, ctx, volume_id)
                await messages.insert(uow, volume.project_id, volume.id, ATTACH_MODE_INVALID)
            raise

    async def _attach(self, ctx: RequestContext, volume_id: str, request: AttachVolumeRequest) -> None:
        async with self._work(ctx, volume_id, "attach") as (uow, volume):
            if volume.readonly and request.mode != "ro":
                raise InvalidVolumeAttachMode(mode=request.mode, volume_id=volume.id)
            steps.check(VolumeStates.attach_another, volume, "The volume cannot be attached in maintenance mode.")
            if not volume.multiattach:
                steps.check(
                    VolumeStates.attach, volume, "volume is already attached and multiple attachments are not enabled"
                )
            await steps.notify_attachment_event(uow, "attach.start", volume)
            await attachments.TABLE.insert(
                uow,
                {
                    "id": new_id("attachment"),
                    "volume_id": volume.id,
                    "project_id": volume.project_id,
                    "instance_uuid": request.instance_uuid,
                    "attached_host": request.host_name,
                    "mountpoint": request.mountpoint,
                    "attach_time": uow.now,
                    "attach_status": "attached",
                    "attach_mode": request.mode,
                    "created_at": uow.now,
                    "updated_at": uow.now,
                },
            )
            attached = await steps.attach_transition(uow, VolumeStates.finish_attach, volume, "attached")
            await steps.notify_attachment_event(uow, "attach.end", attached, from_api=False)

    async def detach(self, ctx: RequestContext, volume_id: str, attachment_id: str | None) -> None:
        """``attachment_id`` None: the one there is. What is not attached becomes ``available``. VolumeConflict."""
        async with self._work(ctx, volume_id, "detach") as (uow, volume):
            await _detach(uow, volume, attachment_id)

    async def force_detach(self, ctx: RequestContext, volume_id: str, attachment_id: str | None) -> None:
        """The same for an administrator, after the connection was terminated.

        ``cinder/api/contrib/admin_actions.py: _force_detach``.
        """
        async with self._work(ctx, volume_id, "detach") as (uow, volume):
            self._deps.require(ctx, "volume_extension:volume_admin_actions:force_detach", volume.project_id)
            await steps.require_deletable(uow, ctx, volume, None)
            await _detach(uow, await _unreserve(uow, volume), attachment_id)

    async def initialize_connection(
        self, ctx: RequestContext, volume_id: str, connector: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What a host needs to connect the volume, in the older form: the driver's type beside the data."""
        async with self._work(ctx, volume_id, "initialize_connection") as (uow, volume):
            steps.check(
                VolumeStates.initialize_connection,
                volume,
                "The volume connection cannot be initialized in maintenance mode.",
            )
            store = self._deps.store(volume.host)
            data = await steps.connection_properties(uow, store, volume, "", "ro" if volume.readonly else "rw")
            del data["attachment_id"]
            multipath = {"enforce_multipath": connector.get("enforce_multipath", False)}
            return {"driver_volume_type": data.pop("driver_volume_type"), "data": data | multipath, **multipath}

    async def terminate_connection(self, ctx: RequestContext, volume_id: str) -> None:
        """There is nothing to disconnect; the volume is unreserved. VolumeConflict."""
        async with self._work(ctx, volume_id, "terminate_connection") as (uow, volume):
            await steps.require_deletable(uow, ctx, volume, None)
            await _unreserve(uow, volume)

    @contextlib.asynccontextmanager
    async def _work(
        self, ctx: RequestContext, volume_id: str, action: str
    ) -> AsyncGenerator[tuple[UnitOfWork, Volume], None]:
        """A transaction on the volume, for a caller who may do the action."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ACTIONS + action, volume.project_id)
            yield uow, volume


async def _unreserve(uow: UnitOfWork, volume: Volume) -> Volume:
    status = IN_USE if await attachments.of_volume(uow, volume.id) else AVAILABLE
    return await transition(uow, volumes.TABLE, VolumeStates.unreserve, volume.id, status=status) or volume


async def _detach(uow: UnitOfWork, volume: Volume, attachment_id: str | None) -> None:
    """``cinder/volume/manager.py: detach_volume``."""
    await steps.require_deletable(uow, uow.ctx, volume, attachment_id)
    steps.check(VolumeStates.detach, volume, "The volume cannot be detached in maintenance mode.")
    current = await attachments.of_volume(uow, volume.id)
    ending = [attachment for attachment in current if attachment_id in (None, attachment.id)]
    if len(ending) > 1:
        raise InvalidVolume(reason="Detach volume failed: More than one attachment, but no attachment_id provided.")
    if not ending:
        await steps.recompute_status(uow, volume)
        return
    await steps.notify_attachment_event(uow, "detach.start", volume)
    await attachments.detach(uow, ending[0].id)
    await steps.notify_attachment_event(uow, "detach.end", await steps.recompute_status(uow, volume), from_api=False)
