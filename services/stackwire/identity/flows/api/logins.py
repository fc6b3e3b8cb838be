"""Logins with less than a user's password: application credentials, trusts, EC2 signatures.

Source: ``keystone/auth/plugins/application_credential.py``, ``keystone/models/token_model.py``,
``keystone/api/_shared/EC2_S3_Resource.py``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from stackwire.core.attributes import attributes
from stackwire.core.context import system_context
from stackwire.core.errors import NotSimulated, Unauthorized
from stackwire.core.tokens import Claims
from stackwire.identity.db import application_credentials, grants, token_subject, trusts
from stackwire.identity.db.token_subject import TokenSubject
from stackwire.identity.domain import errors
from stackwire.identity.domain.delegation import check_redelegation
from stackwire.identity.domain.ec2_signatures import check_signature, check_time
from stackwire.identity.domain.entities import Row
from stackwire.identity.domain.requests import ApplicationCredentialLogin, Scope, Selector
from stackwire.identity.flows.api.credentials import Credentials
from stackwire.identity.flows.deps import IdentityDeps


@dataclass(frozen=True, slots=True)
class TrustLogin:
    """A trust, the user who gave it, and who has the roles: the first of the chain it was redelegated along."""

    trust: Row
    trustor: TokenSubject
    origin: TokenSubject
    role_ids: frozenset[str]


def in_project(project_id: str) -> Scope:
    """The scope of a token for the project."""
    return Scope(type="project", target=Selector(id=project_id))


class Logins:
    """Finds what was shown instead of a password, and checks it."""

    def __init__(self, deps: IdentityDeps, credentials: Credentials) -> None:
        self._deps = deps
        self._credentials = credentials

    async def application_credential(self, login: ApplicationCredentialLogin, scope: Scope, now: datetime) -> Row:
        """Unauthorized for a wrong secret, one that expired, or a scope: it has its own. EntityNotFound by id."""
        if scope.type != "default":
            raise Unauthorized(
                "Error authenticating with application credential: Application credentials cannot request a scope."
            )
        row = await self._named(login)
        if row is None and login.id is not None:
            raise errors.EntityNotFound(entity="Application Credential", id=login.id)
        is_secret = await self._deps.passwords.matches(login.secret or "", row["secret_hash"] if row else None)
        if row is None or not is_secret or (row["expires_at"] is not None and row["expires_at"] <= now):
            raise Unauthorized
        return row

    async def _named(self, login: ApplicationCredentialLogin) -> Row | None:
        async with self._deps.database.read() as session:
            if login.id is not None:
                return await application_credentials.get(session, login.id)
            name, user = str(login.name), login.user or Selector()
            if user.id is None:
                domain = {"id": user.domain_id, "name": user.domain_name}
                return await application_credentials.named_by_user(session, name, str(user.name), domain)
            found = await application_credentials.find(session, user.id, name)
            return found[0] if found else None

    async def trust(self, id: str, now: datetime) -> TrustLogin:
        """Unauthorized for one that is none, or over; EntityNotFound for one without a project."""
        async with self._deps.database.read() as session:
            trust = await trusts.get(session, id, now)
            if trust is None:
                raise Unauthorized
            if trust["project_id"] is None:
                raise errors.EntityNotFound(entity="project", id=None)
            chain, scope = await trusts.pedigree(session, id), in_project(trust["project_id"])
            origin = await token_subject.load(session, Selector(id=chain[-1]["trustor_user_id"]), scope)
            trustor = await token_subject.load(session, Selector(id=trust["trustor_user_id"]), scope)
            role_ids = await grants.with_implied(session, [role["id"] for role in trust["roles"]])
        for child, parent in pairwise(chain):
            check_redelegation(parent, child, [role["id"] for role in child["roles"]])
            if not parent["trustee_enabled"]:
                raise errors.NotDelegated
        if origin is None or trustor is None or not origin.scope_enabled:
            raise Unauthorized
        return TrustLogin(trust, trustor, origin, frozenset(role_ids))

    async def as_trustee(self, unscoped: Claims, login: TrustLogin) -> Claims:
        """What the token of the trust says; one of its uses is gone. NotDelegated unless all of it still holds."""
        trust, own = login.trust, {role[0] for role in login.origin.roles}
        if unscoped.user_id != trust["trustee_user_id"] or not login.trustor.enabled or not login.role_ids <= own:
            raise errors.NotDelegated
        async with self._deps.database.work(system_context("identity")) as uow:
            if not await trusts.consume(uow, trust["id"]):
                raise Unauthorized
        user = attributes(login.trustor, "user_id user_name user_domain_id user_domain_name")
        return replace(
            unscoped,
            **(user if trust["impersonation"] else {}),
            roles=tuple((role[0], role[1]) for role in login.origin.roles if role[0] in login.role_ids),
            project_id=login.origin.scope_id,
            project_name=login.origin.scope_name,
            project_domain_id=login.origin.scope_domain_id,
            project_domain_name=login.origin.scope_domain_name,
            trust_id=trust["id"],
            trustor_user_id=trust["trustor_user_id"],
            trustee_user_id=trust["trustee_user_id"],
            impersonation=trust["impersonation"],
            expires_at=_earlier(unscoped.expires_at, trust["expires_at"]),
        )

    async def signed(self, request: Mapping[str, Any], now: datetime) -> tuple[Selector, Scope]:
        """Whose keys signed the request, and for which project. Unauthorized for a wrong signature or an old one."""
        access = request.get("access")
        if not isinstance(access, str):
            raise Unauthorized
        async with self._deps.database.read() as session:
            row = await self._credentials.signed_with(session, access)
        blob = json.loads(row["blob"])
        check_signature(str(blob.get("secret")), request)
        check_time(request, now)
        if blob.get("trust_id") or blob.get("app_cred_id"):
            raise NotSimulated(what="EC2 credentials of a trust or an application credential")
        return Selector(id=row["user_id"]), in_project(str(row["project_id"]))


def narrowed(subject: TokenSubject, application_credential: Row) -> TokenSubject:
    """The user with no other roles than the credential has."""
    kept = {role["id"] for role in application_credential["roles"]}
    return replace(subject, roles=[role for role in subject.roles if role[0] in kept])


def with_application_credential(claims: Claims, row: Row) -> Claims:
    """The token ends with the credential, and is good for what its access rules allow."""
    return replace(
        claims,
        application_credential_id=row["id"],
        access_rules=tuple((rule["service"], rule["path"], rule["method"]) for rule in row["access_rules"]),
        expires_at=_earlier(claims.expires_at, row["expires_at"]),
    )


def _earlier(time: datetime, ends: datetime | None) -> datetime:
    """Whole seconds, as in all tokens."""
    return time if ends is None else min(time, ends.replace(microsecond=0))
