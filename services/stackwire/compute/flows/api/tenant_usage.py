"""What projects' servers used of a period, and how far the audit of all servers' usage has come."""

from datetime import UTC, datetime

from stackwire.compute.db import services, tenant_usage
from stackwire.compute.db.services import COMPUTE_BINARY
from stackwire.compute.domain import policy
from stackwire.compute.domain.tenant_usage import Usage, by_project, last_month
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest

Period = tuple[datetime | None, datetime | None]
"""From and to; None: now. Without either the period is a moment, which Nova takes."""


class UsageReports(ApiFlow):
    """``nova/api/openstack/compute/simple_tenant_usage.py``, ``instance_usage_audit_log.py``."""

    async def list_all(self, ctx: RequestContext, period: Period, *, limit: int, marker: str | None) -> list[Usage]:
        """Of every project; BadRequest for a period that ends before it starts, and for a marker that is no server."""
        self._deps.policy.require(ctx, policy.USAGE_LIST)
        return await self._read(period, None, limit, marker)

    async def get(
        self, ctx: RequestContext, project_id: str, period: Period, *, limit: int, marker: str | None
    ) -> Usage | None:
        """Of one project; None when it used nothing. BadRequest likewise."""
        self._deps.policy.require(ctx, policy.USAGE_SHOW, {"project_id": project_id})
        return next(iter(await self._read(period, project_id, limit, marker)), None)

    async def _read(self, period: Period, project_id: str | None, limit: int, marker: str | None) -> list[Usage]:
        now = self._deps.database.clock.now()
        start, stop = (moment or now for moment in period)
        if start >= stop and any(period):
            raise BadRequest("Invalid start time. The start time cannot occur after the end time.")
        stop = min(stop, now)
        async with self._deps.database.read() as session:
            found = await tenant_usage.in_window(
                session, start, stop, project_id=project_id, marker=marker, limit=limit
            )
        if found is None:
            raise BadRequest(f"Marker {(marker or '')[:100]} could not be found.")
        return by_project(found, start, stop, now)

    async def audit(self, ctx: RequestContext, before: datetime | None) -> tuple[datetime, datetime, list[str]]:
        """The last whole month, and the hosts, none of which has audited it: ``instance_usage_audit`` is off."""
        self._deps.policy.require(ctx, policy.USAGE_AUDIT)
        async with self._deps.database.read() as session:
            found = await services.list_all(session, binary=COMPUTE_BINARY)
        moment = before or self._deps.database.clock.now()
        return *last_month(moment.replace(tzinfo=UTC)), [service.host for service in found]
