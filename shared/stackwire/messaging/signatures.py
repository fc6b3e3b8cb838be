"""Signed messages: whoever has a login at the broker is not yet any user of the cloud.

OpenStack believes the context in a message. With a key that all services share, each message bears a third item in its
envelope, an HMAC of the whole inner text, context, method and arguments alike. Peers that know nothing of it, as an
unmodified oslo.messaging, read the message as ever (``oslo_messaging/_drivers/common.py: deserialize_msg``).
"""

import hmac
from collections.abc import Collection, Mapping
from typing import Any

from stackwire.messaging.errors import PoisonMessage

SIGNATURE_KEY = "stackwire.signature"
ANY_TOPIC = "*"
SHORTEST_KEY = 32


class ForgedMessage(PoisonMessage):
    """A message whose signature is missing or wrong."""


class Signatures:
    """``key``: empty for none, and then nothing is signed or verified. ``unsigned``: the topics on which messages
    without a signature are let in, ``*`` for all; a wrong signature never is. ValueError for a short key.
    """

    def __init__(self, key: str = "", unsigned: Collection[str] = ()) -> None:
        if key and len(key) < SHORTEST_KEY:
            raise ValueError(f"the bus key has {len(key)} characters; it needs {SHORTEST_KEY} at least")
        self._key = key.encode()
        self._unsigned = frozenset(unsigned)

    def of(self, inner: bytes) -> str | None:
        """The signature of an inner text; None without a key."""
        return hmac.digest(self._key, inner, "sha256").hex() if self._key else None

    def check(self, envelope: Mapping[str, Any], inner: str, topic: str) -> None:
        """Raises ForgedMessage."""
        if not self._key:
            return
        signature = envelope.get(SIGNATURE_KEY)
        if signature is None:
            if ANY_TOPIC not in self._unsigned and topic not in self._unsigned:
                raise ForgedMessage("it has no signature")
        elif not isinstance(signature, str) or not hmac.compare_digest(
            signature.encode(), (self.of(inner.encode()) or "").encode()
        ):
            raise ForgedMessage("its signature is wrong")


NO_SIGNATURES = Signatures()
