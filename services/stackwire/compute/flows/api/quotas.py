"""Limits and quotas of projects and their users, and of quota classes."""

from collections.abc import Mapping

from stackwire.compute.db import keypairs, quotas
from stackwire.compute.domain import policy
from stackwire.compute.domain.quotas import DEFAULT_CLASS, LimitsAndUsage, check_limit, for_project, for_user
from stackwire.compute.domain.requests import UpdateQuotasRequest
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork


class Quotas(ApiFlow):
    """``nova/quota.py``. ``user_id`` None: of the whole project."""

    async def get_limits(self, ctx: RequestContext, project_id: str | None) -> LimitsAndUsage:
        """Of the caller's project, or of one that is named (``project_id``), which is for administrators.

        ``nova/api/openstack/compute/limits.py``: also when it is the caller's own.
        """
        self._deps.policy.require(ctx, policy.LIMITS, {"project_id": ctx.project_id})
        if project_id:
            self._deps.policy.require(ctx, policy.LIMITS_OTHER, {"project_id": project_id})
        return await self._read(ctx, project_id or ctx.project_id or "", None)

    async def get(self, ctx: RequestContext, project_id: str, user_id: str | None) -> LimitsAndUsage:
        """Of that project, which must be one."""
        self._deps.policy.require(ctx, policy.QUOTAS, {"project_id": project_id})
        await self._deps.require_project(ctx, project_id)
        return await self._read(ctx, project_id, user_id)

    async def defaults(self, ctx: RequestContext, project_id: str) -> Mapping[str, int]:
        """What that project has, and every other, when it has no limits of its own."""
        await self._deps.require_project(ctx, project_id)
        async with self._deps.database.read() as session:
            return await quotas.class_limits(session, DEFAULT_CLASS)

    async def _read(self, ctx: RequestContext, project_id: str, user_id: str | None) -> LimitsAndUsage:
        async with self._deps.database.read() as session:
            limits = await quotas.limits(session, project_id, user_id)
            used = await quotas.usage(session, project_id, user_id)
            pairs = await keypairs.count(session, ctx.user_id or "")
        return limits, {**used, "key_pairs": pairs}

    async def update(self, ctx: RequestContext, request: UpdateQuotasRequest) -> Mapping[str, int]:
        """All limits afterwards; BadRequest, unless forced, for one below what is used or above what is left."""
        self._deps.policy.require(ctx, policy.QUOTAS_CHANGE)
        await self._deps.require_project(ctx, request.project_id)
        async with self._deps.database.work(ctx) as uow:
            await quotas.lock(uow, request.project_id)
            if not request.force:
                await self._check(uow, request)
            await quotas.set_limits(uow, request.project_id, request.limits, request.user_id)
            return await quotas.limits(uow, request.project_id, request.user_id)

    async def _check(self, uow: UnitOfWork, request: UpdateQuotasRequest) -> None:
        """``get_settable_quotas``."""
        project_id, user_id = request.project_id, request.user_id
        limits, of_users = await quotas.limits(uow, project_id), await quotas.limits_of_users(uow, project_id)
        used = await quotas.usage(uow, project_id, user_id)
        own = {} if user_id is None else await quotas.limits_of_user(uow, project_id, user_id)
        for name, limit in request.limits.items():
            has = limits[name], of_users.get(name, 0)
            taken = used.get(name, 0)
            allowed = for_project(*has, taken) if user_id is None else for_user(*has, own.get(name, 0), taken)
            check_limit(name, limit, *allowed)

    async def reset(self, ctx: RequestContext, project_id: str, user_id: str | None) -> None:
        """The project has the defaults again, or its user the project's limits."""
        self._deps.policy.require(ctx, policy.QUOTAS_DELETE)
        async with self._deps.database.work(ctx) as uow:
            await quotas.reset_limits(uow, project_id, user_id)

    # ---- classes

    async def get_class(self, ctx: RequestContext, name: str) -> Mapping[str, int]:
        """The class's limits; a class that nobody set has the configured ones."""
        self._deps.policy.require(ctx, policy.QUOTA_CLASSES)
        async with self._deps.database.read() as session:
            return await quotas.class_limits(session, name)

    async def update_class(self, ctx: RequestContext, name: str, limits: Mapping[str, int]) -> Mapping[str, int]:
        """All limits afterwards. Those of the class ``default`` are every project's that has none of its own."""
        self._deps.policy.require(ctx, policy.QUOTA_CLASSES_CHANGE)
        async with self._deps.database.work(ctx) as uow:
            await quotas.set_class_limits(uow, name, limits)
            return await quotas.class_limits(uow, name)
