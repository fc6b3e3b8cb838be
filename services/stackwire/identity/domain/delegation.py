"""Delegated tokens: which they are, and what may not be done with them.

Source: ``keystone/api/_shared/delegation.py`` and those who call it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from stackwire.core.tokens import Claims
from stackwire.identity.domain.errors import BadTimestamp, ExpiresBeforeNow, ForbiddenAction, NotDelegated

APPLICATION_CREDENTIAL = "application_credential"
EC2 = "ec2credential"
MAX_REDELEGATION_COUNT = 3
"""Source: ``keystone/conf/trust.py``."""
_PRIMARY = frozenset({"password", "token"})
_CREDENTIALS = "Delegated tokens cannot access credentials directly"


def is_delegated(claims: Claims) -> bool:
    """Whether the token comes of a credential that is good for less than its user is."""
    return not _PRIMARY.issuperset(claims.methods)


def check_may_manage_trusts(claims: Claims) -> None:
    """ForbiddenAction for delegated tokens; with the token of a trust that trust may be redelegated."""
    if is_delegated(claims):
        raise ForbiddenAction(rule="Delegated tokens cannot manage trusts.")


def check_may_read_credentials(claims: Claims) -> None:
    """ForbiddenAction for every delegated token."""
    if not may_read_credentials(claims):
        raise ForbiddenAction(rule=_CREDENTIALS)


def may_read_credentials(claims: Claims) -> bool:
    """False for every delegated token."""
    return claims.trust_id is None and not is_delegated(claims)


def check_may_have_application_credentials(claims: Claims) -> None:
    """NotDelegated for a token of a trust or of EC2 credentials."""
    if APPLICATION_CREDENTIAL not in claims.methods and (claims.trust_id is not None or is_delegated(claims)):
        raise NotDelegated


def check_may_rescope(presented: Claims, scope_type: str) -> None:
    """ForbiddenAction where the token presented may not be exchanged. Source: ``keystone/auth/plugins/token.py``."""
    if presented.trust_id is not None:
        raise ForbiddenAction(
            rule="Using trust-scoped token to create another token. Create a new trust-scoped token instead"
        )
    if presented.system and scope_type in {"project", "domain"}:
        raise ForbiddenAction(
            rule="Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed."
        )
    if is_delegated(presented):
        raise ForbiddenAction(rule="Using a delegated token to create another token is not allowed.")


def expiry(text: str | None, now: datetime) -> datetime | None:
    """The time of an ``expires_at``, which is UTC. BadTimestamp, ExpiresBeforeNow."""
    if text is None:
        return None
    try:
        expires_at = datetime.fromisoformat(text if text.endswith("Z") else f"{text}Z").astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadTimestamp from None
    if expires_at < now:
        raise ExpiresBeforeNow
    return expires_at


def check_redelegation(parent: Mapping[str, Any], trust: Mapping[str, Any], role_ids: Iterable[str]) -> None:
    """NotDelegated unless ``trust`` may come of ``parent``.

    Source: ``keystone/trust/core.py: _validate_redelegation``.
    """
    parent_roles = {role["id"] for role in parent["roles"]}
    expires_at, parent_expires_at = trust["expires_at"], parent["expires_at"]
    if (
        not 0 < parent["redelegation_count"] <= MAX_REDELEGATION_COUNT
        or trust["remaining_uses"] is not None
        or (parent_expires_at is not None and expires_at is not None and parent_expires_at < expires_at)
        or not parent_roles.issuperset(role_ids)
        or (trust["impersonation"] and not parent["impersonation"])
    ):
        raise NotDelegated
