"""The token that a service sends beside its user's: access rules are about what the user requests, not what follows.

Source: ``keystonemiddleware/auth_token/__init__.py: validate_allowed_request``; the services of OpenStack do so where
``[service_user] send_service_user_token`` is set. Here they do where it matters: for users with access rules.
"""

from datetime import UTC, datetime, timedelta

from stackwire.core.clock import Clock
from stackwire.core.errors import Unauthorized
from stackwire.core.tokens import Claims, TokenSigner

_SERVICE_TOKEN_LIFETIME = timedelta(hours=1)


class ServiceTokens:
    """Signs tokens with the role ``service`` for the service of this name."""

    def __init__(self, signer: TokenSigner, name: str, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self._name = name
        self._current = ""
        self._renewed_at = datetime.min.replace(tzinfo=UTC)

    def beside(self, token: str) -> str | None:
        """What to send with a user's token; None for a user without access rules."""
        try:
            restricted = bool(self._signer.verify(token).access_rules)
        except Unauthorized:
            return None
        return self._own() if restricted else None

    def _own(self) -> str:
        now = self._clock.now()
        if now >= self._renewed_at:
            claims = Claims(
                audit_id=f"service-{self._name}",
                issued_at=now,
                expires_at=now + _SERVICE_TOKEN_LIFETIME,
                methods=("password",),
                user_id=self._name,
                user_name=self._name,
                user_domain_id="default",
                user_domain_name="Default",
                roles=(("service", "service"),),
            )
            self._current, self._renewed_at = self._signer.issue(claims), now + _SERVICE_TOKEN_LIFETIME / 2
        return self._current
