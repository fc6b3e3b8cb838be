"""What holds of the notifications that the outboxes still have, in the order in which they were written."""

from collections.abc import Mapping
from typing import NamedTuple


class Noun(NamedTuple):
    """``events``: what its events are named like; ``key``: where a payload has its id."""

    schema: str
    events: str
    key: str
    created: str
    deleted: str


NOUNS = (
    Noun("image", "image.%", "id", "image.activate", "image.delete"),
    Noun("volume", "volume.%", "volume_id", "volume.create.end", "volume.delete.end"),
    Noun("volume", "snapshot.%", "snapshot_id", "snapshot.create.end", "snapshot.delete.end"),
    Noun("volume", "backup.%", "backup_id", "backup.create.end", "backup.delete.end"),
    Noun("compute", "compute.instance.%", "instance_id", "compute.instance.create.end", "compute.instance.delete.end"),
)


def _noun(noun: Noun) -> str:
    """Its events: ``id``, ``name``, ``seq`` and ``message``."""
    return f"""(SELECT payload->>'{noun.key}' AS id, name, seq, outbox.id AS message FROM {noun.schema}.outbox
        WHERE kind = 'notify' AND name LIKE '{noun.events}' AND json_typeof(payload) = 'object')"""


def _of_all(select: str) -> str:
    return " UNION ALL ".join(
        select.format(events=_noun(noun), created=noun.created, deleted=noun.deleted) for noun in NOUNS
    )


OF_EVENTS: Mapping[str, str] = {
    "what is created or deleted is so once": _of_all("""
        SELECT id, name, count(*) FROM {events} AS e WHERE name IN ('{created}', '{deleted}')
        GROUP BY 1, 2 HAVING count(DISTINCT message) > 1"""),
    "nothing is heard of what was deleted": _of_all("""
        SELECT e.id, e.name, e.seq FROM {events} AS e JOIN {events} AS d ON d.id = e.id AND d.name = '{deleted}'
        WHERE e.seq > d.seq"""),
    "nothing is begun again that has ended": _of_all("""
        SELECT e.id, e.name, e.seq FROM {events} AS e JOIN {events} AS c ON c.id = e.id AND c.name = '{created}'
        WHERE e.seq > c.seq AND e.name = replace('{created}', '.end', '.start') AND e.name <> '{created}'"""),
    "a volume that is there was said to be created": """
        SELECT v.id, v.status FROM volume.volumes AS v
        WHERE NOT v.deleted AND v.status = 'available' AND v.source_image IS NOT NULL
        AND v.id NOT IN (SELECT volume_id FROM volume.image_volume_cache_entries)
        AND v.created_at > (SELECT min(created_at) FROM volume.outbox)
        AND NOT EXISTS (SELECT FROM volume.outbox AS o WHERE o.name = 'volume.create.end'
            AND json_typeof(o.payload) = 'object' AND o.payload->>'volume_id' = v.id)""",
}
