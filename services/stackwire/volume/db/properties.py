"""Which image metadata volumes and snapshots have now, for an index of it."""

from collections.abc import Sequence
from typing import Any, Literal

from stackwire.db.pool import Session


async def page(
    session: Session, table: Literal["volumes", "snapshots"], marker: str, ids: Sequence[str] | None, limit: int
) -> list[dict[str, Any]]:
    """``id``, ``properties`` and ``since`` of what is not deleted."""
    column = {"volumes": "volume_id", "snapshots": "snapshot_id"}[table]
    return await session.rows(
        "SELECT v.id, coalesce(json_object_agg(g.key, g.value) FILTER (WHERE g.key IS NOT NULL), '{}') AS properties,"
        " coalesce(json_object_agg(g.key, coalesce(g.updated_at, g.created_at)) FILTER (WHERE g.key IS NOT NULL), '{}')"
        f" AS since FROM {table} v LEFT JOIN volume_glance_metadata g ON g.{column} = v.id AND NOT g.deleted"
        " WHERE NOT v.deleted AND v.id > $1 AND ($2::text[] IS NULL OR v.id = ANY($2))"
        " GROUP BY v.id ORDER BY v.id LIMIT $3",
        marker,
        None if ids is None else list(ids),
        limit,
    )
