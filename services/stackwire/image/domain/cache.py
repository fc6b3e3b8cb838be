"""The image cache: its entries, and which of them are evicted when it is too large."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stackwire.core.errors import BadRequest, NotFound

TARGETS: Final = ("", "cache", "queue")

CACHE_RULES: Final[Mapping[str, str]] = {
    "manage_image_cache": "role:admin",
    **dict.fromkeys(
        ("cache_image", "cache_list", "cache_delete", "cache_clean", "cache_prune", "list_cached_nodes"), "role:admin"
    ),
}
"""Source: ``glance/policies/cache.py``."""


class CacheOff(NotFound, wire="stackwire.image.CacheOff"):
    """Caching via API is not supported at this site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedImage:
    """An image's complete data in a node's folder; ``object`` is the file's name, ``size`` in bytes."""

    image_id: str
    object: str
    size: int
    checksum: str | None
    hits: int
    last_accessed: datetime
    last_modified: datetime


def entries_to_evict(entries: Sequence[CachedImage], max_bytes: int) -> list[CachedImage]:
    """The least recently used images to remove so that at most ``max_bytes`` remain."""
    size = sum(entry.size for entry in entries)
    evicted = []
    for entry in sorted(entries, key=lambda each: (each.last_accessed, each.image_id)):
        if size <= max_bytes:
            break
        evicted.append(entry)
        size -= entry.size
    return evicted


def read_clear_target(header: str | None) -> str:
    """The value of ``x-image-cache-clear-target``. Raises BadRequest."""
    target = (header or "").strip().lower()
    if target not in TARGETS:
        raise BadRequest("If provided 'x-image-cache-clear-target' must be 'cache', 'queue' or empty string.")
    return target
