"""Which signed tokens were taken back before their time.

A token answers to a handful of keys (its own, its user's, its scope's, ...); a revocation names one key and a moment:
every token of that key issued up to then is void.  So a disabled project is one entry, however many tokens it had.
"""

from datetime import datetime

from stackwire.core.tokens import Claims


def scope_key(claims: Claims) -> str | None:
    """The scope of a token as one word; None when it is unscoped."""
    if claims.project_id:
        return f"project:{claims.project_id}"
    if claims.domain_id:
        return f"domain-scope:{claims.domain_id}"
    return "system:all" if claims.system else None


def keys_of(claims: Claims) -> tuple[str, ...]:
    """Every key a token answers to."""
    scope = scope_key(claims)
    domains = {claims.user_domain_id, claims.project_domain_id, claims.domain_id} - {None}
    keys = [f"audit:{claims.audit_id}", f"user:{claims.user_id}"]
    if scope is not None:
        keys += [scope, f"user:{claims.user_id}/{scope}"]
    keys += [f"domain:{domain}" for domain in sorted(map(str, domains))]
    keys += [f"role:{role_id}" for role_id, _ in claims.roles]
    return tuple(keys)


class Revocations:
    """A list kept in memory. Entries leave when the last token they could concern has expired."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[datetime, datetime]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, key: str, before: datetime, until: datetime) -> None:
        """Tokens of ``key`` issued at ``before`` or earlier are void; ``until``: when that stops to matter."""
        known = self._entries.get(key)
        if known is None or known[0] < before:
            self._entries[key] = (before, until)

    def revoked(self, claims: Claims) -> bool:
        """True when the token was taken back."""
        if not self._entries:
            return False
        found = (self._entries.get(key) for key in keys_of(claims))
        return any(entry is not None and claims.issued_at <= entry[0] for entry in found)

    def forget(self, now: datetime) -> None:
        """Drops what no living token can match any more."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry[1] > now}
