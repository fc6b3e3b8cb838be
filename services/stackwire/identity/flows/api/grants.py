"""Role assignments. Source: ``keystone/assignment/core.py``."""

from stackwire.core.context import RequestContext
from stackwire.db.errors import ForeignKeyViolation
from stackwire.db.session import Session
from stackwire.identity.db import grants, group_members
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain.entities import DOMAIN, GROUP, PROJECT, ROLE, USER, Row
from stackwire.identity.domain.errors import EntityNotFound
from stackwire.identity.domain.grants import GrantTarget
from stackwire.identity.domain.requests import AssignmentQuery
from stackwire.identity.flows.deps import IdentityDeps, require_exists

_ENTITY_TYPES = {"user": USER, "group": GROUP, "project": PROJECT, "domain": DOMAIN}


class Grants:
    """Assigns and revokes roles. A revoked role revokes the tokens that contain it."""

    def __init__(self, deps: IdentityDeps) -> None:
        self._deps = deps

    async def add_grant(self, ctx: RequestContext, target: GrantTarget, role_id: str) -> None:
        """EntityNotFound for an unknown actor, scope or role."""
        self._check_allowed(ctx, "create", target)
        try:
            async with self._deps.database.work(ctx) as uow:
                await grants.add(uow, target, role_id)
        except ForeignKeyViolation:
            async with self._deps.database.read() as session:
                await _require_target(session, target)
                await require_exists(session, ROLE, role_id)
            raise

    async def remove_grant(self, ctx: RequestContext, target: GrantTarget, role_id: str) -> None:
        """EntityNotFound when the role is not assigned."""
        self._check_allowed(ctx, "revoke", target)
        async with self._deps.database.work(ctx) as uow:
            if not await grants.remove(uow, target, role_id):
                raise EntityNotFound(entity="role assignment with role", id=role_id)
            if target.actor == "user":
                users = [target.actor_id]
            else:
                users = await group_members.user_ids_in(uow, target.actor_id)
            keys = [f"user:{user_id}/{target.token_scope}" for user_id in users]
            await revoke(uow, self._deps.token_lifetime, keys)

    async def check_grant(self, ctx: RequestContext, target: GrantTarget, role_id: str) -> None:
        """EntityNotFound when the role is not assigned."""
        self._check_allowed(ctx, "check", target)
        async with self._deps.database.read() as session:
            if not await grants.exists(session, target, role_id):
                raise EntityNotFound(entity="role assignment with role", id=role_id)

    async def list_roles(self, ctx: RequestContext, target: GrantTarget) -> list[Row]:
        """The roles assigned to an actor on a scope; EntityNotFound when either is unknown."""
        self._check_allowed(ctx, "list", target)
        async with self._deps.database.read() as session:
            await _require_target(session, target)
            return await grants.roles_of(session, target)

    async def list_assignments(self, ctx: RequestContext, query: AssignmentQuery) -> list[Row]:
        """Role assignments of the whole cloud that match. EntityNotFound for an unknown user, whose groups matter."""
        self._deps.check_allowed(ctx, "list_role_assignments")
        async with self._deps.database.read() as session:
            if query.effective and "user.id" in query.filters:
                await require_exists(session, USER, query.filters["user.id"])
            return await grants.list_assignments(session, query)

    def _check_allowed(self, ctx: RequestContext, verb: str, target: GrantTarget) -> None:
        plural = "s" if verb == "list" else ""
        system = f"{verb}_system_grant{plural}_for_{target.actor}"
        self._deps.check_allowed(ctx, system if target.scope == "system" else f"{verb}_grant{plural}")


async def _require_target(session: Session, target: GrantTarget) -> None:
    await require_exists(session, _ENTITY_TYPES[target.actor], target.actor_id)
    if target.scope != "system":
        await require_exists(session, _ENTITY_TYPES[target.scope], str(target.scope_id))
