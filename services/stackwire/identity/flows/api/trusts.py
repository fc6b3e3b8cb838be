"""Trusts: one user lets another act in a project. Source: ``keystone/trust/core.py``, ``keystone/api/trusts.py``."""

from collections.abc import Mapping
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.db.errors import UniqueViolation
from stackwire.db.session import Session
from stackwire.identity.db import grants, token_subject, trusts
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain import errors
from stackwire.identity.domain.delegation import (
    MAX_REDELEGATION_COUNT,
    check_may_manage_trusts,
    check_redelegation,
    expiry,
)
from stackwire.identity.domain.entities import PROJECT, USER, Row
from stackwire.identity.domain.requests import Scope, Selector, TrustRequest
from stackwire.identity.flows.api.directory import new_entity_id
from stackwire.identity.flows.deps import IdentityDeps, require_exists


def revocation_keys(ids: list[str]) -> list[str]:
    """What revokes the tokens of these trusts: see ``core/revocations.py: keys_of``."""
    return [f"trust:{id}" for id in ids]


class Trusts:
    """What requests do with trusts. A trust that is over, by time or by uses, is none."""

    def __init__(self, deps: IdentityDeps) -> None:
        self._deps = deps

    async def create(self, ctx: RequestContext, request: TrustRequest) -> Row:
        """NotDelegated for a redelegation that the trust of the caller's token does not allow."""
        self._deps.check_allowed(ctx, "create_trust", {"target.trust.trustor_user_id": request.trustor_user_id})
        caller, now = self._deps.caller(ctx), self._deps.database.clock.now()
        check_may_manage_trusts(caller)
        if request.project_id and not request.roles:
            raise errors.ForbiddenAction(rule="At least one role should be specified")
        values = {
            "id": new_entity_id(),
            "trustor_user_id": request.trustor_user_id,
            "trustee_user_id": request.trustee_user_id,
            "project_id": request.project_id,
            "impersonation": request.impersonation,
            "expires_at": expiry(request.expires_at, now),
            "remaining_uses": request.remaining_uses,
            "redelegated_trust_id": caller.trust_id,
            "extra": dict(request.extra),
        }
        async with self._deps.database.work(ctx) as uow:
            await require_exists(uow, USER, request.trustee_user_id)
            role_ids = [await grants.role_id(uow, role) for role in request.roles]
            chain = await trusts.pedigree(uow, caller.trust_id) if caller.trust_id else []
            trustor_id = chain[-1]["trustor_user_id"] if chain else request.trustor_user_id
            await self._check_roles(uow, trustor_id, request.project_id, role_ids)
            values["redelegation_count"] = _redelegation_count(request, chain)
            for parent in chain:
                values["expires_at"] = values["expires_at"] or parent["expires_at"]
                check_redelegation(parent, values, role_ids)
            try:
                await trusts.insert(uow, values, role_ids)
            except UniqueViolation as error:
                raise errors.DuplicateTrust(id=values["id"]) from error
            row = await trusts.get(uow, str(values["id"]), now)
        assert row is not None
        return row

    async def find(self, ctx: RequestContext, filters: Mapping[str, str]) -> list[Row]:
        """Those of one trustor, of one trustee, or all of them; without their roles."""
        name = next(iter(filters), None)
        rule = "list_trusts" if name is None else f"list_trusts_for_{name.removesuffix('_user_id')}"
        self._deps.check_allowed(ctx, rule, {f"target.trust.{key}": value for key, value in filters.items()})
        check_may_manage_trusts(self._deps.caller(ctx))
        async with self._deps.database.read() as session:
            return await trusts.find(session, filters)

    async def get(self, ctx: RequestContext, id: str, rule: str = "get_trust") -> Row:
        """With its roles. EntityNotFound to whoever asks for one that is none."""
        async with self._deps.database.read() as session:
            row = await self._existing(session, id)
        self._deps.check_allowed(ctx, rule, _target(row))
        check_may_manage_trusts(self._deps.caller(ctx))
        return row

    async def get_role(self, ctx: RequestContext, id: str, role_id: str) -> Row:
        """One of its roles."""
        row = await self.get(ctx, id, "get_role_for_trust")
        for role in row["roles"]:
            if role["id"] == role_id:
                return dict(role)
        raise errors.EntityNotFound(entity="role", id=role_id)

    async def delete(self, ctx: RequestContext, id: str) -> None:
        """With what was redelegated from it, and the tokens of all these."""
        await self.get(ctx, id, "delete_trust")
        async with self._deps.database.work(ctx) as uow:
            await revoke(uow, self._deps.token_lifetime, revocation_keys(await trusts.delete(uow, id)))

    async def _existing(self, session: Session, id: str) -> Row:
        row = await trusts.get(session, id, self._deps.database.clock.now())
        if row is None:
            raise errors.EntityNotFound(entity="trust", id=id)
        return row

    async def _check_roles(
        self, session: Session, trustor_id: str, project_id: str | None, role_ids: list[str]
    ) -> None:
        """EntityNotFound unless there is the project, and the trustor has all these roles on it."""
        own: set[str] = set()
        if project_id:
            await require_exists(session, PROJECT, project_id)
            scope = Scope(type="project", target=Selector(id=project_id))
            subject = await token_subject.load(session, Selector(id=trustor_id), scope)
            own = {role[0] for role in subject.roles} if subject else set()
        missing = next((role_id for role_id in role_ids if role_id not in own), None)
        if missing is not None:
            raise errors.EntityNotFound(entity="role", id=missing)


def _redelegation_count(request: TrustRequest, chain: list[Row]) -> int:
    """How often what comes of the trust may be passed on. Source: ``keystone/trust/core.py: create_trust``."""
    requested = request.redelegation_count
    if not request.allow_redelegation or requested == 0:
        return 0
    if requested and requested > MAX_REDELEGATION_COUNT:
        raise errors.NotDelegated
    if request.remaining_uses is not None:
        raise errors.UsesOfRedelegatedTrust
    if not chain:
        return requested or MAX_REDELEGATION_COUNT
    remaining = int(chain[0]["redelegation_count"]) - 1
    if requested and requested != remaining:
        raise errors.NotDelegated
    return remaining


def _target(row: Row) -> dict[str, Any]:
    return {f"target.trust.{name}": row[name] for name in ("trustor_user_id", "trustee_user_id")}
