"""From credentials to a token, and from a token back to what it says."""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, Unauthorized
from stackwire.core.policy import Policy
from stackwire.core.tokens import Claims, TokenSigner
from stackwire.db.pool import Database
from stackwire.identity.backends.passwords import Passwords
from stackwire.identity.db import revocations
from stackwire.identity.db.token_subject import Standing, standing
from stackwire.identity.domain.auth_request import METHODS, Asked, Scope, Selector
from stackwire.identity.domain.errors import NotPermitted


class TokenNotFound(NotFound):
    """Could not find token."""


class Tokens:
    """Issues, shows and takes back tokens. One statement each, besides the password's arithmetic."""

    def __init__(
        self, database: Database, signer: TokenSigner, passwords: Passwords, policy: Policy, clock: Clock, hours: float
    ) -> None:
        self._database = database
        self._signer = signer
        self._passwords = passwords
        self._policy = policy
        self._clock = clock
        self.lifetime = timedelta(hours=hours)

    async def issue(self, asked: Asked) -> tuple[str, Claims]:
        """A token and what it says. Unauthorized for whatever is wrong, so that nobody learns which part was."""
        if not asked.methods or not set(asked.methods) <= set(METHODS):
            raise Unauthorized("Attempted to authenticate with an unsupported method.")
        now = self._clock.now()  # before anything is read: what is revoked from here on catches this token
        presented = self._signer.verify(asked.token) if asked.token is not None else None
        user = asked.user or Selector(id=presented.user_id if presented else None)
        found = await standing(self._database, user, asked.scope, presented)
        await self._prove(asked, found, presented)
        if found is None or not found.enabled:
            raise Unauthorized
        claims = self._claims(found, asked, now, presented)
        return self._signer.issue(claims), claims

    async def check(self, token: str) -> Claims:
        """What a token says, while it stands; Unauthorized otherwise."""
        claims = self._signer.verify(token)
        if not await revocations.stands(self._database, claims):
            raise Unauthorized
        return claims

    async def show(self, ctx: RequestContext, token: str, rule: str = "identity:validate_token") -> Claims:
        """Somebody else's token, or one's own. TokenNotFound when it is none, or no longer one."""
        try:
            claims = self._signer.verify(token)
        except Unauthorized:
            self._policy.require(ctx, rule, error=NotPermitted)
            raise TokenNotFound from None
        self._policy.require(ctx, rule, {"target.token.user_id": claims.user_id}, NotPermitted)
        if not await revocations.stands(self._database, claims):
            raise TokenNotFound
        return claims

    async def revoke(self, ctx: RequestContext, token: str) -> None:
        """Takes one token back, here and in every service."""
        claims = await self.show(ctx, token, "identity:revoke_token")
        async with self._database.work(ctx) as uow:
            await revocations.revoke(uow, self.lifetime, [f"audit:{claims.audit_id}"])

    async def _prove(self, asked: Asked, found: Standing | None, presented: Claims | None) -> None:
        if presented is not None and (found is None or found.void or presented.user_id != found.user_id):
            raise Unauthorized
        if asked.password is None and presented is None:
            raise Unauthorized
        if asked.password is not None:
            known = found.password_hash if found else None
            if not await self._passwords.matches(asked.password, known):
                raise Unauthorized

    def _claims(self, found: Standing, asked: Asked, now: datetime, presented: Claims | None) -> Claims:
        plain = Claims(
            audit_id=secrets.token_urlsafe(16),
            audit_chain_id=(presented.audit_chain_id or presented.audit_id) if presented else None,
            issued_at=now,
            expires_at=presented.expires_at if presented else (now + self.lifetime).replace(microsecond=0),
            methods=tuple(dict.fromkeys((*asked.methods, *(presented.methods if presented else ())))),
            user_id=found.user_id,
            user_name=found.user_name,
            user_domain_id=found.user_domain_id,
            user_domain_name=found.user_domain_name,
        )
        good = bool(found.place_id and found.place_enabled and found.roles)
        if asked.scope.kind == "unscoped" or (asked.scope.kind == "default" and not good):
            return plain
        if not good:
            raise Unauthorized
        return _scoped(replace(plain, roles=tuple((role[0], role[1]) for role in found.roles)), found, asked.scope)


def _scoped(claims: Claims, found: Standing, scope: Scope) -> Claims:
    if scope.kind == "system":
        return replace(claims, system=True)
    if scope.kind == "domain":
        return replace(claims, domain_id=found.place_id, domain_name=found.place_name)
    return replace(
        claims,
        project_id=found.place_id,
        project_name=found.place_name,
        project_domain_id=found.place_domain_id,
        project_domain_name=found.place_domain_name,
    )
