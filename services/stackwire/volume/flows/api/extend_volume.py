"""Accepting that a volume grows."""

from stackwire.contracts.volume import InvalidInput, InvalidVolume
from stackwire.contracts.volume_workers import ScheduleExtend
from stackwire.core.context import RequestContext
from stackwire.volume.db import volume_types, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.capabilities import check_size
from stackwire.volume.domain.states import EXTENDING, IN_USE, VolumeStates
from stackwire.volume.flows.attachment_steps import check
from stackwire.volume.flows.deps import Flow
from stackwire.volume.flows.type_quotas import check_type_limits


class ExtendVolume(Flow):
    """``cinder/volume/api.py: extend, extend_attached_volume``."""

    async def request_extend(self, ctx: RequestContext, volume_id: str, new_size: int, *, attached: bool) -> None:
        """``new_size`` in GiB; ``attached``: volumes in use too (3.42 on). InvalidInput, InvalidVolume, 413."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume:extend", volume.project_id)
            in_use = attached and volume.status == IN_USE
            if in_use:
                self._deps.require(ctx, "volume:extend_attached_volume", volume.project_id)
            if new_size <= volume.size:
                raise InvalidInput(
                    reason=f"New size for extend must be greater than current size."
                    f" (current: {volume.size}, extended: {new_size})."
                )
            volume_type = await volume_types.by_id(uow, volume.volume_type_id)
            check_size(volume_type, new_size)
            verb = VolumeStates.begin_extend_attached if in_use else VolumeStates.begin_extend
            reason = f"Volume {volume.id} status must be 'available' to extend, currently {volume.status}."
            check(verb, volume, reason)
            await self._deps.reserve_quota(uow, volume.project_id, gigabytes=new_size - volume.size)
            await check_type_limits(uow, volume.project_id, volume_type, gigabytes=new_size - volume.size)
            extending = await self._deps.transition(
                uow, volumes.TABLE, verb, volume.id, previous_status=volume.status, new_size=new_size
            )
            assert extending is not None, "the row is locked"
            uow.cast(
                ScheduleExtend(
                    volume=objects.volume_object(extending),
                    new_size=new_size,
                    request_spec=objects.extend_request_spec(extending),
                )
            )

    async def complete_extend(self, ctx: RequestContext, volume_id: str) -> None:
        """What Nova says when a back end leaves it to Nova to extend an attached volume: this one never does.

        ``cinder/volume/api.py: extend_volume_completion``. InvalidVolume.
        """
        async with self._deps.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
        self._deps.require(ctx, "volume_extension:volume_admin_actions:extend_volume_completion", volume.project_id)
        if volume.status != EXTENDING:
            raise InvalidVolume(reason="Volume is not being extended.")
        raise InvalidVolume(reason="Required volume admin metadata is malformed or missing.")
