"""What every move begins and ends with in the conductor: the server that waits, and a migration that has its room.

``nova/conductor/tasks/migrate.py: replace_allocation_with_migration, revert_allocation_for_migration``.
"""

from typing import Any

from stackwire.compute.db import hosts, instances, moves
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import NovaObject, uuid_of
from stackwire.db.pool import UnitOfWork


async def waiting(uow: UnitOfWork, instance: NovaObject, task_state: str) -> Server | None:
    """The server, its row locked; None when it waits for that task no longer."""
    row = await instances.TABLE.get(uow, uuid_of(instance), lock=True, task_state=task_state)
    return None if row is None else await instances.by_uuid(uow, row.uuid)


async def hold(uow: UnitOfWork, server: Server, **columns: Any) -> Migration:
    """A new migration from these columns, which has the server's claim on its host from now on."""
    migration = await moves.insert(
        uow,
        instance_uuid=server.uuid,
        source_compute=server.instance.host,
        old_instance_type_id=server.flavor.id,
        **columns,
    )
    await hosts.hold_for(uow, server.uuid, migration.uuid)
    return migration


async def give_back(uow: UnitOfWork, server: Server, migration: Migration) -> None:
    """The migration has failed, and the server has its claim again."""
    await moves.fail(uow, migration)
    await hosts.give_back(uow, server.uuid, migration.uuid)
