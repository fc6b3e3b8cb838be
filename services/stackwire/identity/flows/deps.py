"""What all flows of identity share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.core.tokens import Claims, TokenSigner
from stackwire.db.pool import Database
from stackwire.db.session import Session
from stackwire.identity.backends.passwords import Passwords
from stackwire.identity.db import entities
from stackwire.identity.domain.entities import EntityType
from stackwire.identity.domain.errors import EntityNotFound, ForbiddenAction


@dataclass(frozen=True, slots=True)
class IdentityDeps:
    """The constructor arguments of every flow. ``token_lifetime``: how long a new token is valid."""

    database: Database
    policy: Policy
    passwords: Passwords
    token_lifetime: timedelta
    signer: TokenSigner

    def check_allowed(self, ctx: RequestContext, rule: str, target: Mapping[str, Any] | None = None) -> None:
        """Raises ForbiddenAction unless the caller may do ``identity:<rule>`` to the target."""
        self.policy.require(ctx, f"identity:{rule}", target, ForbiddenAction)

    def caller(self, ctx: RequestContext) -> Claims:
        """What the caller's token says; the request was let in with it."""
        return self.signer.verify(str(ctx.auth_token))


async def require_exists(session: Session, entity_type: EntityType, id: str) -> None:
    """Raises EntityNotFound unless there is such an entity."""
    if await entities.get(session, entity_type, id) is None:
        raise EntityNotFound(entity=entity_type.name, id=id)
