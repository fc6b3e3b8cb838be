"""How a service recognises its callers: by our own signed tokens, or by a real Keystone's word."""

from collections.abc import Sequence

from stackwire.core.settings import ServiceSettings
from stackwire.core.tokens import TokenSigner
from stackwire.http.auth import Authenticator, SignedTokenAuthenticator
from stackwire.http.keystone import KeystoneAuthenticator
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Resource


def authenticator_of(settings: ServiceSettings, watch: RevocationWatch) -> tuple[Authenticator, Sequence[Resource]]:
    """The authenticator the settings ask for, and what the service must close with itself.

    With ``keystone_url`` set, tokens are Keystone's and every one is asked about; else they are verified here.
    Raises ValueError when the token key is too short to sign with.
    """
    if settings.keystone_url:
        keystone = KeystoneAuthenticator(settings.keystone_url, settings.keystone_user, settings.keystone_password)
        return keystone, (keystone,)
    return SignedTokenAuthenticator(TokenSigner(settings.token_key), watch.revoked), ()
