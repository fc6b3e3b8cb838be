"""The confirmation of a resize, whoever asks for it: its owner, the sweep of those that wait too long, a deletion."""

from stackwire.compute.db import instance_actions, moves
from stackwire.compute.domain.migration_states import MigrationStates
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import instance_object, migration_object
from stackwire.contracts.compute_moves import ConfirmResize
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition


async def send_confirm(uow: UnitOfWork, server: Server, migration: Migration) -> bool:
    """Tells the host that the server has left; False when the migration is not to be confirmed any more."""
    confirming = await transition(uow, moves.TABLE, MigrationStates.begin_confirm, migration.uuid)
    if confirming is None:
        return False
    await instance_actions.start(uow, uow.ctx, server.uuid, "confirmResize")
    resend_confirm(uow, server, confirming)
    return True


def resend_confirm(uow: UnitOfWork, server: Server, migration: Migration) -> None:
    """The message alone: it may be lost."""
    message = ConfirmResize(instance=instance_object(server), migration=migration_object(migration))
    uow.cast(message, server=migration.source_compute)
