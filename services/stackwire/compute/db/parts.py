"""What hangs on a server: metadata, system metadata, tags, devices, actions, faults."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal

from stackwire.compute.domain.model import Action, ActionEvent, BlockDevice, Fault
from stackwire.compute.domain.requests import ListActionsRequest
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork

Metadata = Literal["instance_metadata", "instance_system_metadata"]
DEVICE_COLUMNS = ", ".join(f.name for f in fields(BlockDevice))
ACTION_COLUMNS = ", ".join(f.name for f in fields(Action))


async def replace(uow: UnitOfWork, table: Metadata, uuid: str, rows: Mapping[str, str]) -> None:
    """These rows and no others; a row that is there already keeps its place."""
    await uow.execute(f"DELETE FROM {table} WHERE instance_uuid = $1 AND NOT key = ANY($2)", uuid, list(rows))
    await put(uow, table, uuid, rows)


async def put(uow: UnitOfWork, table: Metadata, uuid: str, rows: Mapping[str, str]) -> None:
    """These rows, beside the others."""
    if not rows:
        return
    await uow.execute(
        f"INSERT INTO {table} (instance_uuid, key, value, created_at)"
        " SELECT $1, k, v, $4 FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS r(k, v, n) ORDER BY n"
        " ON CONFLICT (instance_uuid, key) DO UPDATE SET value = excluded.value, updated_at = excluded.created_at",
        uuid,
        list(rows.keys()),
        list(rows.values()),
        uow.now,
    )


async def drop(uow: UnitOfWork, table: Metadata, uuid: str, key: str) -> bool:
    return bool(await uow.execute(f"DELETE FROM {table} WHERE instance_uuid = $1 AND key = $2", uuid, key))


async def set_tags(uow: UnitOfWork, uuid: str, tags: Sequence[str]) -> None:
    await uow.execute("DELETE FROM tags WHERE instance_uuid = $1", uuid)
    await uow.execute("INSERT INTO tags SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING", uuid, list(tags))


async def add_tag(uow: UnitOfWork, uuid: str, tag: str) -> bool:
    return bool(await uow.execute("INSERT INTO tags VALUES ($1, $2) ON CONFLICT DO NOTHING", uuid, tag))


async def drop_tag(uow: UnitOfWork, uuid: str, tag: str) -> bool:
    return bool(await uow.execute("DELETE FROM tags WHERE instance_uuid = $1 AND tag = $2", uuid, tag))


# ---- devices


async def insert_device(uow: UnitOfWork, columns: Mapping[str, Any]) -> BlockDevice:
    """A new device from these columns (no id, no times)."""
    given = dict(columns) | {"created_at": uow.now}
    places = ", ".join(f"${n}" for n in range(1, len(given) + 1))
    device = await uow.one(
        BlockDevice,
        f"INSERT INTO block_device_mapping ({', '.join(given)}) VALUES ({places}) RETURNING {DEVICE_COLUMNS}",
        *given.values(),
    )
    assert device is not None
    return device


async def change_device(uow: UnitOfWork, device_uuid: str, **changes: Any) -> BlockDevice | None:
    assigned = "".join(f", {name} = ${n}" for n, name in enumerate(changes, start=3))
    return await uow.one(
        BlockDevice,
        f"UPDATE block_device_mapping SET updated_at = $2{assigned} WHERE uuid = $1 AND NOT deleted"
        f" RETURNING {DEVICE_COLUMNS}",
        device_uuid,
        uow.now,
        *changes.values(),
    )


async def drop_device(uow: UnitOfWork, device_uuid: str) -> bool:
    return await _drop(uow, device_uuid)


async def drop_known(uow: UnitOfWork, device: BlockDevice) -> bool:
    """Drops it as it was read: one that has got an attachment since then stays, for that has to be let go first."""
    return await _drop(uow, device.uuid, "attachment_id IS NOT DISTINCT FROM $3", device.attachment_id)


async def drop_unasked(uow: UnitOfWork, device: BlockDevice) -> bool:
    """Drops it unless its host was told to attach it since it was read."""
    return await _drop(uow, device.uuid, "updated_at IS NULL")


async def _drop(uow: UnitOfWork, device_uuid: str, only: str = "true", *given: str | None) -> bool:
    sql = "UPDATE block_device_mapping SET deleted = true, deleted_at = $2 WHERE uuid = $1 AND NOT deleted"
    return bool(await uow.execute(f"{sql} AND {only}", device_uuid, uow.now, *given))


async def devices_of(session: Session, uuid: str) -> list[BlockDevice]:
    return await session.all(
        BlockDevice,
        f"SELECT {DEVICE_COLUMNS} FROM block_device_mapping WHERE instance_uuid = $1 AND NOT deleted ORDER BY id",
        uuid,
    )


# ---- actions


async def start_action(uow: UnitOfWork, ctx: RequestContext, uuid: str, action: str) -> None:
    """Notes what was asked of the server, by whom, in which request."""
    await uow.execute(
        "INSERT INTO instance_actions (action, instance_uuid, request_id, user_id, project_id, start_time, created_at,"
        " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6, $6)",
        action,
        uuid,
        ctx.request_id,
        ctx.user_id,
        ctx.project_id,
        uow.now,
    )


async def actions_of(
    session: Session, uuid: str, page: ListActionsRequest, behind: Action | None = None
) -> list[Action]:
    """Newest first, those older than ``behind``."""
    return await session.all(
        Action,
        f"SELECT {ACTION_COLUMNS} FROM instance_actions WHERE instance_uuid = $1"
        " AND ($3::bigint IS NULL OR (created_at, id) < ($4::timestamptz, $3))"
        " AND ($5::timestamptz IS NULL OR coalesce(updated_at, created_at) >= $5)"
        " AND ($6::timestamptz IS NULL OR coalesce(updated_at, created_at) <= $6)"
        " ORDER BY created_at DESC, id DESC LIMIT $2",
        uuid,
        page.limit,
        behind and behind.id,
        behind and behind.created_at,
        page.since,
        page.before,
    )


async def action_of(session: Session, uuid: str, request_id: str) -> Action | None:
    return await session.one(
        Action,
        f"SELECT {ACTION_COLUMNS} FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2"
        " ORDER BY id DESC LIMIT 1",
        uuid,
        request_id,
    )


async def events_of(session: Session, action_id: int) -> list[ActionEvent]:
    columns = ", ".join(f.name for f in fields(ActionEvent))
    return await session.all(
        ActionEvent,
        f"SELECT {columns} FROM instance_actions_events WHERE action_id = $1 ORDER BY id DESC",
        action_id,
    )


async def add_fault(
    uow: UnitOfWork, uuid: str, code: int, message: str, details: str | None = None, host: str | None = None
) -> Fault:
    """What went wrong; the message is cut to the 255 characters its column has."""
    fault = await uow.one(
        Fault,
        "INSERT INTO instance_faults (instance_uuid, code, message, details, host, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, instance_uuid, code, message, details, host, created_at",
        uuid,
        code,
        message[:255],
        details,
        host,
        uow.now,
    )
    assert fault is not None
    return fault
