"""What identity answers on the bus."""

from collections.abc import Sequence

from stackwire.contracts.base import Endpoint
from stackwire.contracts.identity import ListRevocations
from stackwire.identity.flows.api.tokens import Tokens


def endpoints(tokens: Tokens) -> Sequence[Endpoint]:
    """One row for each message."""
    return (ListRevocations.served_by(tokens.on_list_revocations),)
