"""Messages from identity: revoked tokens. Tokens themselves are verified locally."""

from datetime import datetime

from stackwire.contracts.base import Call, Contract, Fanout, Target

IDENTITY = Target(exchange="stackwire", topic="identity")
TOKENS = Target(exchange="stackwire", topic="tokens")


class Revocation(Contract):
    """Tokens with ``key`` (see core/revocations.py) issued until ``before`` are revoked.

    ``until``: when the last of them has expired by itself. Times are ISO 8601 with an offset.
    """

    key: str
    before: datetime
    until: datetime


class TokensRevoked(Fanout, target=TOKENS, method="tokens_revoked"):
    """For every process that verifies tokens."""

    revocations: list[Revocation]


class ListRevocations(Call[list[Revocation]], target=IDENTITY, method="list_revocations", repeatable=True):
    """All revocations of tokens that have not expired: called when a service starts, and periodically."""
