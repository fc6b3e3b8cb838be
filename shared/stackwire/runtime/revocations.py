"""Keeps one service's list of revoked tokens.

Identity sends each revocation to all services; a sweep fetches the whole list at start and every REFRESH_SECONDS, in
case a message was missed while the broker was unavailable.

    watch = RevocationWatch(transport, "image", rpc)
    authenticator = SignedTokenAuthenticator(signer, watch.revoked)
    Service(..., servers=[watch.server, ...], sweeps=[watch.sweep, ...])
"""

import logging
import socket
from datetime import timedelta

from stackwire.contracts.identity import TOKENS, ListRevocations, TokensRevoked
from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError
from stackwire.core.revocations import Revocations
from stackwire.core.tokens import Claims
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.kept import Restored
from stackwire.runtime.service import Sweep

log = logging.getLogger(__name__)

REVOCATIONS_TIMEOUT_SECONDS = 2.0  # identity may start later, and must not delay this service
REFRESH_SECONDS = 30.0
LONGEST_TOKEN = timedelta(days=366)
"""After which no token is valid that was issued before a reset."""


class RevocationWatch:
    """``name``: the service's; ``rpc``: its client; ``every``: seconds between refreshes."""

    def __init__(
        self,
        transport: Transport,
        name: str,
        rpc: RpcClient,
        *,
        every: float = REFRESH_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        self._name = name
        self._rpc = rpc
        self._clock = clock or Clock()
        self._revocations = Revocations()
        endpoint = TokensRevoked.served_by(self._on_tokens_revoked)
        self.server = RpcServer(transport, TOKENS, f"{name}.{socket.gethostname()}", [endpoint])
        self.sweep = Sweep(every, self.refresh)

    def revoked(self, claims: Claims) -> bool:
        """True when the token is revoked."""
        return self._revocations.revoked(claims)

    async def restored(self, what: Restored) -> None:
        """After a reset: what was revoked stays so."""
        self._revocations.restart(what.at, what.tokens_ended, what.at + LONGEST_TOKEN)

    async def refresh(self) -> None:
        """Fetches the whole list from identity; the list stays as it is when identity is unavailable."""
        self._revocations.forget(self._clock.now())
        try:
            ctx = system_context(self._name)
            known = await self._rpc.call(ctx, ListRevocations(), timeout=REVOCATIONS_TIMEOUT_SECONDS)
        except ServiceError as error:
            log.info("%s could not fetch the revoked tokens: %s", self._name, error)
            return
        for revocation in known:
            self._revocations.add(revocation.key, revocation.before, revocation.until)

    async def _on_tokens_revoked(self, _ctx: RequestContext, message: TokensRevoked) -> None:
        for revocation in message.revocations:
            self._revocations.add(revocation.key, revocation.before, revocation.until)
