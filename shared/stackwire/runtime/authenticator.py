"""Which authenticator a service uses: Stackwire's signed tokens, or a real Keystone."""

from collections.abc import Sequence

from stackwire.core.clock import Clock
from stackwire.core.settings import ServiceSettings
from stackwire.core.tokens import TokenSigner
from stackwire.http.auth import Authenticator, SignedTokenAuthenticator
from stackwire.http.keystone import KeystoneAuthenticator
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Resource


def authenticator_of(
    settings: ServiceSettings, watch: RevocationWatch, clock: Clock
) -> tuple[Authenticator, Sequence[Resource]]:
    """The authenticator the settings configure, and the resources the service must close.

    With ``keystone_url`` tokens are validated at Keystone, otherwise verified locally.
    Raises ValueError when the token key is too short to sign with.
    """
    if settings.keystone_url:
        keystone = KeystoneAuthenticator(
            settings.keystone_url, settings.keystone_user, settings.keystone_password, clock=clock
        )
        return keystone, (keystone,)
    return SignedTokenAuthenticator(TokenSigner(settings.token_key, clock), watch.revoked), ()
