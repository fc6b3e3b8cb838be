"""Rows of ``volumes``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from stackwire.contracts.volume import VolumeNotFound
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Volume, VolumeDetails
from stackwire.volume.domain.states import VolumeStates

TABLE = Table(Volume, "volumes", live="NOT deleted", states=VolumeStates)
_DETAILS = f"""
SELECT {TABLE.qualified("v")}, t.name AS type_name,
       (SELECT json_agg(json_build_object('id', a.id, 'instance_uuid', a.instance_uuid,
                                          'attached_host', a.attached_host, 'mountpoint', a.mountpoint,
                                          'attach_time', a.attach_time,
                                          'attach_status', a.attach_status,
                                          'attach_mode', a.attach_mode) ORDER BY a.created_at)
          FROM volume_attachment a WHERE a.volume_id = v.id AND NOT a.deleted) AS attachments,
       (SELECT json_object_agg(g.key, g.value ORDER BY g.id)
          FROM volume_glance_metadata g WHERE g.volume_id = v.id AND NOT g.deleted) AS glance,
       EXISTS (SELECT FROM encryption e WHERE e.volume_type_id = v.volume_type_id) AS encrypted
  FROM volumes v JOIN volume_types t ON t.id = v.volume_type_id
 WHERE """


def scope(ctx: RequestContext) -> dict[str, Any]:
    """The condition for rows the caller may see: its project's; none for an administrator, who sees all."""
    return {} if ctx.is_admin else {"project_id": ctx.project_id or ""}


async def find(session: Session, ctx: RequestContext, volume_id: str, *, lock: bool = False) -> Volume:
    """A volume the caller may see; VolumeNotFound otherwise."""
    found = await TABLE.get(session, volume_id, lock=lock, **scope(ctx))
    if found is None:
        raise VolumeNotFound(volume_id=volume_id)
    return found


async def terminated_at(session: Session, ctx: RequestContext, volume_id: str) -> datetime | None:
    """When a volume that the caller may see, or could before it was deleted, began to be deleted; None otherwise."""
    moment: datetime | None = await session.value(
        "SELECT terminated_at FROM volumes WHERE id = $1 AND status IN ('deleting', 'deleted', 'error_deleting')"
        " AND ($2::text IS NULL OR project_id = $2)",
        volume_id,
        scope(ctx).get("project_id"),
    )
    return moment


async def find_all(uow: UnitOfWork, ctx: RequestContext, volume_ids: Sequence[str]) -> dict[str, Volume]:
    """Those of these that the caller may see, by id, locked in an order that is everybody's."""
    found = await uow.all(
        Volume,
        f"SELECT {TABLE.columns} FROM volumes"
        " WHERE id = ANY($1) AND NOT deleted AND ($2::text IS NULL OR project_id = $2) ORDER BY id FOR UPDATE",
        list(volume_ids),
        scope(ctx).get("project_id"),
    )
    return {volume.id: volume for volume in found}


async def copy_of(session: Session, volume_id: str) -> Volume | None:
    """The copy that a migration of the volume makes."""
    found = await TABLE.find(session, migration_status=f"target:{volume_id}")
    return found[0] if found else None


async def details(session: Session, ctx: RequestContext, volume_id: str) -> VolumeDetails:
    """A volume with all that the API shows of it; VolumeNotFound."""
    found = await session.one(
        VolumeDetails,
        f"{_DETAILS} NOT v.deleted AND v.id = $1 AND ($2::text IS NULL OR v.project_id = $2)",
        volume_id,
        scope(ctx).get("project_id"),
    )
    if found is None:
        raise VolumeNotFound(volume_id=volume_id)
    return found


async def list_page(session: Session, listing: Listing) -> list[VolumeDetails]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, "volumes", "v")
    return await session.all(VolumeDetails, _DETAILS + sql, *values)


async def count(session: Session, listing: Listing) -> int:
    """How many volumes the listing has on all of its pages."""
    conditions = listings.conditions(listing, "v")
    return int(await session.value(f"SELECT count(*) FROM volumes v WHERE {conditions.sql}", *conditions.values))


async def totals(session: Session, listing: Listing) -> dict[str, Any]:
    """Of all the listing's volumes: ``count``, ``size`` in GiB, and the ``metadata`` of each."""
    conditions = listings.conditions(listing, "v")
    (row,) = await session.rows(
        "SELECT count(*) AS count, coalesce(sum(size), 0)::bigint AS size, json_agg(v.metadata) AS metadata"
        f" FROM volumes v WHERE {conditions.sql}",
        *conditions.values,
    )
    return row


async def usage_by_host(session: Session) -> dict[str, dict[str, int]]:
    """Of each host (with its pool): ``volumes``, ``allocated`` GiB in these, ``provisioned`` with their snapshots."""
    rows = await session.rows(
        "SELECT host, sum(volumes)::bigint AS volumes, sum(allocated)::bigint AS allocated,"
        " sum(provisioned)::bigint AS provisioned FROM"
        # volumes alone, in the order of an index that has all that is read
        " (SELECT host, count(*) AS volumes, sum(size) AS allocated, sum(size) AS provisioned"
        "    FROM volumes WHERE NOT deleted AND host IS NOT NULL GROUP BY host"
        "  UNION ALL SELECT v.host, 0, 0, sum(s.volume_size) FROM snapshots s JOIN volumes v ON v.id = s.volume_id"
        "   WHERE NOT s.deleted AND NOT v.deleted AND v.host IS NOT NULL GROUP BY v.host) AS parts GROUP BY host"
    )
    return {row.pop("host"): row for row in rows}


async def by_project(session: Session, backend: str) -> list[dict[str, Any]]:
    """What each project has on a back end (``host@backend``): counts and GiB of volumes and of snapshots."""
    return await session.rows(
        "SELECT v.project_id AS project, count(*) AS volume_count, sum(v.size)::bigint AS total_volume_gb,"
        " coalesce(sum(s.count), 0)::bigint AS snapshot_count, coalesce(sum(s.size), 0)::bigint AS total_snapshot_gb"
        " FROM volumes v LEFT JOIN (SELECT volume_id, count(*) AS count, sum(volume_size) AS size FROM snapshots"
        " WHERE NOT deleted GROUP BY volume_id) s ON s.volume_id = v.id"
        " WHERE NOT v.deleted AND split_part(v.host, '#', 1) = $1 GROUP BY v.project_id ORDER BY v.project_id",
        backend,
    )
