"""Quotas: limits and what is in use of them; -1: no limit."""

from collections.abc import Mapping

from stackwire.contracts.volume import InvalidInput
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.volume.db import quotas
from stackwire.volume.domain.quotas import DEFAULT_CLASS
from stackwire.volume.flows.deps import Flow

LimitsAndUsage = tuple[dict[str, int], dict[str, int]]


class Quotas(Flow):
    """``cinder/api/contrib/quotas.py``, ``cinder/api/v3/limits.py``."""

    async def get(self, ctx: RequestContext, project_id: str) -> LimitsAndUsage:
        """Limits and usage by resource, for the quota set of a project."""
        self._deps.require(ctx, "volume_extension:quotas:show", project_id)
        return await self._read(project_id)

    async def get_absolute_limits(self, ctx: RequestContext, project_id: str) -> LimitsAndUsage:
        """Limits and usage by resource, for the limits of a project."""
        self._deps.require(ctx, "limits_extension:used_limits", project_id)
        return await self._read(project_id)

    async def get_defaults(self, ctx: RequestContext, project_id: str) -> Mapping[str, int]:
        """The limits of a project that has none of its own."""
        self._deps.require(ctx, "volume_extension:quotas:show", project_id)
        async with self._deps.database.read() as session:
            return await quotas.class_limits(session, DEFAULT_CLASS)

    async def get_class(self, ctx: RequestContext, class_name: str) -> Mapping[str, int]:
        """Its own limits over the defaults."""
        self._deps.require(ctx, "volume_extension:quota_classes:get")
        async with self._deps.database.read() as session:
            return await quotas.class_limits(session, class_name)

    async def update_class(self, ctx: RequestContext, class_name: str, limits: Mapping[str, int]) -> Mapping[str, int]:
        """All limits of the class. InvalidInput for a resource that has no quota."""
        self._deps.require(ctx, "volume_extension:quota_classes:update")
        async with self._deps.database.work(ctx) as uow:
            unknown = limits.keys() - (await quotas.class_limits(uow, class_name)).keys()
            if unknown:
                raise InvalidInput(reason=f"Bad key(s) in quota class set: {', '.join(sorted(unknown))}")
            await quotas.set_class_limits(uow, class_name, limits)
            return await quotas.class_limits(uow, class_name)

    async def update(self, ctx: RequestContext, project_id: str, limits: Mapping[str, int]) -> dict[str, int]:
        """All limits of the project, these among them. BadRequest for a resource that has no quota."""
        self._deps.require(ctx, "volume_extension:quotas:update", project_id)
        async with self._deps.database.work(ctx) as uow:
            unknown = limits.keys() - (await quotas.class_limits(uow, DEFAULT_CLASS)).keys()
            if unknown:
                raise BadRequest(f"Bad key(s) in quota set: {', '.join(sorted(unknown))}")
            await quotas.set_limits(uow, project_id, limits)
            return await quotas.limits_of(uow, project_id)

    async def delete(self, ctx: RequestContext, project_id: str) -> None:
        """Back to the defaults."""
        self._deps.require(ctx, "volume_extension:quotas:delete", project_id)
        async with self._deps.database.work(ctx) as uow:
            await quotas.delete_limits(uow, project_id)

    async def _read(self, project_id: str) -> LimitsAndUsage:
        async with self._deps.database.read() as session:
            return await quotas.limits_of(session, project_id), await quotas.used(session, project_id)
