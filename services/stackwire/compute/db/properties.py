"""Which image properties servers keep now, for an index of them."""

from collections.abc import Sequence
from typing import Any

from stackwire.db.pool import Session

_LIST = """
SELECT i.uuid AS id, coalesce(json_object_agg(m.key, m.value) FILTER (WHERE m.key IS NOT NULL), '{}') AS properties,
       coalesce(json_object_agg(m.key, coalesce(m.updated_at, m.created_at)) FILTER (WHERE m.key IS NOT NULL), '{}')
           AS since
  FROM instances i LEFT JOIN instance_system_metadata m ON m.instance_uuid = i.uuid AND m.key LIKE 'image\\_%'
 WHERE NOT i.deleted AND i.uuid > $1 AND ($2::text[] IS NULL OR i.uuid = ANY($2))
 GROUP BY i.uuid ORDER BY i.uuid LIMIT $3"""


async def page(session: Session, marker: str, ids: Sequence[str] | None, limit: int) -> list[dict[str, Any]]:
    """``id``, ``properties`` and ``since`` of servers that are not deleted."""
    return await session.rows(_LIST, marker, None if ids is None else list(ids), limit)
