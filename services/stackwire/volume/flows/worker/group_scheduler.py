"""cinder-scheduler's half of groups."""

from stackwire.contracts.volume_workers import BuildGroup, ScheduleGroup
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import groups, volume_types
from stackwire.volume.domain import objects
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.group_states import GroupStates
from stackwire.volume.domain.scheduling import Placement, PoolState
from stackwire.volume.flows.deps import Flow, to_backend
from stackwire.volume.flows.pools import locked_pool_states


class GroupScheduler(Flow):
    """``cinder/scheduler/manager.py: create_group``."""

    async def on_schedule_group(self, ctx: RequestContext, message: ScheduleGroup) -> None:
        """Writes the chosen pool down as the group's host; ``error`` where no back end has what each of the volume
        types asks for."""
        async with self._deps.database.work(ctx) as uow:
            waiting = await groups.TABLE.get(uow, objects.id_of(message.group))
            if waiting is None or not GroupStates.schedule.allows(status=waiting.status):
                return  # delivered twice, or deleted meanwhile
            found = await self._pools(uow, waiting)
            if not found:
                await self._deps.transition(uow, groups.TABLE, GroupStates.fail_create, waiting.id)
                return
            group = await transition(uow, groups.TABLE, GroupStates.schedule, waiting.id, host=found[0].host)
            if group is not None:
                to_backend(uow, BuildGroup(group=objects.group_object(group)), group.host)

    async def _pools(self, uow: UnitOfWork, group: Group) -> list[PoolState]:
        """The best first (``FilterScheduler._get_weighted_candidates_generic_group``).

        What the group type asks for filters nothing: Cinder's CapabilitiesFilter reads ``extra_specs``, a group type
        has ``group_specs``.
        """
        pools, zones = await locked_pool_states(self._deps, uow), [group.availability_zone]
        found = self._deps.chooser.candidates(pools, Placement(size=0, zones=zones))
        for type_id in group.volume_type_ids:
            specs = (await volume_types.by_id(uow, type_id)).extra_specs
            fit = self._deps.chooser.candidates(pools, Placement(size=0, zones=zones, extra_specs=specs))
            backends = {pool.host.partition("#")[0] for pool in fit}
            found = [pool for pool in found if pool.host.partition("#")[0] in backends]
        return found
