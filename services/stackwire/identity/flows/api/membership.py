"""Groups and their members; where a user may go."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.db.errors import ForeignKeyViolation
from stackwire.db.pool import Database
from stackwire.db.session import Session
from stackwire.identity.db import members, entities
from stackwire.identity.db.entities import GROUP, USER, Noun, Row
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain.errors import Absent, NotPermitted

_Read = Callable[[Session, str], Awaitable[list[Row]]]


class Membership:
    """Leaving a group takes the tokens back that its roles went into."""

    def __init__(self, database: Database, policy: Policy, lifetime: timedelta) -> None:
        self._database = database
        self._policy = policy
        self._lifetime = lifetime

    async def add(self, ctx: RequestContext, group_id: str, user_id: str) -> None:
        self._policy.require(ctx, "identity:add_user_to_group", error=NotPermitted)
        try:
            async with self._database.work(ctx) as uow:
                await members.add(uow, group_id, user_id)
        except ForeignKeyViolation as missing:
            raise Absent(kind="group or user", id=f"{group_id} or {user_id}") from missing

    async def remove(self, ctx: RequestContext, group_id: str, user_id: str) -> None:
        self._policy.require(ctx, "identity:remove_user_from_group", error=NotPermitted)
        async with self._database.work(ctx) as uow:
            if not await members.remove(uow, group_id, user_id):
                raise Absent(kind="user in group", id=user_id)
            await revoke(uow, self._lifetime, [f"user:{user_id}"])

    async def check(self, ctx: RequestContext, group_id: str, user_id: str) -> None:
        self._policy.require(ctx, "identity:check_user_in_group", error=NotPermitted)
        async with self._database.read() as session:
            if not await members.contains(session, group_id, user_id):
                raise Absent(kind="user in group", id=user_id)

    async def users_in(self, ctx: RequestContext, group_id: str) -> list[Row]:
        async with self._database.read() as session:
            self._policy.require(ctx, "identity:list_users_in_group", error=NotPermitted)
            await _there(session, GROUP, group_id)
            return await members.of_group(session, group_id)

    async def groups_of(self, ctx: RequestContext, user_id: str) -> list[Row]:
        return await self._of_user(ctx, user_id, "identity:list_groups_for_user", members.groups_of)

    async def projects_of(self, ctx: RequestContext, user_id: str) -> list[Row]:
        return await self._of_user(ctx, user_id, "identity:list_user_projects", entities.projects_of)

    async def my_projects(self, ctx: RequestContext) -> list[Row]:
        """Where the caller may take a token to."""
        async with self._database.read() as session:
            return await entities.projects_of(session, str(ctx.user_id))

    async def my_domains(self, ctx: RequestContext) -> list[Row]:
        async with self._database.read() as session:
            return await entities.domains_of(session, str(ctx.user_id))

    async def my_system(self, ctx: RequestContext) -> bool:
        async with self._database.read() as session:
            return await entities.holds_system_role(session, str(ctx.user_id))

    async def _of_user(self, ctx: RequestContext, user_id: str, rule: str, read: _Read) -> list[Row]:
        self._policy.require(ctx, rule, {"target.user.id": user_id}, NotPermitted)
        async with self._database.read() as session:
            await _there(session, USER, user_id)
            return await read(session, user_id)


async def _there(session: Session, noun: Noun, id: str) -> None:
    if await entities.get(session, noun, id) is None:
        raise Absent(kind=noun.name, id=id)
