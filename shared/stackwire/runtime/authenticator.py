"""Which authenticator a service uses: Stackwire's signed tokens, or a real Keystone."""

from collections.abc import Sequence

from stackwire.core.clock import Clock
from stackwire.core.service_tokens import ServiceTokens
from stackwire.core.settings import ServiceSettings
from stackwire.core.tokens import TokenSigner
from stackwire.http.auth import Authenticator, SignedTokenAuthenticator
from stackwire.http.keystone import KeystoneAuthenticator
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Resource


def service_tokens_of(settings: ServiceSettings, name: str, clock: Clock) -> ServiceTokens | None:
    """What the service sends beside a user's token; None with a real Keystone, whose tokens are its own."""
    return None if settings.keystone_url else ServiceTokens(TokenSigner(settings.token_key, clock), name, clock)


def authenticator_of(
    settings: ServiceSettings, watch: RevocationWatch, clock: Clock, *service_types: str
) -> tuple[Authenticator, Sequence[Resource]]:
    """The authenticator the settings configure, and the resources the service must close.

    ``service_types``: what the service is called in the catalogue, and so in access rules.
    With ``keystone_url`` tokens are validated at Keystone, otherwise verified locally.
    Raises ValueError when the token key is too short to sign with.
    """
    if settings.keystone_url:
        keystone = KeystoneAuthenticator(
            settings.keystone_url,
            settings.keystone_user,
            settings.keystone_password,
            clock=clock,
            service_types=service_types,
        )
        return keystone, (keystone,)
    return SignedTokenAuthenticator(TokenSigner(settings.token_key, clock), watch.revoked, service_types), ()
