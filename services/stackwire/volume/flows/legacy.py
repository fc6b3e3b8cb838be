"""The older way to attach, one action a step, and the flags an owner or administrator may set by hand."""

from typing import Any

from stackwire.contracts.volume import InvalidSnapshot, InvalidVolume
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.volume.db import attachments, snapshots, volumes
from stackwire.volume.domain.model import Attachment
from stackwire.volume.domain.states import ATTACHING, AVAILABLE, DETACHING, IN_USE, RESERVED
from stackwire.volume.flows.attachments import connection_info, refuse_in_use, release, say
from stackwire.volume.flows.parts import Parts

_ACTIONS = "volume_extension:volume_actions:"


class Legacy:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def step(self, ctx: RequestContext, volume_id: str, rule: str, sources: tuple[str, ...], to: str) -> None:
        """One compare-and-swap; InvalidVolume from any other state."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, _ACTIONS + rule, volume.project_id)
            if await volumes.move(uow, volume.id, to, sources=sources) is None:
                raise InvalidVolume(
                    reason=f"Volume {volume.id} status must be {' or '.join(sources)},"
                    f" but current status is: {volume.status}."
                )

    async def reserve(self, ctx: RequestContext, volume_id: str) -> None:
        await self.step(ctx, volume_id, "reserve", (AVAILABLE,), RESERVED)

    async def unreserve(self, ctx: RequestContext, volume_id: str) -> None:
        """To what the attachments that are left call for."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, _ACTIONS + "unreserve", volume.project_id)
            if volume.status in (RESERVED, ATTACHING):
                await release(uow, volume)

    async def begin_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        await self.step(ctx, volume_id, "begin_detaching", (IN_USE,), DETACHING)

    async def roll_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        """Nothing to take back is fine."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, _ACTIONS + "roll_detaching", volume.project_id)
            await volumes.move(uow, volume.id, IN_USE, sources=(DETACHING,))

    async def attach(
        self, ctx: RequestContext, volume_id: str, instance: str | None, host: str | None, mountpoint: str, mode: str
    ) -> None:
        """In use at once, without a host that says so."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, _ACTIONS + "attach", volume.project_id)
            if volume.status not in (AVAILABLE, RESERVED, ATTACHING) and not volume.multiattach:
                raise InvalidVolume(reason=f"Volume {volume.id} is {volume.status} and cannot be attached.")
            if volume.readonly and mode != "ro":
                raise InvalidVolume(reason=f"Volume {volume.id} is read-only: it can be attached in mode ro only.")
            await say(uow, "attach.start", volume)
            await attachments.insert(
                uow,
                Attachment(
                    id=new_id(), volume_id=volume.id, instance_uuid=instance, attached_host=host,
                    mountpoint=mountpoint, attach_time=uow.now, detach_time=None, attach_status="attached",
                    attach_mode=mode, connection_info=None, connector=None, project_id=volume.project_id,
                    created_at=uow.now, updated_at=uow.now, deleted_at=None, deleted=False,
                ),
            )  # fmt: skip
            moved = await volumes.move(uow, volume.id, IN_USE, sources=(volume.status,), attach_status="attached")
            await say(uow, "attach.end", moved or volume)

    async def detach(
        self, ctx: RequestContext, volume_id: str, attachment_id: str | None, *, force: bool = False
    ) -> None:
        """Without an id: all there are."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, _ACTIONS + "detach", volume.project_id)
            if force:
                self._parts.require(ctx, "volume_extension:volume_admin_actions:force_detach", volume.project_id)
            used = await attachments.of_volume(uow, volume.id)
            gone = [one for one in used if attachment_id in (None, one.id)]
            if not gone:
                raise InvalidVolume(reason=f"Volume {volume.id} is not attached in this way.")
            refuse_in_use(ctx, gone)
            await say(uow, "detach.start", volume)
            for one in gone:
                await attachments.remove(uow, one.id)
            await say(uow, "detach.end", await release(uow, volume))

    async def initialize_connection(self, ctx: RequestContext, volume_id: str) -> dict[str, Any]:
        async with self._parts.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
        self._parts.require(ctx, _ACTIONS + "initialize_connection", volume.project_id)
        return connection_info(volume)

    async def terminate_connection(self, ctx: RequestContext, volume_id: str) -> None:
        """There is nothing to take down; a server's connection is its own."""
        async with self._parts.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
            self._parts.require(ctx, _ACTIONS + "terminate_connection", volume.project_id)
            refuse_in_use(ctx, await attachments.of_volume(session, volume.id))

    async def set_bootable(self, ctx: RequestContext, volume_id: str, bootable: bool) -> None:
        await self._flag(ctx, volume_id, "set_bootable", bootable=bootable)

    async def set_readonly(self, ctx: RequestContext, volume_id: str, readonly: bool) -> None:
        """Only while nobody uses it."""
        async with self._parts.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
        self._parts.require(ctx, _ACTIONS + "update_readonly", volume.project_id)
        if volume.status != AVAILABLE:
            raise InvalidVolume(reason=f"Volume {volume.id} status must be available, but is {volume.status}.")
        await self._flag(ctx, volume_id, "update_readonly", readonly=readonly)

    async def _flag(self, ctx: RequestContext, volume_id: str, rule: str, **flags: bool) -> None:
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id)
            self._parts.require(ctx, _ACTIONS + rule, volume.project_id)
            await volumes.change(uow, volume.id, **flags)

    async def reset_status(self, ctx: RequestContext, volume_id: str, changes: dict[str, Any]) -> None:
        """``status``, ``attach_status``, ``migration_status`` by an administrator's hand."""
        self._parts.require(ctx, "volume_extension:volume_admin_actions:reset_status")
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            if changes.get("attach_status") == "detached":
                for one in await attachments.of_volume(uow, volume.id):
                    await attachments.remove(uow, one.id)
            await volumes.change(uow, volume.id, worker=None, worker_seen=None, **changes)

    async def reset_snapshot(self, ctx: RequestContext, snapshot_id: str, status: str) -> None:
        self._parts.require(ctx, "volume_extension:snapshot_admin_actions:reset_status")
        async with self._parts.database.work(ctx) as uow:
            snapshot = await snapshots.find(uow, ctx, snapshot_id)
            if await snapshots.change(uow, snapshot.id, status=status, worker=None, worker_seen=None) is None:
                raise InvalidSnapshot(reason="it is gone.")
