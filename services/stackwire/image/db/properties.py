"""Which properties images have now, for an index of them."""

from collections.abc import Sequence
from typing import Any

from stackwire.db.pool import Session

_LIST = """
SELECT i.id, coalesce(json_object_agg(p.name, p.value) FILTER (WHERE p.name IS NOT NULL), '{}') AS properties,
       coalesce(json_object_agg(p.name, p.updated_at) FILTER (WHERE p.name IS NOT NULL), '{}') AS since
  FROM images i LEFT JOIN image_properties p ON p.image_id = i.id AND p.deleted_at IS NULL
 WHERE i.deleted_at IS NULL AND i.id > $1 AND ($2::text[] IS NULL OR i.id = ANY($2))
 GROUP BY i.id ORDER BY i.id LIMIT $3"""


async def page(session: Session, marker: str, ids: Sequence[str] | None, limit: int) -> list[dict[str, Any]]:
    """``id``, ``properties`` and ``since`` of images that are not deleted."""
    return await session.rows(_LIST, marker, None if ids is None else list(ids), limit)
