"""What identity answers on the bus."""

from collections.abc import Sequence

from stackwire.contracts.base import Endpoint
from stackwire.contracts.identity import ListRevocations, Revocation
from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.identity.db import revocations


def endpoints(database: Database) -> Sequence[Endpoint]:
    async def list_revocations(_ctx: RequestContext, _message: ListRevocations) -> list[Revocation]:
        return await revocations.current(database, database.clock.now())

    return (ListRevocations.served_by(list_revocations),)
