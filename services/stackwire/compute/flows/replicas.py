"""Many servers like one, for a cloud that is to be busy: rows by set. Their volumes are those of the texts."""

from collections.abc import Mapping, Sequence

from stackwire.compute.db import hosts
from stackwire.db.pool import Database
from stackwire.db.replicas import replicate

_OF_A_SERVER = ("instance_extra", "instance_metadata", "instance_system_metadata", "tags", "allocations")


async def replicate_server(database: Database, server_id: str, texts: Mapping[str, Sequence[str]]) -> None:
    """A server that boots from a volume; without the actions that led to it."""
    async with database.transaction() as session:
        await replicate(session, "instances", texts, uuid=server_id)
        for table in _OF_A_SERVER:
            await replicate(session, table, texts, instance_uuid=server_id)
        await hosts.lock_allocations(session)
        await hosts.sum_anew(session)
        await replicate(session, "block_device_mapping", texts, fresh=("uuid",), instance_uuid=server_id)
