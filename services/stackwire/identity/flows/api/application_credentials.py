"""Application credentials: what a tool logs in with instead of its user's password.

Source: ``keystone/application_credential/core.py``, ``keystone/api/users.py``.
"""

import secrets
from collections.abc import Mapping

from stackwire.core.context import RequestContext
from stackwire.core.tokens import Claims
from stackwire.db.errors import ForeignKeyViolation, UniqueViolation
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.identity.db import application_credentials, grants
from stackwire.identity.db.revocations import revoke
from stackwire.identity.domain import errors
from stackwire.identity.domain.delegation import APPLICATION_CREDENTIAL, check_may_have_application_credentials, expiry
from stackwire.identity.domain.entities import Row
from stackwire.identity.domain.requests import ApplicationCredentialRequest, RoleReference
from stackwire.identity.flows.api.directory import new_entity_id
from stackwire.identity.flows.deps import IdentityDeps

_SECRET_BYTES = 64
_KIND = "Application Credential"


def revocation_keys(ids: list[str]) -> list[str]:
    """What revokes the tokens of these credentials: see ``core/revocations.py: keys_of``."""
    return [f"application-credential:{id}" for id in ids]


class ApplicationCredentials:
    """What requests do with a user's application credentials and access rules."""

    def __init__(self, deps: IdentityDeps) -> None:
        self._deps = deps

    async def create(self, ctx: RequestContext, user_id: str, request: ApplicationCredentialRequest) -> tuple[Row, str]:
        """The credential and its secret, which is kept as a hash only.

        DuplicateEntry for a name in use, InvalidApplicationCredential for a role the caller's token has not.
        """
        self._deps.check_allowed(ctx, "create_application_credential", {"user_id": user_id})
        caller = self._deps.caller(ctx)
        check_may_have_application_credentials(caller)
        await self._check_unrestricted(caller)
        if caller.project_id is None:
            raise errors.InvalidApplicationCredential(detail="the token has no project")
        secret = request.secret or secrets.token_urlsafe(_SECRET_BYTES)
        values = {
            "id": new_entity_id(),
            "user_id": user_id,
            "project_id": caller.project_id,
            "name": request.name,
            "description": request.description,
            "secret_hash": await self._deps.passwords.hashed(secret),
            "expires_at": expiry(request.expires_at or None, self._deps.database.clock.now()),
            "unrestricted": request.unrestricted,
        }
        try:
            async with self._deps.database.work(ctx) as uow:
                role_ids = await _role_ids(uow, request.roles, caller)
                rule_ids = [await _rule_id(uow, user_id, rule) for rule in request.access_rules]
                return await application_credentials.insert(uow, values, role_ids, rule_ids), secret
        except UniqueViolation as error:
            raise errors.DuplicateEntry(entity="application_credential", name=request.name) from error

    async def find(self, ctx: RequestContext, user_id: str, name: str | None) -> list[Row]:
        """The credentials of a user; none for a user who is none."""
        self._deps.check_allowed(ctx, "list_application_credentials", {"user_id": user_id})
        check_may_have_application_credentials(self._deps.caller(ctx))
        async with self._deps.database.read() as session:
            return await application_credentials.find(session, user_id, name)

    async def get(self, ctx: RequestContext, user_id: str, id: str) -> Row:
        """EntityNotFound for an unknown one. Whose it is decides who may see it, not what the address says."""
        return await self._checked(ctx, "get_application_credential", user_id, id)

    async def delete(self, ctx: RequestContext, user_id: str, id: str) -> None:
        """With the tokens it gave."""
        await self._checked(ctx, "delete_application_credential", user_id, id)
        await self._check_unrestricted(self._deps.caller(ctx))
        async with self._deps.database.work(ctx) as uow:
            await application_credentials.delete(uow, [id])
            await revoke(uow, self._deps.token_lifetime, revocation_keys([id]))

    async def find_rules(self, ctx: RequestContext, user_id: str, filters: Mapping[str, str]) -> list[Row]:
        """The access rules of a user."""
        self._check_rules_allowed(ctx, "list_access_rules", user_id)
        async with self._deps.database.read() as session:
            return await application_credentials.find_rules(session, user_id, filters)

    async def get_rule(self, ctx: RequestContext, user_id: str, id: str) -> Row:
        """EntityNotFound unless the user has such a rule."""
        self._check_rules_allowed(ctx, "get_access_rule", user_id)
        async with self._deps.database.read() as session:
            return await _existing_rule(session, user_id, id)

    async def delete_rule(self, ctx: RequestContext, user_id: str, id: str) -> None:
        """AccessRuleInUse while a credential has it."""
        self._check_rules_allowed(ctx, "delete_access_rule", user_id)
        try:
            async with self._deps.database.work(ctx) as uow:
                await _existing_rule(uow, user_id, id)
                await application_credentials.delete_rule(uow, id)
        except ForeignKeyViolation as error:
            raise errors.AccessRuleInUse from error

    async def _checked(self, ctx: RequestContext, rule: str, user_id: str, id: str) -> Row:
        async with self._deps.database.read() as session:
            row = await application_credentials.get(session, id)
        self._deps.check_allowed(ctx, rule, {"user_id": row["user_id"] if row else user_id})
        check_may_have_application_credentials(self._deps.caller(ctx))
        if row is None:
            raise errors.EntityNotFound(entity=_KIND, id=id)
        return row

    def _check_rules_allowed(self, ctx: RequestContext, rule: str, user_id: str) -> None:
        self._deps.check_allowed(ctx, rule, {"target.user.id": user_id})
        check_may_have_application_credentials(self._deps.caller(ctx))

    async def _check_unrestricted(self, caller: Claims) -> None:
        """ForbiddenAction for a token of a restricted credential: it manages no others."""
        if APPLICATION_CREDENTIAL not in caller.methods:
            return
        async with self._deps.database.read() as session:
            row = await application_credentials.get(session, str(caller.application_credential_id))
        if row is None or not row["unrestricted"]:
            raise errors.ForbiddenAction(
                rule="Using method 'application_credential' is not allowed for managing additional application"
                " credentials."
            )


async def _role_ids(session: Session, roles: tuple[RoleReference, ...], caller: Claims) -> list[str]:
    """The roles asked for and those they imply, all of which the caller's token must have; by default all it has."""
    own = [id for id, _ in caller.roles]
    if not roles:
        return own
    wanted = await grants.with_implied(session, [await grants.role_id(session, role) for role in roles])
    if not set(wanted) <= set(own):
        raise errors.InvalidApplicationCredential(detail="Cannot create an application credential with unassigned role")
    return wanted


async def _rule_id(uow: UnitOfWork, user_id: str, rule: Mapping[str, str]) -> str:
    if "id" in rule and (known := await application_credentials.get_rule(uow, user_id, rule["id"], lock=True)):
        return str(known["id"])
    if not {"service", "path", "method"} <= rule.keys():
        raise errors.EntityNotFound(entity="Access Rule", id=rule.get("id"))
    return await application_credentials.ensure_rule(uow, user_id, new_entity_id(), rule)


async def _existing_rule(session: Session, user_id: str, id: str) -> Row:
    row = await application_credentials.get_rule(session, user_id, id)
    if row is None:
        raise errors.EntityNotFound(entity="Access Rule", id=id)
    return row
