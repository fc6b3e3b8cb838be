"""Signed, self-contained tokens: identity issues them, every service verifies them without asking.

The catalogue is not in them (it would triple their size): identity computes it when a token is shown.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import jwt

from stackwire.core.errors import Unauthorized

_ALGORITHM = "HS256"
_REMEMBERED = 1024  # tokens whose signature was verified
_LONGEST = 16 * 1024  # bytes; a longer header is not a token of ours and is not parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says. Times are aware UTC; exactly one scope (project, domain, system) or none.

    ``issued_at`` is exact to the microsecond, so that a token asked for right after a revocation is not caught by it;
    ``expires_at`` is in whole seconds. ``audit_chain_id``: the audit id of the token this one was made from.
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

    @property
    def role_names(self) -> tuple[str, ...]:
        return tuple(name.lower() for _, name in self.roles)


class TokenSigner:
    """Issues and verifies with one shared key; a bad, expired or foreign token is Unauthorized."""

    def __init__(self, key: str) -> None:
        if len(key) < 32:
            raise ValueError("the token key must have at least 32 characters")
        self._key = key
        self._signed = lru_cache(_REMEMBERED)(self._read)

    def issue(self, claims: Claims) -> str:
        body: dict[str, Any] = {name: value for name, value in asdict(claims).items() if value not in (None, (), False)}
        body["iat"] = body.pop("issued_at").timestamp()
        body["exp"] = int(body.pop("expires_at").timestamp())
        return jwt.encode(body, self._key, algorithm=_ALGORITHM)

    def verify(self, token: str) -> Claims:
        if not token or len(token) > _LONGEST:
            raise Unauthorized
        try:
            claims = self._signed(token)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as refused:
            raise Unauthorized from refused
        if claims.expires_at <= datetime.now(UTC):
            raise Unauthorized
        return claims

    def _read(self, token: str) -> Claims:
        """What a token says, its signature verified: that holds for good, unlike its time."""
        return _claims(jwt.decode(token, self._key, algorithms=[_ALGORITHM], options={"require": ["exp", "iat"]}))


def _claims(body: dict[str, Any]) -> Claims:
    body["issued_at"] = datetime.fromtimestamp(body.pop("iat"), UTC)
    body["expires_at"] = datetime.fromtimestamp(body.pop("exp"), UTC)
    body["methods"] = tuple(body["methods"])
    body["roles"] = tuple((role[0], role[1]) for role in body.get("roles", ()))
    return Claims(**body)
