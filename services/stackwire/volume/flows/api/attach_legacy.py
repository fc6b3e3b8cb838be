"""The older way to attach: one volume action for each step (cinder/api/contrib/volume_actions.py)."""

from typing import Any

from stackwire.contracts.volume import InvalidVolume
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.core.states import Verb
from stackwire.db.transitions import transition
from stackwire.volume.db import attachments, volumes
from stackwire.volume.domain.requests import AttachVolumeRequest
from stackwire.volume.domain.states import ATTACHING, RESERVED, VolumeStates
from stackwire.volume.flows import attachment_steps
from stackwire.volume.flows.deps import Flow

_ACTIONS = "volume_extension:volume_actions:"


class LegacyAttach(Flow):
    """Each raises InvalidVolume for a volume in a state that does not allow it."""

    async def reserve(self, ctx: RequestContext, volume_id: str) -> None:
        """``available`` to ``reserved``."""
        await self._transition(ctx, volume_id, VolumeStates.reserve)

    async def unreserve(self, ctx: RequestContext, volume_id: str) -> None:
        """To the state that the remaining attachments call for."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ACTIONS + "unreserve", volume.project_id)
            if volume.status in (RESERVED, ATTACHING):
                await attachment_steps.recompute_status(uow, volume)

    async def begin_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        """``in-use`` to ``detaching``."""
        await self._transition(ctx, volume_id, VolumeStates.begin_detaching)

    async def roll_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        """Nothing happens to a volume that is not being detached."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ACTIONS + "roll_detaching", volume.project_id)
            await transition(uow, volumes.TABLE, VolumeStates.roll_detaching, volume.id)

    async def attach(self, ctx: RequestContext, volume_id: str, request: AttachVolumeRequest) -> None:
        """In use at once, without a host that connects it."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ACTIONS + "attach", volume.project_id)
            verb = VolumeStates.attach_another if volume.multiattach else VolumeStates.attach
            if not verb.allows(status=volume.status):
                raise InvalidVolume(reason=f"Volume {volume.id} is {volume.status} and cannot be attached.")
            if volume.readonly and request.mode != "ro":
                raise InvalidVolume(reason=f"Volume {volume.id} is read-only: it can be attached in mode ro only.")
            await attachment_steps.notify_attachment_event(uow, "attach.start", volume)
            await attachments.TABLE.insert(
                uow,
                {
                    "id": new_id(),
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
            attached = await transition(uow, volumes.TABLE, verb, volume.id, attach_status="attached")
            await attachment_steps.notify_attachment_event(uow, "attach.end", attached or volume, from_api=False)

    async def detach(
        self, ctx: RequestContext, volume_id: str, attachment_id: str | None, *, force: bool = False
    ) -> None:
        """``attachment_id`` None: all attachments. VolumeConflict while a server uses one."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ACTIONS + "detach", volume.project_id)
            if force:
                self._deps.require(ctx, "volume_extension:volume_admin_actions:force_detach", volume.project_id)
            current = await attachments.of_volume(uow, volume.id)
            ending = [attachment for attachment in current if attachment_id in (None, attachment.id)]
            if not ending:
                raise InvalidVolume(reason=f"Volume {volume.id} is not attached in this way.")
            attachment_steps.require_not_attached(ctx, ending)
            await attachment_steps.notify_attachment_event(uow, "detach.start", volume)
            for attachment in ending:
                await attachments.detach(uow, attachment.id)
            detached = await attachment_steps.recompute_status(uow, volume)
            await attachment_steps.notify_attachment_event(uow, "detach.end", detached, from_api=False)

    async def initialize_connection(self, ctx: RequestContext, volume_id: str) -> dict[str, Any]:
        """What a host needs to connect the volume, in the older form: the driver's type beside the data."""
        async with self._deps.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
        self._deps.require(ctx, _ACTIONS + "initialize_connection", volume.project_id)
        data = attachment_steps.connection_properties(volume, "", "ro" if volume.readonly else "rw")
        del data["attachment_id"]
        return {"driver_volume_type": data.pop("driver_volume_type"), "data": data}

    async def terminate_connection(self, ctx: RequestContext, volume_id: str) -> None:
        """There is nothing to disconnect; VolumeConflict while a server uses the volume."""
        async with self._deps.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
            self._deps.require(ctx, _ACTIONS + "terminate_connection", volume.project_id)
            attachment_steps.require_not_attached(ctx, await attachments.of_volume(session, volume.id))

    async def _transition(self, ctx: RequestContext, volume_id: str, verb: Verb) -> None:
        """The verb that an action of the same name requests."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ACTIONS + verb.name, volume.project_id)
            if await transition(uow, volumes.TABLE, verb, volume.id) is None:
                sources = " or ".join(sorted(map(str, verb.sources["status"] or ())))
                raise InvalidVolume(
                    reason=f"Volume {volume.id} status must be {sources}, but current status is: {volume.status}."
                )
