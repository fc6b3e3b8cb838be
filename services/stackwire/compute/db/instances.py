"""Rows of ``instances`` with what hangs on them. States change by compare-and-swap only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from stackwire.compute.db.fixed_ips import JSON as _ADDRESS
from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.errors import InstanceNotFound
from stackwire.compute.domain.model import BlockDevice, Fault, Flavor, Instance
from stackwire.compute.domain.server import Server
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork

COLUMNS = ", ".join(f.name for f in fields(Instance))
_I = ", ".join(f"i.{f.name}" for f in fields(Instance))
_DEVICE = ", ".join(f"'{f.name}', b.{f.name}" for f in fields(BlockDevice))
SEEN = f"""
SELECT {_I}, e.flavor, e.request_spec,
       (SELECT json_object_agg(m.key, m.value ORDER BY m.id) FROM instance_metadata m
         WHERE m.instance_uuid = i.uuid) AS metadata,
       (SELECT json_object_agg(s.key, s.value ORDER BY s.id) FROM instance_system_metadata s
         WHERE s.instance_uuid = i.uuid) AS system_metadata,
       (SELECT array_agg(t.tag ORDER BY t.tag) FROM tags t WHERE t.instance_uuid = i.uuid) AS tags,
       (SELECT json_agg(json_build_object({_DEVICE}) ORDER BY b.id) FROM block_device_mapping b
         WHERE b.instance_uuid = i.uuid AND NOT b.deleted) AS devices,
       (SELECT json_agg(json_build_object({_ADDRESS}) ORDER BY a.id) FROM fixed_ips a
         WHERE a.instance_uuid = i.uuid) AS addresses,
       (SELECT to_json(f) FROM instance_faults f WHERE f.instance_uuid = i.uuid ORDER BY f.id DESC LIMIT 1) AS fault
  FROM instances i JOIN instance_extra e ON e.instance_uuid = i.uuid"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow(Instance):
    """A row of the statement above."""

    flavor: dict[str, Any]
    request_spec: dict[str, Any]
    metadata: dict[str, str] | None
    system_metadata: dict[str, str] | None
    tags: list[str] | None
    devices: list[dict[str, Any]] | None
    addresses: list[dict[str, Any]] | None
    fault: dict[str, Any] | None

    def server(self) -> Server:
        return Server(
            instance=Instance(**{f.name: getattr(self, f.name) for f in fields(Instance)}),
            flavor=flavor_from(self.flavor),
            devices=tuple(BlockDevice(**timed(device)) for device in self.devices or ()),
            metadata=self.metadata or {},
            system_metadata=self.system_metadata or {},
            tags=tuple(self.tags or ()),
            addresses=tuple(FixedIp(**address) for address in self.addresses or ()),
            fault=Fault(**timed(self.fault)) if self.fault else None,
            request_spec=self.request_spec,
        )


def timed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON row with its times as times."""
    return {
        key: datetime.fromisoformat(value) if isinstance(value, str) and key.endswith("_at") else value
        for key, value in row.items()
    }


def flavor_from(stored: Mapping[str, Any]) -> Flavor:
    return Flavor(**timed(stored))


def flavor_json(flavor: Flavor) -> dict[str, Any]:
    return {f.name: getattr(flavor, f.name) for f in fields(Flavor)} | {"extra_specs": dict(flavor.extra_specs)}


def scope(ctx: RequestContext) -> str | None:
    """The project whose rows the caller may see; None for an administrator, who sees all."""
    return None if ctx.is_admin else ctx.project_id or ""


async def find(session: Session, ctx: RequestContext, uuid: str) -> Server:
    """A server the caller may see, with everything; InstanceNotFound otherwise."""
    row = await session.one(
        ServerRow,
        f"{SEEN} WHERE i.uuid = $1 AND NOT i.deleted AND NOT i.hidden AND ($2::text IS NULL OR i.project_id = $2)",
        uuid,
        scope(ctx),
    )
    if row is None:
        raise InstanceNotFound(instance_id=uuid)
    return row.server()


async def by_uuid(session: Session, uuid: str) -> Server | None:
    row = await session.one(ServerRow, f"{SEEN} WHERE i.uuid = $1 AND NOT i.deleted", uuid)
    return None if row is None else row.server()


async def insert(
    uow: UnitOfWork, columns: Mapping[str, Any], flavor: Flavor, request_spec: Mapping[str, Any]
) -> Instance:
    """A new row from these columns (no id), with the flavor it keeps and the request's other wishes."""
    names = list(columns)
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    made = await uow.one(
        Instance,
        f"INSERT INTO instances ({', '.join(names)}) VALUES ({places}) RETURNING {COLUMNS}",
        *columns.values(),
    )
    assert made is not None
    await uow.execute(
        "INSERT INTO instance_extra (instance_uuid, flavor, request_spec) VALUES ($1, $2, $3)",
        made.uuid,
        flavor_json(flavor),
        dict(request_spec),
    )
    return made


async def change(uow: UnitOfWork, uuid: str, **changes: Any) -> Instance | None:
    """Columns that are no state; None when the server is gone."""
    return await _update(uow, uuid, "true", [], changes)


async def move(
    uow: UnitOfWork,
    uuid: str,
    *,
    vm_states: Iterable[str] | None = None,
    task_states: Iterable[str | None] | None = None,
    **changes: Any,
) -> Instance | None:
    """Compare and swap: ``changes`` (states among them) if the server is in one of these states; None otherwise.

    None for either set means any state.
    """
    conditions, values = ["true"], []
    if vm_states is not None:
        values.append(list(vm_states))
        conditions.append(f"vm_state = ANY(${len(values) + 1})")
    if task_states is not None:
        wanted = list(task_states)
        values.append([state for state in wanted if state is not None])
        at_rest = " OR task_state IS NULL" if None in wanted else ""
        conditions.append(f"(task_state = ANY(${len(values) + 1}){at_rest})")
    return await _update(uow, uuid, " AND ".join(conditions), values, changes)


async def _update(
    uow: UnitOfWork, uuid: str, condition: str, values: Sequence[Any], changes: Mapping[str, Any]
) -> Instance | None:
    first = len(values) + 2
    assigned = "".join(f", {name} = ${first + n}" for n, name in enumerate(changes))
    return await uow.one(
        Instance,
        f"UPDATE instances SET updated_at = ${first + len(changes)}{assigned}"
        f" WHERE uuid = $1 AND NOT deleted AND {condition} RETURNING {COLUMNS}",
        uuid,
        *values,
        *changes.values(),
        uow.now,
    )


async def set_request_spec(uow: UnitOfWork, uuid: str, request_spec: Mapping[str, Any]) -> None:
    await uow.execute("UPDATE instance_extra SET request_spec = $2 WHERE instance_uuid = $1", uuid, dict(request_spec))


async def usage(session: Session, project_id: str) -> dict[str, int]:
    """Instances, cores and MiB of memory a project has."""
    (row,) = await session.rows(
        "SELECT count(*)::int AS instances, coalesce(sum(vcpus), 0)::int AS cores,"
        " coalesce(sum(memory_mb), 0)::bigint AS ram FROM instances WHERE project_id = $1 AND NOT deleted",
        project_id,
    )
    return row


async def guard(uow: UnitOfWork, project_id: str) -> None:
    """One at a time in a project: what is counted stays true until the transaction ends."""
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('compute-quota:' || $1, 0))", project_id)
