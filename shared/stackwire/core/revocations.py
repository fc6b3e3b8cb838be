"""Signed tokens that were revoked before they expired.

A token has several keys (its own, its user's, its scope's, ...); a revocation names one key and a time: every token
with that key issued until then is revoked.  So a disabled project is one entry, however many tokens it had.
"""

from datetime import datetime

from stackwire.core.tokens import Claims

EVERY = "every"
"""The key that every token has."""


def scope_key(claims: Claims) -> str | None:
    """The scope of a token as a text; None when it is unscoped."""
    if claims.project_id:
        return f"project:{claims.project_id}"
    if claims.domain_id:
        return f"domain-scope:{claims.domain_id}"
    return "system:all" if claims.system else None


def keys_of(claims: Claims) -> tuple[str, ...]:
    """Every key a token has."""
    scope = scope_key(claims)
    domains = {claims.user_domain_id, claims.project_domain_id, claims.domain_id} - {None}
    keys = [EVERY, f"audit:{claims.audit_id}", f"user:{claims.user_id}"]
    if scope is not None:
        keys += [scope, f"user:{claims.user_id}/{scope}"]
    keys += [f"domain:{domain}" for domain in sorted(map(str, domains))]
    keys += [f"role:{role_id}" for role_id, _ in claims.roles]
    if claims.application_credential_id is not None:
        keys.append(f"application-credential:{claims.application_credential_id}")
    if claims.trust_id is not None:  # it is worth what both of them are, and the roles of the one who gave it
        keys += [f"trust:{claims.trust_id}", f"user:{claims.trustor_user_id}", f"user:{claims.trustee_user_id}"]
        keys.append(f"user:{claims.trustor_user_id}/{scope}")
    return tuple(keys)


class Revocations:
    """Revocations in memory. ``forget`` removes those whose tokens have all expired."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[datetime, datetime]] = {}

    def restart(self, now: datetime, ended: bool, until: datetime) -> None:
        """After a reset, which may have set the clock back; ``ended``: whether every token until now is revoked."""
        self._entries = {key: (min(before, now), end) for key, (before, end) in self._entries.items()}
        if ended:
            self._entries[EVERY] = (now, until)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, key: str, before: datetime, until: datetime) -> None:
        """Tokens of ``key`` issued at ``before`` or earlier are revoked; ``until``: when the last of them expires."""
        known = self._entries.get(key)
        if known is None or known[0] < before:
            self._entries[key] = (before, until)

    def revoked(self, claims: Claims) -> bool:
        """True when the token is revoked."""
        if not self._entries:
            return False
        found = (self._entries.get(key) for key in keys_of(claims))
        return any(entry is not None and claims.issued_at <= entry[0] for entry in found)

    def forget(self, now: datetime) -> None:
        """Removes the entries whose tokens have all expired."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry[1] > now}
