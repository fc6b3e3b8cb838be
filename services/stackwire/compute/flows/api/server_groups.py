"""Server groups: servers that are to be together, or apart."""

from collections.abc import Mapping

from stackwire.compute.db import quotas, server_groups
from stackwire.compute.domain import policy
from stackwire.compute.domain.errors_groups import ServerGroupLimitExceeded, ServerGroupNotFound
from stackwire.compute.domain.model_groups import ServerGroup
from stackwire.compute.domain.scheduler_affinity import ANTI_AFFINITY
from stackwire.compute.domain.server_groups import group_payload, legacy_payload
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.pool import UnitOfWork


class ServerGroups(ApiFlow):
    """``nova/objects/instance_group.py``. ServerGroupNotFound for one that the caller cannot see."""

    async def list_page(self, ctx: RequestContext, limit: int, offset: int, *, all_projects: bool) -> list[ServerGroup]:
        """Of the caller's project; ``all_projects`` is for administrators, others see their own by it."""
        self._deps.policy.require(ctx, policy.SERVER_GROUPS, {"project_id": ctx.project_id})
        every = all_projects and ctx.is_admin
        if every:
            self._deps.policy.require(ctx, policy.SERVER_GROUPS_ALL, {"project_id": ctx.project_id})
        async with self._deps.database.read() as session:
            return await server_groups.list_page(session, None if every else ctx.project_id or "", limit, offset)

    async def get(self, ctx: RequestContext, uuid: str) -> ServerGroup:
        """One of them."""
        return await self._find(ctx, uuid, policy.SERVER_GROUP_SHOW)

    async def create(
        self, ctx: RequestContext, name: str, group_policy: str, rules: Mapping[str, int] | None
    ) -> ServerGroup:
        """BadRequest for rules of a policy that has none; ServerGroupLimitExceeded."""
        self._deps.policy.require(ctx, policy.SERVER_GROUP_CREATE, {"project_id": ctx.project_id})
        if rules and group_policy != ANTI_AFFINITY:
            raise BadRequest("Only anti-affinity policy supports rules.")
        project_id, user_id = ctx.project_id or "", ctx.user_id or ""
        async with self._deps.database.work(ctx) as uow:
            await quotas.lock(uow, project_id)
            await self._check_limit(uow, project_id, user_id)
            columns = {
                "uuid": self._deps.make_id("server_group"),
                "user_id": user_id,
                "project_id": project_id,
                "name": name,
            }
            more = {"policy": group_policy, "rules": dict(rules or {}), "created_at": uow.now}
            created = await server_groups.TABLE.insert(uow, columns | more)
            group = await server_groups.get(uow, created.uuid, None)
            if group is None:
                raise ServerGroupNotFound(group_uuid=created.uuid)
            self._announce(uow, "create", group, legacy_payload(group, with_rules=rules is not None))
        return group

    async def _check_limit(self, uow: UnitOfWork, project_id: str, user_id: str) -> None:
        for limits, used in await quotas.scopes(uow, project_id, user_id):
            if 0 <= limits["server_groups"] <= used["server_groups"]:
                raise ServerGroupLimitExceeded(allowed=limits["server_groups"])

    async def delete(self, ctx: RequestContext, uuid: str) -> None:
        """Its servers stay where they are."""
        group = await self._find(ctx, uuid, policy.SERVER_GROUP_DELETE)
        async with self._deps.database.work(ctx) as uow:
            if not await server_groups.TABLE.delete(uow, group.uuid):
                raise ServerGroupNotFound(group_uuid=uuid)
            self._announce(uow, "delete", group, {"server_group_id": group.uuid})

    async def _find(self, ctx: RequestContext, uuid: str, rule: str) -> ServerGroup:
        async with self._deps.database.read() as session:
            group = await server_groups.get(session, uuid, None if ctx.is_admin else ctx.project_id or "")
        if group is None:
            raise ServerGroupNotFound(group_uuid=uuid[:100])
        self._deps.policy.require(ctx, rule, {"project_id": group.project_id})
        return group

    def _announce(self, uow: UnitOfWork, verb: str, group: ServerGroup, legacy: Mapping[str, object]) -> None:
        notifications = self._deps.notifications
        notifications.emit(uow, "servergroup", f"servergroup.{verb}", legacy, group.uuid)
        notifications.emit_versioned(uow, "api", f"server_group.{verb}", group_payload(group), group.uuid)
