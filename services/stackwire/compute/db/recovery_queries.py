"""What dead workers left half done: servers in transient states, volumes and devices that belong to nobody."""

from datetime import datetime

from stackwire.compute.db import block_devices, instance_actions, instances
from stackwire.compute.domain.model import Action, BlockDevice, Instance
from stackwire.compute.domain.states import DELETING, SHELVED_OFFLOADED, SPAWNING, UNSHELVING, ServerStates
from stackwire.db.pool import Session

_DEVICES = (
    f"SELECT {block_devices.TABLE.qualified('b')} FROM block_device_mapping AS b"
    " JOIN instances AS i ON i.uuid = b.instance_uuid"
)
_ON_HOST = "(i.host = $1 OR $1::text IS NULL AND i.host IS NULL)"
"""Which finds the host by its index, as IS NOT DISTINCT FROM would not."""
BATCH = 20


async def interrupted(session: Session, host: str, before: datetime) -> list[str]:
    """Servers of the host in transient states that have not changed since ``before``.

    A build that the host has taken up (it is past ``scheduling``) is its own before the server has a host, and so is
    an offloaded server that it brings back.
    """
    rows = await session.rows(
        "SELECT uuid FROM instances WHERE NOT deleted AND coalesce(updated_at, created_at) < $2"
        " AND ((host = $1 AND (task_state = ANY($3) OR vm_state = ANY($4)))"
        "  OR (host IS NULL AND (vm_state = ANY($4) AND task_state IS NULL OR vm_state = $5 AND task_state = $6)"
        "      AND uuid IN (SELECT instance_uuid FROM allocations WHERE host = $1))) ORDER BY id",
        host,
        before,
        list(ServerStates.transient("task_state")),
        list(ServerStates.transient("vm_state")),
        SHELVED_OFFLOADED,
        SPAWNING,
    )
    return [row["uuid"] for row in rows]


async def is_begun(session: Session, server_uuid: str) -> bool:
    """Whether a host has begun with the latest action of the server, or there is none."""
    begun = await session.value(
        "SELECT EXISTS (SELECT FROM instance_actions_events WHERE action_id = a.id AND event LIKE 'compute%')"
        " FROM instance_actions AS a WHERE instance_uuid = $1 ORDER BY id DESC LIMIT 1",
        server_uuid,
    )
    return begun is not False


async def unscheduled(session: Session, before: datetime) -> list[Instance]:
    """Servers that no host took up since ``before``."""
    return await session.all(
        Instance,
        f"SELECT {instances.TABLE.columns} FROM instances WHERE host IS NULL AND NOT deleted AND vm_state = ANY($2)"
        " AND coalesce(updated_at, created_at) < $1 ORDER BY id",
        before,
        list(ServerStates.transient("vm_state")),
    )


async def unshelving_nowhere(session: Session, before: datetime) -> list[str]:
    """Offloaded servers that no host took up since ``before``."""
    found = await instances.TABLE.find(
        session, order="id", host=None, vm_state=SHELVED_OFFLOADED, task_state=UNSHELVING
    )
    return [each.uuid for each in found if (each.updated_at or each.created_at) < before]


async def deleting_without_host(session: Session, before: datetime) -> list[str]:
    """Servers on no host whose deletion began before ``before``."""
    rows = await session.rows(
        "SELECT uuid FROM instances WHERE host IS NULL AND NOT deleted AND task_state = $2 AND updated_at < $1"
        f" ORDER BY id LIMIT {BATCH}",
        before,
        DELETING,
    )
    return [row["uuid"] for row in rows]


async def orphaned_volumes(session: Session, host: str | None) -> list[BlockDevice]:
    """Devices of the host's deleted servers (None: of those on no host) whose volumes could not be released then."""
    return await session.all(
        BlockDevice,
        f"{_DEVICES} WHERE i.deleted AND {_ON_HOST} AND NOT b.deleted"
        f" AND b.attachment_id IS NOT NULL ORDER BY b.id LIMIT {BATCH}",
        host,
    )


async def unrequested_devices(session: Session, host: str, before: datetime) -> list[BlockDevice]:
    """Devices that were reserved for volumes before ``before``, and for which no message to attach them was sent.

    The message is sent in a transaction that updates the device. Those of a server that is being built are its build's.
    """
    return await session.all(
        BlockDevice,
        f"{_DEVICES} WHERE i.host = $1 AND NOT i.deleted AND i.vm_state NOT IN ('building', 'error') AND NOT b.deleted"
        " AND b.volume_id IS NOT NULL AND b.attachment_id IS NOT NULL AND b.connection_info IS NULL"
        f" AND b.updated_at IS NULL AND b.created_at < $2 ORDER BY b.id LIMIT {BATCH}",
        host,
        before,
    )


async def unfinished_attachments(session: Session, host: str | None, before: datetime) -> list[Action]:
    """Requests of the day before ``before`` to attach or detach a volume that nobody ended, of the host's servers.

    None: of servers that are on no host.
    """
    return await session.all(
        Action,
        f"SELECT {instance_actions.TABLE.qualified('a')} FROM instance_actions AS a"
        f" JOIN instances AS i ON i.uuid = a.instance_uuid WHERE {_ON_HOST}"
        " AND NOT i.deleted AND i.task_state IS NULL"
        " AND a.action IN ('attach_volume', 'detach_volume') AND a.start_time <= $2"
        " AND a.start_time > $2::timestamptz - interval '1 day'"
        " AND NOT EXISTS (SELECT FROM instance_actions_events AS e WHERE e.action_id = a.id"
        f" AND e.finish_time IS NOT NULL) ORDER BY a.id DESC LIMIT {BATCH}",
        host,
        before,
    )
