"""The pools as they are now: what back ends offer, less what lies on them, less those that are disabled."""

from stackwire.contracts.volume import InvalidInput
from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.db import services, volumes
from stackwire.volume.domain.scheduling import PoolState
from stackwire.volume.flows.deps import VolumeDeps

BINARY = "cinder-volume"


async def pool_states(deps: VolumeDeps, session: Session, *, enabled: bool = True) -> list[PoolState]:
    """Of every back end; ``enabled``: of those only that are neither disabled nor frozen."""
    states, usage = await services.states(session), await volumes.usage_by_host(session)
    found = []
    for backend in deps.backends:
        state = states.get((BINARY, backend.host))
        if enabled and state is not None and (state.disabled or state.frozen):
            continue
        for host, offered in backend.pool_hosts().items():
            found.append(PoolState(host, backend.zone, offered, **usage.get(host, {})))
    return found


async def locked_pool_states(deps: VolumeDeps, uow: UnitOfWork) -> list[PoolState]:
    """The same for one who is about to take a place: where places are few, one at a time."""
    if any(offered["total_capacity_gb"] != "infinite" for offered in deps.backends.pools().values()):
        await uow.value("SELECT pg_advisory_xact_lock(hashtext('volume.scheduler'))")
    return await pool_states(deps, uow)


async def require_not_frozen(session: Session, host: str | None) -> None:
    """InvalidInput for what is on a frozen back end (``cinder/objects/base.py: assert_not_frozen``)."""
    state = (await services.states(session)).get((BINARY, (host or "").partition("#")[0]))
    if state is not None and state.frozen:
        raise InvalidInput(reason="Modification operations are not allowed on frozen storage backends.")
