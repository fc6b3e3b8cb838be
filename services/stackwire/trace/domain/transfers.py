"""Crossings as lineage keeps them, and what is told of a property."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from stackwire.core.lineage import Verdict
from stackwire.trace.domain.resources import Resource

DISPLACED = "replaced: "
OVERHEARD = "glance notification"
# What a Glance image says of itself beside its properties; crossings carry both (ImageView.flat).
IMAGE_ATTRIBUTES = frozenset(
    {
        "id", "name", "status", "visibility", "protected", "os_hidden", "owner", "checksum", "os_hash_algo",
        "os_hash_value", "size", "virtual_size", "container_format", "disk_format", "min_disk", "min_ram", "created_at",
        "updated_at", "tags", "locations", "direct_url", "file", "self", "schema", "stores", "image_id", "image_name",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hop:
    """One crossing. ``origin.kind`` is ``client`` when a user set the properties; its id is the user's."""

    number: int
    time: float
    origin: Resource
    target: Resource
    rule: str
    source: str
    request_id: str | None
    verdicts: tuple[Verdict, ...]


class Crossed(NamedTuple):
    """What one crossing did to one property."""

    hop: Hop
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        hop, verdict = self
        return {
            "time": hop.time,
            "from": hop.origin._asdict(),
            "to": hop.target._asdict(),
            "key": verdict.key,
            "after_key": verdict.after_key,
            "verdict": verdict.verdict,
            "before": verdict.before,
            "after": verdict.after,
            "rule": hop.rule,
            "source": hop.source,
            "request_id": hop.request_id,
        }


@dataclass(frozen=True, slots=True)
class Property:
    """A property of the resource asked about. ``value`` is None when the resource no longer has it.

    ``past`` leads from who set it to here, ``future`` from here on, both in the order of time; ``now`` is everywhere
    the value that passed through here still is.
    """

    key: str
    value: str | None
    set_by: str
    past: tuple[Crossed, ...]
    future: tuple[Crossed, ...]
    now: tuple[tuple[Resource, str, str | None], ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "value": self.value,
            "set_by": self.set_by,
            "past": [crossed.as_json() for crossed in self.past],
            "future": [crossed.as_json() for crossed in self.future],
            "now": [{**where._asdict(), "key": key, "value": value} for where, key, value in self.now],
        }


def is_displaced(verdict: Verdict) -> bool:
    return verdict.key is not None and verdict.key.startswith(DISPLACED)


def plain(hop: Hop) -> Hop:
    verdicts = (
        replace(verdict, key=verdict.key.removeprefix(DISPLACED)) if verdict.key is not None else verdict
        for verdict in hop.verdicts
    )
    return replace(hop, verdicts=tuple(verdicts))
