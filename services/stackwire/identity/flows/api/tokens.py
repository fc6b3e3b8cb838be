"""From credentials to a token, and from a token back to its contents.

Source: ``keystone/auth/core.py``, ``keystone/token/provider.py``.
"""

import secrets
from dataclasses import replace
from datetime import datetime

from stackwire.contracts.identity import ListRevocations, Revocation
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import Unauthorized
from stackwire.core.tokens import Claims, TokenSigner
from stackwire.identity.db import revocations, token_subject
from stackwire.identity.db.token_subject import TokenSubject
from stackwire.identity.domain.errors import TokenNotFound
from stackwire.identity.domain.requests import AUTH_METHODS, AuthRequest, Scope, Selector
from stackwire.identity.flows.deps import IdentityDeps
from stackwire.runtime.kept import Restored


class Tokens:
    """Issues, validates and revokes tokens. One statement each, besides hashing the password."""

    def __init__(self, deps: IdentityDeps, signer: TokenSigner) -> None:
        self._deps = deps
        self._signer = signer

    async def issue_token(self, request: AuthRequest) -> tuple[str, Claims]:
        """A token and its claims. Unauthorized for whatever is wrong, so that nobody learns which part was.

        TokenNotFound for a token that is no longer one, or never was.
        """
        if not request.methods or not set(request.methods) <= set(AUTH_METHODS):
            raise Unauthorized("Attempted to authenticate with an unsupported method.")
        now = self._deps.database.clock.now()  # before anything is read: a revocation from here on covers this token
        presented = self._presented(request.token)
        user = request.user or Selector(id=presented.user_id if presented else None)
        subject = await token_subject.load(self._deps.database, user, request.scope, presented)
        await self._check_credentials(request, subject, presented)
        if subject is None or not subject.enabled:
            raise Unauthorized
        claims = self._claims(subject, request, now, presented)
        return self._signer.issue(claims), claims

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

    async def check_token(self, ctx: RequestContext, token: str) -> None:
        """As ``get_token``, for callers who only ask whether it is valid."""
        await self.get_token(ctx, token, "check_token")

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
        if presented is not None and subject is not None and subject.revoked:
            raise TokenNotFound
        if presented is not None and (subject is None or presented.user_id != subject.user_id):
            raise Unauthorized
        if request.password is None and presented is None:
            raise Unauthorized
        if request.password is not None:
            known_hash = subject.password_hash if subject else None
            if not await self._deps.passwords.matches(request.password, known_hash):
                raise Unauthorized

    def _claims(self, subject: TokenSubject, request: AuthRequest, now: datetime, presented: Claims | None) -> Claims:
        expires_at = (now + self._deps.token_lifetime).replace(microsecond=0)
        unscoped = Claims(
            audit_id=secrets.token_urlsafe(16),
            audit_chain_id=(presented.audit_chain_id or presented.audit_id) if presented else None,
            issued_at=now,
            expires_at=presented.expires_at if presented else expires_at,
            methods=tuple(dict.fromkeys((*request.methods, *(presented.methods if presented else ())))),
            **attributes(subject, "user_id user_name user_domain_id user_domain_name"),
        )
        usable = bool(subject.scope_id and subject.scope_enabled and subject.roles)
        if request.scope.type == "unscoped" or (request.scope.type == "default" and not usable):
            return unscoped
        if not usable:
            raise Unauthorized
        roles = tuple((role[0], role[1]) for role in subject.roles)
        return _scoped(replace(unscoped, roles=roles), subject, request.scope)


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
