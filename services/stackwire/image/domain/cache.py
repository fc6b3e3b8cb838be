"""The image cache: what is in it, and what goes when it is too much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stackwire.core.errors import BadRequest, NotFound

TARGETS: Final = ("", "cache", "queue")

CACHE_RULES: Final[Mapping[str, str]] = {
    "manage_image_cache": "role:admin",
    **dict.fromkeys(
        ("cache_image", "cache_list", "cache_delete", "cache_clean", "cache_prune", "list_cached_nodes"),
        "role:admin",
    ),
}
"""Source: ``glance/policies/cache.py``."""


class CacheOff(NotFound, wire="stackwire.image.CacheOff"):
    """Caching via API is not supported at this site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedImage:
    """Complete bytes of an image in a node's folder; ``object`` is their name, ``size`` in bytes."""

    image_id: str
    object: str
    size: int
    checksum: str | None
    hits: int
    last_accessed: datetime
    last_modified: datetime


def victims(entries: Sequence[CachedImage], most: int) -> list[CachedImage]:
    """What must go so that at most ``most`` bytes stay: what nobody asked for longest goes first."""
    left = sum(entry.size for entry in entries)
    gone = []
    for entry in sorted(entries, key=lambda each: (each.last_accessed, each.image_id)):
        if left <= most:
            break
        gone.append(entry)
        left -= entry.size
    return gone


def target_of(header: str | None) -> str:
    """What ``x-image-cache-clear-target`` names. Raises BadRequest."""
    target = (header or "").strip().lower()
    if target not in TARGETS:
        raise BadRequest("If provided 'x-image-cache-clear-target' must be 'cache', 'queue' or empty string.")
    return target
