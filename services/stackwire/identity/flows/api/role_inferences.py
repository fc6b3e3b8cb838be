"""Implied roles: whoever has the prior role has the implied one. Source: ``keystone/assignment/role_backends``."""

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.errors import CheckViolation, ForeignKeyViolation
from stackwire.identity.db import grants
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain.entities import ROLE, Row
from stackwire.identity.domain.errors import EntityNotFound
from stackwire.identity.flows.deps import IdentityDeps, require_exists


class RoleInferences:
    """Rows name both roles: ``prior_id``, ``prior_name``, ``implied_id``, ``implied_name``."""

    def __init__(self, deps: IdentityDeps) -> None:
        self._deps = deps

    async def create_inference(self, ctx: RequestContext, prior_id: str, implied_id: str) -> Row:
        """EntityNotFound for an unknown role, BadRequest for a role that would imply itself."""
        self._deps.check_allowed(ctx, "create_implied_role")
        try:
            async with self._deps.database.work(ctx) as uow:
                await grants.add_implied(uow, prior_id, implied_id)
        except ForeignKeyViolation as error:
            raise EntityNotFound(entity="role", id=f"{prior_id} or {implied_id}") from error
        except CheckViolation as error:
            raise BadRequest("A role cannot imply itself.") from error
        return await self._get(prior_id, implied_id)

    async def delete_inference(self, ctx: RequestContext, prior_id: str, implied_id: str) -> None:
        """Revokes the tokens that contain the prior role."""
        self._deps.check_allowed(ctx, "delete_implied_role")
        async with self._deps.database.work(ctx) as uow:
            if not await grants.remove_implied(uow, prior_id, implied_id):
                raise EntityNotFound(entity="implied role", id=implied_id)
            await revoke(uow, self._deps.token_lifetime, [f"role:{prior_id}"])

    async def get_inference(self, ctx: RequestContext, prior_id: str, implied_id: str) -> Row:
        """EntityNotFound when the role does not imply the other."""
        self._deps.check_allowed(ctx, "get_implied_role")
        return await self._get(prior_id, implied_id)

    async def list_inferences(self, ctx: RequestContext) -> list[Row]:
        """Every pair."""
        self._deps.check_allowed(ctx, "list_role_inference_rules")
        async with self._deps.database.read() as session:
            return await grants.inferences(session)

    async def list_implied(self, ctx: RequestContext, prior_id: str) -> list[Row]:
        """What one role implies; EntityNotFound for an unknown role."""
        self._deps.check_allowed(ctx, "list_implied_roles")
        async with self._deps.database.read() as session:
            await require_exists(session, ROLE, prior_id)
            return await grants.inferences(session, prior_id)

    async def _get(self, prior_id: str, implied_id: str) -> Row:
        async with self._deps.database.read() as session:
            for row in await grants.inferences(session, prior_id):
                if row["implied_id"] == implied_id:
                    return row
        raise EntityNotFound(entity="implied role", id=implied_id)
