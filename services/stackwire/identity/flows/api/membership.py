"""Groups and their members; the scopes a user has roles on."""

from collections.abc import Awaitable, Callable

from stackwire.core.context import RequestContext
from stackwire.db.errors import ForeignKeyViolation
from stackwire.db.session import Session
from stackwire.identity.db import entities, group_members
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain.entities import GROUP, USER, Row
from stackwire.identity.domain.errors import EntityNotFound
from stackwire.identity.flows.deps import IdentityDeps, require_exists

_Read = Callable[[Session, str], Awaitable[list[Row]]]


class Membership:
    """A user who leaves a group loses the tokens that contain its roles."""

    def __init__(self, deps: IdentityDeps) -> None:
        self._deps = deps

    async def add_user(self, ctx: RequestContext, group_id: str, user_id: str) -> None:
        """EntityNotFound for an unknown group or user."""
        self._deps.check_allowed(ctx, "add_user_to_group")
        try:
            async with self._deps.database.work(ctx) as uow:
                await group_members.add(uow, group_id, user_id)
        except ForeignKeyViolation as error:
            raise EntityNotFound(entity="group or user", id=f"{group_id} or {user_id}") from error

    async def remove_user(self, ctx: RequestContext, group_id: str, user_id: str) -> None:
        """EntityNotFound when the user is not in the group."""
        self._deps.check_allowed(ctx, "remove_user_from_group")
        async with self._deps.database.work(ctx) as uow:
            if not await group_members.remove(uow, group_id, user_id):
                raise EntityNotFound(entity="user in group", id=user_id)
            await revoke(uow, self._deps.token_lifetime, [f"user:{user_id}"])

    async def check_user(self, ctx: RequestContext, group_id: str, user_id: str) -> None:
        """EntityNotFound when the user is not in the group."""
        self._deps.check_allowed(ctx, "check_user_in_group")
        async with self._deps.database.read() as session:
            if not await group_members.contains(session, group_id, user_id):
                raise EntityNotFound(entity="user in group", id=user_id)

    async def list_users(self, ctx: RequestContext, group_id: str) -> list[Row]:
        """The users of a group."""
        self._deps.check_allowed(ctx, "list_users_in_group")
        async with self._deps.database.read() as session:
            await require_exists(session, GROUP, group_id)
            return await group_members.users_in(session, group_id)

    async def list_groups(self, ctx: RequestContext, user_id: str) -> list[Row]:
        """The groups of a user."""
        return await self._of_user(ctx, user_id, "list_groups_for_user", group_members.groups_of)

    async def list_projects(self, ctx: RequestContext, user_id: str) -> list[Row]:
        """The projects on which a user has a role."""
        return await self._of_user(ctx, user_id, "list_user_projects", entities.projects_of)

    async def own_projects(self, ctx: RequestContext) -> list[Row]:
        """The projects the caller may get a token for."""
        async with self._deps.database.read() as session:
            return await entities.projects_of(session, str(ctx.user_id))

    async def own_domains(self, ctx: RequestContext) -> list[Row]:
        """The domains the caller may get a token for."""
        async with self._deps.database.read() as session:
            return await entities.domains_of(session, str(ctx.user_id))

    async def has_system_role(self, ctx: RequestContext) -> bool:
        """True when the caller may get a system-scoped token."""
        async with self._deps.database.read() as session:
            return await entities.has_system_role(session, str(ctx.user_id))

    async def _of_user(self, ctx: RequestContext, user_id: str, rule: str, read: _Read) -> list[Row]:
        self._deps.check_allowed(ctx, rule, {"target.user.id": user_id})
        async with self._deps.database.read() as session:
            await require_exists(session, USER, user_id)
            return await read(session, user_id)
