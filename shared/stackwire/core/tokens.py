"""Signed, self-contained tokens: identity issues them, every service verifies them locally.

The catalogue is not in them (it would triple their size): identity computes it for each response.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import jwt

from stackwire.core.clock import Clock
from stackwire.core.errors import Unauthorized

_ALGORITHM = "HS256"
_OPTIONS: Any = {"require": ["exp", "iat"], "verify_exp": False, "verify_iat": False}
"""The library would compare times with the machine's clock."""
_MAX_CACHED_TOKENS = 1024  # whose signature was verified
_MAX_TOKEN_LENGTH = 16 * 1024  # a longer header is no token of Stackwire's, and is not parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The content of a token. Times are aware UTC; exactly one scope (project, domain, system) or none.

    ``issued_at`` is exact to the microsecond, so that a token issued right after a revocation is valid;
    ``expires_at`` is in whole seconds. ``audit_chain_id``: the audit id of the token this one was issued for.
    ``access_rules``: (service, path, method) of each request an application credential's token is good for, none for
    any. A token of a trust names who gave it and to whom; with ``impersonation`` its user is the one who gave it.
    """

    audit_id: str
    audit_chain_id: str | None = None
    issued_at: datetime
    expires_at: datetime
    methods: tuple[str, ...]
    user_id: str
    user_name: str
    user_domain_id: str
    user_domain_name: str
    roles: tuple[tuple[str, str], ...] = ()
    """(id, name) of each role."""
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    project_domain_name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None
    system: bool = False
    application_credential_id: str | None = None
    access_rules: tuple[tuple[str, str, str], ...] = ()
    trust_id: str | None = None
    trustor_user_id: str | None = None
    trustee_user_id: str | None = None
    impersonation: bool = False

    @property
    def role_names(self) -> tuple[str, ...]:
        """The roles' names in lower case."""
        return tuple(name.lower() for _, name in self.roles)


class TokenSigner:
    """Issues and verifies tokens with a shared key. ``clock``: by which they expire."""

    def __init__(self, key: str, clock: Clock | None = None) -> None:
        if len(key) < 32:
            raise ValueError("the token key must have at least 32 characters")
        self._key = key
        self._clock = clock or Clock()
        self._signed = lru_cache(_MAX_CACHED_TOKENS)(self._read)

    def issue(self, claims: Claims) -> str:
        """A signed token."""
        body: dict[str, Any] = {name: value for name, value in asdict(claims).items() if value not in (None, (), False)}
        body["iat"] = body.pop("issued_at").timestamp()
        body["exp"] = int(body.pop("expires_at").timestamp())
        return jwt.encode(body, self._key, algorithm=_ALGORITHM)

    def verify(self, token: str) -> Claims:
        """The claims of a token. Raises Unauthorized for a malformed, expired or foreign one."""
        if not token or len(token) > _MAX_TOKEN_LENGTH:
            raise Unauthorized
        try:
            claims = self._signed(token)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as refused:
            raise Unauthorized from refused
        if claims.expires_at <= self._clock.now():
            raise Unauthorized
        return claims

    def _read(self, token: str) -> Claims:
        """The claims, after the signature was verified; the caller checks the time, so that this can be cached."""
        return _claims(jwt.decode(token, self._key, algorithms=[_ALGORITHM], options=_OPTIONS))


def _claims(body: dict[str, Any]) -> Claims:
    body["issued_at"] = datetime.fromtimestamp(body.pop("iat"), UTC)
    body["expires_at"] = datetime.fromtimestamp(body.pop("exp"), UTC)
    body["methods"] = tuple(body["methods"])
    body["roles"] = tuple((role[0], role[1]) for role in body.get("roles", ()))
    body["access_rules"] = tuple((rule[0], rule[1], rule[2]) for rule in body.get("access_rules", ()))
    return Claims(**body)
