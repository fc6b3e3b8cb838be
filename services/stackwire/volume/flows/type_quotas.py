"""Limits on what a project has of one volume type (``volumes_<type>``, ``gigabytes_<type>``, ``snapshots_<type>``)."""

from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import quotas
from stackwire.volume.domain.errors import TypeLimitExceeded
from stackwire.volume.domain.model import VolumeType


async def check_type_limits(uow: UnitOfWork, project: str, volume_type: VolumeType, **amounts: int) -> None:
    """TypeLimitExceeded; after the project's quota was reserved, whose rows keep other requests waiting.

    ``cinder/quota.py: add_volume_type_opts``.
    """
    limits = await quotas.limits_of(uow, project)
    wanted = {f"{resource}_{volume_type.name}": amount for resource, amount in amounts.items()}
    if all(limits[name] < 0 for name in wanted):
        return
    used = await quotas.used(uow, project)
    for name, amount in wanted.items():
        if 0 <= limits[name] < used[name] + amount:
            raise TypeLimitExceeded(resource=name, allowed=limits[name])
