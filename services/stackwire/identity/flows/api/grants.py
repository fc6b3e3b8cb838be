"""Who has which role where, and which roles bring others with them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.policy import Policy
from stackwire.db.errors import CheckViolation, ForeignKeyViolation
from stackwire.db.pool import Database
from stackwire.db.session import Session
from stackwire.identity.db import grants, members, entities
from stackwire.identity.db.grants import Spot
from stackwire.identity.db.entities import DOMAIN, GROUP, PROJECT, ROLE, USER, Noun, Row
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain.errors import Absent, NotPermitted

_NOUNS = {"user": USER, "group": GROUP, "project": PROJECT, "domain": DOMAIN}


class Grants:
    """A role taken away takes the tokens back that carry it there."""

    def __init__(self, database: Database, policy: Policy, lifetime: timedelta) -> None:
        self._database = database
        self._policy = policy
        self._lifetime = lifetime

    async def add(self, ctx: RequestContext, spot: Spot, role_id: str) -> None:
        """Absent when the actor, the place or the role is not there."""
        self._require(ctx, "create", spot)
        try:
            async with self._database.work(ctx) as uow:
                await grants.add(uow, spot, role_id)
        except ForeignKeyViolation:
            async with self._database.read() as session:
                await _all_there(session, spot, role_id)
            raise

    async def remove(self, ctx: RequestContext, spot: Spot, role_id: str) -> None:
        self._require(ctx, "revoke", spot)
        async with self._database.work(ctx) as uow:
            if not await grants.remove(uow, spot, role_id):
                raise Absent(kind="role assignment with role", id=role_id)
            users = [spot.actor_id] if spot.actor == "user" else await members.ids_of(uow, spot.actor_id)
            await revoke(uow, self._lifetime, [f"user:{user_id}/{_scope(spot)}" for user_id in users])

    async def check(self, ctx: RequestContext, spot: Spot, role_id: str) -> None:
        self._require(ctx, "check", spot)
        async with self._database.read() as session:
            if not await grants.held(session, spot, role_id):
                raise Absent(kind="role assignment with role", id=role_id)

    async def roles_at(self, ctx: RequestContext, spot: Spot) -> list[Row]:
        self._require(ctx, "list", spot)
        async with self._database.read() as session:
            await _all_there(session, spot, None)
            return await grants.roles_at(session, spot)

    async def assignments(
        self, ctx: RequestContext, filters: Mapping[str, str], *, system: bool, effective: bool
    ) -> list[dict[str, Any]]:
        self._policy.require(ctx, "identity:list_role_assignments", error=NotPermitted)
        async with self._database.read() as session:
            return await grants.assignments(session, filters, system=system, effective=effective)

    async def imply(self, ctx: RequestContext, prior_id: str, implied_id: str) -> Row:
        self._policy.require(ctx, "identity:create_implied_role", error=NotPermitted)
        try:
            async with self._database.work(ctx) as uow:
                await grants.imply(uow, prior_id, implied_id)
        except ForeignKeyViolation as missing:
            raise Absent(kind="role", id=f"{prior_id} or {implied_id}") from missing
        except CheckViolation as itself:
            raise BadRequest("A role cannot imply itself.") from itself
        return await self._inference(prior_id, implied_id)

    async def unimply(self, ctx: RequestContext, prior_id: str, implied_id: str) -> None:
        self._policy.require(ctx, "identity:delete_implied_role", error=NotPermitted)
        async with self._database.work(ctx) as uow:
            if not await grants.unimply(uow, prior_id, implied_id):
                raise Absent(kind="implied role", id=implied_id)
            await revoke(uow, self._lifetime, [f"role:{prior_id}"])

    async def implied(self, ctx: RequestContext, prior_id: str, implied_id: str) -> Row:
        self._policy.require(ctx, "identity:get_implied_role", error=NotPermitted)
        return await self._inference(prior_id, implied_id)

    async def inferences(self, ctx: RequestContext, prior_id: str | None) -> list[Row]:
        rule = "identity:list_implied_roles" if prior_id else "identity:list_role_inference_rules"
        self._policy.require(ctx, rule, error=NotPermitted)
        async with self._database.read() as session:
            if prior_id and await entities.get(session, ROLE, prior_id) is None:
                raise Absent(kind="role", id=prior_id)
            return await grants.inferences(session, prior_id)

    async def _inference(self, prior_id: str, implied_id: str) -> Row:
        async with self._database.read() as session:
            for row in await grants.inferences(session, prior_id):
                if row["implied_id"] == implied_id:
                    return row
        raise Absent(kind="implied role", id=implied_id)

    def _require(self, ctx: RequestContext, verb: str, spot: Spot) -> None:
        many = "s" if verb == "list" else ""
        rule = f"{verb}_system_grant{many}_for_{spot.actor}" if spot.place == "system" else f"{verb}_grant{many}"
        self._policy.require(ctx, f"identity:{rule}", error=NotPermitted)


def _scope(spot: Spot) -> str:
    """The scope in the words of core/revocations.py."""
    if spot.place == "system":
        return "system:all"
    return f"{'project' if spot.place == 'project' else 'domain-scope'}:{spot.place_id}"


async def _all_there(session: Session, spot: Spot, role_id: str | None) -> None:
    asked: list[tuple[Noun, str | None]] = [(_NOUNS[spot.actor], spot.actor_id)]
    if spot.place != "system":
        asked.append((_NOUNS[spot.place], spot.place_id))
    for noun, id in (*asked, (ROLE, role_id)):
        if id is not None and await entities.get(session, noun, id) is None:
            raise Absent(kind=noun.name, id=id)
