"""From credentials to a token, and from a token back to its contents.

Source: ``keystone/auth/core.py``, ``keystone/token/provider.py``.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from stackwire.contracts.identity import ListRevocations, Revocation
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import Unauthorized
from stackwire.core.tokens import Claims
from stackwire.identity.db import application_credentials, revocations, token_subject
from stackwire.identity.db.token_subject import TokenSubject
from stackwire.identity.domain.delegation import EC2, check_may_rescope
from stackwire.identity.domain.entities import Row
from stackwire.identity.domain.errors import TokenNotFound
from stackwire.identity.domain.requests import AUTH_METHODS, ApplicationCredentialLogin, AuthRequest, Scope, Selector
from stackwire.identity.flows.api.logins import Logins, in_project, narrowed, with_application_credential
from stackwire.identity.flows.deps import IdentityDeps
from stackwire.runtime.kept import Restored


class Tokens:
    """Issues, validates and revokes tokens. One statement each, besides hashing the password."""

    def __init__(self, deps: IdentityDeps, logins: Logins) -> None:
        self._deps = deps
        self._signer = deps.signer
        self._logins = logins

    async def issue_token(self, request: AuthRequest) -> tuple[str, Claims]:
        """A token and its claims. Unauthorized for whatever is wrong, so that nobody learns which part was.

        TokenNotFound for a token that is no longer one, or never was.
        """
        if not request.methods or not set(request.methods) <= set(AUTH_METHODS):
            raise Unauthorized("Attempted to authenticate with an unsupported method.")
        now = self._deps.database.clock.now()  # before anything is read: a revocation from here on covers this token
        presented = self._presented(request.token)
        if request.application_credential is not None:
            claims = await self._by_application_credential(request, request.application_credential, now, presented)
        elif request.scope.type == "trust":
            claims = await self._by_trust(request, now, presented)
        else:
            subject, unscoped = await self._authenticated(request, request.scope, now, presented)
            claims = _in_scope(unscoped, subject, request.scope)
        return self._signer.issue(claims), claims

    async def _by_application_credential(
        self, request: AuthRequest, login: ApplicationCredentialLogin, now: datetime, presented: Claims | None
    ) -> Claims:
        credential = await self._logins.application_credential(login, request.scope, now)
        scope, user = in_project(credential["project_id"]), Selector(id=credential["user_id"])
        if request.user is None and presented is None:
            request = replace(request, user=user)
        subject, unscoped = await self._authenticated(request, scope, now, presented)
        if subject.user_id != user.id:
            raise Unauthorized
        claims = _in_scope(unscoped, narrowed(subject, credential), scope)
        return with_application_credential(claims, credential)

    async def _by_trust(self, request: AuthRequest, now: datetime, presented: Claims | None) -> Claims:
        trust = await self._logins.trust(str(request.scope.target and request.scope.target.id), now)
        scope = in_project(trust.trust["project_id"])
        _, unscoped = await self._authenticated(request, scope, now, presented)
        return await self._logins.as_trustee(unscoped, trust)

    async def _authenticated(
        self, request: AuthRequest, scope: Scope, now: datetime, presented: Claims | None
    ) -> tuple[TokenSubject, Claims]:
        """Who it is, with the roles on the scope, and what a token without a scope would say."""
        user = request.user or Selector(id=presented.user_id if presented else None)
        subject = await token_subject.load(self._deps.database, user, scope, presented)
        await self._check_credentials(request, subject, presented)
        if subject is None or not subject.enabled:
            raise Unauthorized
        return subject, self._unscoped(subject, request.methods, now, presented)

    async def issue_for_signature(self, ctx: RequestContext, request: Mapping[str, Any]) -> tuple[str, Claims]:
        """The token of whoever signed a request to EC2 or S3 with the secret of an EC2 credential."""
        self._deps.check_allowed(ctx, "ec2tokens_validate")
        now = self._deps.database.clock.now()
        user, scope = await self._logins.signed(request, now)
        subject = await token_subject.load(self._deps.database, user, scope)
        if subject is None or not subject.enabled:
            raise Unauthorized
        claims = _in_scope(self._unscoped(subject, (EC2,), now, None), subject, scope)
        return self._signer.issue(claims), claims

    async def application_credential_of(self, claims: Claims) -> Row | None:
        """What the body of its token shows of it; None for a token of no application credential."""
        if claims.application_credential_id is None:
            return None
        async with self._deps.database.read() as session:
            return await application_credentials.get(session, claims.application_credential_id)

    def _presented(self, token: str | None) -> Claims | None:
        try:
            return None if token is None else self._signer.verify(token)
        except Unauthorized:
            raise TokenNotFound from None

    async def verify_token(self, token: str) -> Claims:
        """The claims of a caller's own token; Unauthorized unless it is valid."""
        claims = self._signer.verify(token)
        if not await revocations.is_valid(self._deps.database, claims):
            raise Unauthorized
        return claims

    async def get_token(self, ctx: RequestContext, token: str, rule: str = "validate_token") -> Claims:
        """The claims of any token. TokenNotFound when it is malformed, expired or revoked."""
        try:
            claims = self._signer.verify(token)
        except Unauthorized:
            self._deps.check_allowed(ctx, rule)
            raise TokenNotFound from None
        self._deps.check_allowed(ctx, rule, {"target.token.user_id": claims.user_id})
        if not await revocations.is_valid(self._deps.database, claims):
            raise TokenNotFound
        return claims

    async def check_token(self, ctx: RequestContext, token: str) -> Claims:
        """As ``get_token``, for callers who only ask whether it is valid."""
        return await self.get_token(ctx, token, "check_token")

    async def revoke_token(self, ctx: RequestContext, token: str) -> None:
        """Revokes one token, here and in every service."""
        claims = await self.get_token(ctx, token, "revoke_token")
        async with self._deps.database.work(ctx) as uow:
            await revocations.revoke(uow, self._deps.token_lifetime, [f"audit:{claims.audit_id}"])

    async def restored(self, what: Restored) -> None:
        """After a reset: what was revoked stays so. Other services do the same."""
        async with self._deps.database.work(system_context("identity")) as uow:
            await revocations.restart(uow, self._deps.token_lifetime, what.at, what.tokens_ended)

    async def on_list_revocations(self, _ctx: RequestContext, _message: ListRevocations) -> list[Revocation]:
        """The revocations that tokens still valid may match."""
        return await revocations.current(self._deps.database, self._deps.database.clock.now())

    async def delete_expired_revocations(self) -> None:
        """Runs on a timer: revocations of expired tokens are no longer needed."""
        async with self._deps.database.work(system_context("identity")) as uow:
            await revocations.delete_expired(uow)

    async def _check_credentials(
        self, request: AuthRequest, subject: TokenSubject | None, presented: Claims | None
    ) -> None:
        if presented is not None:
            _check_presented(request, subject, presented)
        if request.password is None and presented is None and request.application_credential is None:
            raise Unauthorized
        if request.password is not None:
            known_hash = subject.password_hash if subject else None
            if not await self._deps.passwords.matches(request.password, known_hash):
                raise Unauthorized

    def _unscoped(
        self, subject: TokenSubject, methods: tuple[str, ...], now: datetime, presented: Claims | None
    ) -> Claims:
        expires_at = (now + self._deps.token_lifetime).replace(microsecond=0)
        return Claims(
            audit_id=secrets.token_urlsafe(16),
            audit_chain_id=(presented.audit_chain_id or presented.audit_id) if presented else None,
            issued_at=now,
            expires_at=presented.expires_at if presented else expires_at,
            methods=tuple(dict.fromkeys((*methods, *(presented.methods if presented else ())))),
            **attributes(subject, "user_id user_name user_domain_id user_domain_name"),
        )


def _check_presented(request: AuthRequest, subject: TokenSubject | None, presented: Claims) -> None:
    """Whether the token may be exchanged for the one that is requested."""
    if subject is not None and subject.revoked:
        raise TokenNotFound
    if subject is None or presented.user_id != subject.user_id:
        raise Unauthorized
    check_may_rescope(presented, request.scope.type)


def _in_scope(unscoped: Claims, subject: TokenSubject, scope: Scope) -> Claims:
    """The claims with the scope and the roles on it. Unauthorized where the user has none."""
    usable = bool(subject.scope_id and subject.scope_enabled and subject.roles)
    if scope.type == "unscoped" or (scope.type == "default" and not usable):
        return unscoped
    if not usable:
        raise Unauthorized
    roles = tuple((role[0], role[1]) for role in subject.roles)
    return _scoped(replace(unscoped, roles=roles), subject, scope)


def _scoped(claims: Claims, subject: TokenSubject, scope: Scope) -> Claims:
    if scope.type == "system":
        return replace(claims, system=True)
    if scope.type == "domain":
        return replace(claims, domain_id=subject.scope_id, domain_name=subject.scope_name)
    return replace(
        claims,
        project_id=subject.scope_id,
        project_name=subject.scope_name,
        project_domain_id=subject.scope_domain_id,
        project_domain_name=subject.scope_domain_name,
    )
