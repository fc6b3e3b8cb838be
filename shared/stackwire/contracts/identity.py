"""What identity tells the services: which tokens were taken back. The tokens themselves need no asking."""

from datetime import datetime

from stackwire.contracts.base import Call, Contract, Fanout, Target

IDENTITY = Target(exchange="stackwire", topic="identity")
TOKENS = Target(exchange="stackwire", topic="tokens")


class Revocation(Contract):
    """Tokens that answer to ``key`` (see core/revocations.py) and were issued up to ``before`` are void.

    ``until``: when the last of them has expired by itself. Times are ISO 8601 with an offset.
    """

    key: str
    before: datetime
    until: datetime


class TokensRevoked(Fanout, target=TOKENS, method="tokens_revoked"):
    """Every process that verifies tokens hears it."""

    revocations: list[Revocation]


class ListRevocations(Call[list[Revocation]], target=IDENTITY, method="list_revocations"):
    """All revocations that still matter: what a service asks when it starts, and now and then."""
