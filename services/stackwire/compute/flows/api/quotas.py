"""Limits and quotas of projects."""

from collections.abc import Mapping

from stackwire.compute.db import keypairs, quotas
from stackwire.compute.domain import policy
from stackwire.compute.domain.quotas import DEFAULTS
from stackwire.compute.domain.requests import UpdateQuotasRequest
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotSimulated

LimitsAndUsage = tuple[Mapping[str, int], Mapping[str, int]]
"""Limits by resource (-1: none), and what is used: instances, cores, MiB of memory, the caller's key pairs."""


class Quotas(ApiFlow):
    """``nova/quota.py``."""

    async def get_limits(self, ctx: RequestContext, project_id: str | None) -> LimitsAndUsage:
        """Of the caller's project (``project_id`` None), or of another, which is for administrators."""
        self._deps.policy.require(ctx, policy.LIMITS, {"project_id": ctx.project_id})
        project_id = project_id or ctx.project_id or ""
        if project_id != ctx.project_id:
            self._deps.policy.require(ctx, policy.LIMITS_OTHER)
        return await self._read(ctx, project_id)

    async def get(self, ctx: RequestContext, project_id: str) -> LimitsAndUsage:
        """Of that project."""
        self._deps.policy.require(ctx, policy.QUOTAS, {"project_id": project_id})
        return await self._read(ctx, project_id)

    async def _read(self, ctx: RequestContext, project_id: str) -> LimitsAndUsage:
        async with self._deps.database.read() as session:
            limits = await quotas.limits(session, project_id)
            used = await quotas.usage(session, project_id)
            pairs = await keypairs.count(session, ctx.user_id or "")
        return limits, {**used, "key_pairs": pairs}

    async def update(self, ctx: RequestContext, request: UpdateQuotasRequest) -> Mapping[str, int]:
        """All limits afterwards; BadRequest for one below what is used, unless forced."""
        self._deps.policy.require(ctx, policy.QUOTAS_CHANGE)
        async with self._deps.database.work(ctx) as uow:
            used = await quotas.usage(uow, request.project_id)
            for name, limit in request.limits.items():
                if name not in DEFAULTS:
                    raise NotSimulated(what=f"the quota of {name}")
                if not request.force and 0 <= limit < used.get(name, 0):
                    raise BadRequest(f"Quota limit {limit} for {name} must be at least {used[name]}, which are used.")
            await quotas.set_limits(uow, request.project_id, request.limits)
            return await quotas.limits(uow, request.project_id)

    async def reset(self, ctx: RequestContext, project_id: str) -> None:
        """The project has the defaults again."""
        self._deps.policy.require(ctx, policy.QUOTAS_CHANGE)
        async with self._deps.database.work(ctx) as uow:
            await quotas.reset_limits(uow, project_id)
