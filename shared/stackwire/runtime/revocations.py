"""Keeps one service's list of tokens that were taken back.

Identity tells everybody at once; the sweep asks for the whole list at start and now and then, so that a word missed
while the broker was away is missed for half a minute at most.

    watch = RevocationWatch(transport, "image", rpc)
    authenticator = SignedTokenAuthenticator(signer, watch.revoked)
    Service(..., servers=[watch.server, ...], sweeps=[watch.sweep, ...])
"""

import logging
import socket
from datetime import UTC, datetime

from stackwire.contracts.identity import TOKENS, ListRevocations, TokensRevoked
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError
from stackwire.core.revocations import Revocations
from stackwire.core.tokens import Claims
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.service import Sweep

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds; identity may start after us, and nobody waits for it
EVERY = 30.0


class RevocationWatch:
    """``name`` is the service's; ``rpc`` its client."""

    def __init__(self, transport: Transport, name: str, rpc: RpcClient, *, every: float = EVERY) -> None:
        self._name = name
        self._rpc = rpc
        self._revocations = Revocations()
        endpoint = TokensRevoked.served_by(self._heard)
        self.server = RpcServer(transport, TOKENS, f"{name}.{socket.gethostname()}", [endpoint])
        self.sweep = Sweep(every, self.refresh)

    def revoked(self, claims: Claims) -> bool:
        """True when the token was taken back."""
        return self._revocations.revoked(claims)

    async def refresh(self) -> None:
        """The whole list from identity; an identity that is away leaves the list as it is."""
        self._revocations.forget(datetime.now(UTC))
        try:
            known = await self._rpc.call(system_context(self._name), ListRevocations(), timeout=PATIENCE)
        except ServiceError as error:
            log.info("%s could not ask for revoked tokens: %s", self._name, error)
            return
        for revocation in known:
            self._revocations.add(revocation.key, revocation.before, revocation.until)

    async def _heard(self, _ctx: RequestContext, message: TokensRevoked) -> None:
        for revocation in message.revocations:
            self._revocations.add(revocation.key, revocation.before, revocation.until)
