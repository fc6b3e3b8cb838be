"""Rows of ``instances``, and servers with all their parts. Only ``transition`` changes ``vm_state``, ``task_state``."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from stackwire.compute.db.fixed_ips import JSON as _ADDRESS
from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.errors import InstanceNotFound
from stackwire.compute.domain.hypervisors import HostService
from stackwire.compute.domain.model import BlockDevice, Fault, Flavor, Instance
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ServerStates
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table

TABLE = Table(Instance, "instances", key="uuid", live="NOT deleted", generated=("id",), states=ServerStates)
_DEVICE = ", ".join(f"'{f.name}', b.{f.name}" for f in fields(BlockDevice))
SERVERS = f"""
SELECT {TABLE.qualified("i")}, e.flavor::text, e.old_flavor::text, e.new_flavor::text, e.request_spec::text,
       (SELECT json_object_agg(m.key, m.value ORDER BY m.id) FROM instance_metadata m
         WHERE m.instance_uuid = i.uuid)::text AS metadata,
       (SELECT json_object_agg(s.key, s.value ORDER BY s.id) FROM instance_system_metadata s
         WHERE s.instance_uuid = i.uuid)::text AS system_metadata,
       (SELECT json_agg(t.tag ORDER BY t.tag) FROM tags t WHERE t.instance_uuid = i.uuid)::text AS tags,
       (SELECT json_agg(json_build_object({_DEVICE}) ORDER BY b.id) FROM block_device_mapping b
         WHERE b.instance_uuid = i.uuid AND NOT b.deleted)::text AS devices,
       (SELECT json_agg(json_build_object({_ADDRESS}) ORDER BY a.id) FROM fixed_ips a
         WHERE a.instance_uuid = i.uuid)::text AS addresses,
       (SELECT to_json(f)::text FROM instance_faults f WHERE f.instance_uuid = i.uuid
         ORDER BY f.id DESC LIMIT 1) AS fault,
       (SELECT g.uuid FROM instance_group_member o JOIN instance_groups g ON g.id = o.group_id
         WHERE o.instance_uuid = i.uuid) AS group_uuid,
       (SELECT json_build_object('disabled', c.disabled, 'forced_down', c.forced_down, 'updated_at', c.updated_at)::text
          FROM services c WHERE c.host = i.host AND c."binary" = 'nova-compute') AS service
  FROM instances i JOIN instance_extra e ON e.instance_uuid = i.uuid"""


_PARTS = (
    "flavor", "old_flavor", "new_flavor", "request_spec", "metadata", "system_metadata", "tags", "devices", "addresses",
    "fault", "service",
)  # fmt: skip
"""Read as text, which has a hash."""
_LISTED_KEPT = 1024
"""Some ten MiB, with what is shown of them."""


def server_of(row: Mapping[str, Any]) -> Server:
    """A row of ``SERVERS`` and its parts as domain objects."""
    parts = {name: orjson.loads(text) for name in _PARTS if (text := row[name]) is not None}
    return Server(
        instance=Instance(**{name: row[name] for name in TABLE.names}),
        flavor=flavor_from(parts["flavor"]),
        old_flavor=flavor_from(parts["old_flavor"]) if parts.get("old_flavor") else None,
        new_flavor=flavor_from(parts["new_flavor"]) if parts.get("new_flavor") else None,
        devices=tuple(BlockDevice(**timed(device)) for device in parts.get("devices", ())),
        metadata=parts.get("metadata", {}),
        system_metadata=parts.get("system_metadata", {}),
        tags=tuple(parts.get("tags", ())),
        addresses=tuple(FixedIp(**address) for address in parts.get("addresses", ())),
        fault=Fault(**timed(parts["fault"])) if "fault" in parts else None,
        request_spec=parts["request_spec"],
        group_uuid=row["group_uuid"],
        service=_host_service(parts.get("service")),
    )


@lru_cache(_LISTED_KEPT)
def listed_server(row: Hashable) -> Server:
    """The same: of an equal row the same server, which is not made again. Not to be changed."""
    return server_of(row)  # type: ignore[arg-type]  # what asyncpg gives has a hash and is a mapping as well


def _host_service(row: Mapping[str, Any] | None) -> HostService | None:
    return HostService(**timed(row)) if row else None


def timed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON row with its times as times."""
    return {
        key: datetime.fromisoformat(value) if isinstance(value, str) and key.endswith("_at") else value
        for key, value in row.items()
    }


def flavor_from(stored: Mapping[str, Any]) -> Flavor:
    """From the JSON that a server keeps of its flavor."""
    return Flavor(**timed(stored))


def flavor_json(flavor: Flavor) -> dict[str, Any]:
    """What a server keeps of its flavor."""
    return {f.name: getattr(flavor, f.name) for f in fields(Flavor)} | {"extra_specs": dict(flavor.extra_specs)}


def scope(ctx: RequestContext) -> str | None:
    """The project whose rows the caller may see; None for an administrator, who sees all."""
    return None if ctx.is_admin else ctx.project_id or ""


async def find(session: Session, ctx: RequestContext, uuid: str, *, deleted: bool = False) -> Server:
    """A server the caller may see, with everything; InstanceNotFound otherwise. ``deleted``: a deleted one, too."""
    found = await session.read(
        server_of,
        f"{SERVERS} WHERE i.uuid = $1 AND ($3 OR NOT i.deleted) AND NOT i.hidden"
        " AND ($2::text IS NULL OR i.project_id = $2)",
        uuid,
        scope(ctx),
        deleted,
    )
    if not found:
        raise InstanceNotFound(instance_id=uuid)
    return found[0]


async def by_uuid(session: Session, uuid: str) -> Server | None:
    """Any project's server that is not deleted, with everything."""
    found = await session.read(server_of, f"{SERVERS} WHERE i.uuid = $1 AND NOT i.deleted", uuid)
    return found[0] if found else None


async def by_uuids(session: Session, uuids: Sequence[str]) -> list[Server]:
    """Those of them that are not deleted, in this order, read at once."""
    servers = await session.read(server_of, f"{SERVERS} WHERE i.uuid = ANY($1) AND NOT i.deleted", list(uuids))
    found = {server.uuid: server for server in servers}
    return [found[uuid] for uuid in uuids if uuid in found]


async def insert(
    uow: UnitOfWork, columns: Mapping[str, Any], flavor: Flavor, request_spec: Mapping[str, Any]
) -> Instance:
    """A new row from these columns (no id), with the flavor it keeps and what else the request said."""
    created = await TABLE.insert(uow, columns)
    await uow.execute(
        "INSERT INTO instance_extra (instance_uuid, flavor, request_spec) VALUES ($1, $2, $3)",
        created.uuid,
        flavor_json(flavor),
        dict(request_spec),
    )
    return created


async def on_host(session: Session, host: str) -> list[Instance]:
    """What a host runs, or is building."""
    return await TABLE.find(session, order="id", host=host)


async def set_request_spec(uow: UnitOfWork, uuid: str, request_spec: Mapping[str, Any]) -> None:
    """What the request said beyond columns."""
    await uow.execute("UPDATE instance_extra SET request_spec = $2 WHERE instance_uuid = $1", uuid, dict(request_spec))


async def set_flavors(uow: UnitOfWork, server: Server) -> None:
    """The server's flavors, and those it had and is to have."""
    stored = [flavor and flavor_json(flavor) for flavor in (server.flavor, server.old_flavor, server.new_flavor)]
    await uow.execute(
        "UPDATE instance_extra SET flavor = $2, old_flavor = $3, new_flavor = $4 WHERE instance_uuid = $1",
        server.uuid,
        *stored,
    )


async def guest_xml(session: Session, uuid: str) -> str | None:
    """The guest's definition; None for a server that no host has built yet."""
    found = await session.value("SELECT guest_xml FROM instance_extra WHERE instance_uuid = $1", uuid)
    return None if found is None else str(found)


async def set_guest_xml(uow: UnitOfWork, uuid: str, guest_xml: str) -> None:
    """The libvirt domain that the host defined for the server."""
    await uow.execute("UPDATE instance_extra SET guest_xml = $2 WHERE instance_uuid = $1", uuid, guest_xml)
