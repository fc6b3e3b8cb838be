"""What holds of the notifications that the outboxes still have, in the order in which they were written.

Every change is said once: nothing twice, nothing that was created or deleted in silence, and what was said last of an
image or of a server is what its row says. That each was *sent*, and that what was sent was committed, no query can ask:
a consumer is asked by the fault matrix and the soak, and ``flows/test_second_deliveries.py`` delivers everything once
more and compares all rows.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Noun(NamedTuple):
    """``events``: what its events are named like; ``key``: where a payload has its id; ``begun``, ``created``,
    ``deleted``: their names. ``rows``: id, and in which of these states it is; a copy that a migration no longer needs
    goes without a word, as in Cinder."""

    schema: str
    events: str
    key: str
    begun: str
    created: str
    deleted: str
    rows: str


NOUNS = (
    Noun(
        "image", "image.%", "id", "image.create", "image.activate", "image.delete",
        "SELECT id, status = 'active' AS is_there, status = 'deleted' AS is_gone FROM image.images",
    ),
    Noun(
        "volume", "volume.%", "volume_id", "volume.create.start", "volume.create.end", "volume.delete.end",
        "SELECT id, NOT deleted AND status IN ('available', 'in-use') AS is_there, deleted AND"
        " coalesce(migration_status, 'success') IN ('success', 'error') AS is_gone FROM volume.volumes",
    ),
    Noun(
        "volume", "snapshot.%", "snapshot_id", "snapshot.create.start", "snapshot.create.end", "snapshot.delete.end",
        "SELECT id, NOT deleted AND status = 'available' AS is_there, deleted AS is_gone FROM volume.snapshots",
    ),
    Noun(
        "volume", "backup.%", "backup_id", "backup.create.start", "backup.create.end", "backup.delete.end",
        "SELECT id, NOT deleted AND status = 'available' AS is_there, deleted AS is_gone FROM volume.backups",
    ),
    Noun(
        "compute", "compute.instance.%", "instance_id", "compute.instance.create.start", "compute.instance.create.end",
        "compute.instance.delete.end",
        "SELECT uuid AS id, NOT deleted AND vm_state = 'active' AS is_there, deleted AS is_gone"
        " FROM compute.instances",
    ),
)  # fmt: skip


def _noun(noun: Noun) -> str:
    """Its events: ``id``, ``name``, ``seq``, ``message`` and ``said``, the payload."""
    return f"""(SELECT payload->>'{noun.key}' AS id, name, seq, o.id AS message, payload AS said
        FROM {noun.schema}.outbox AS o
        WHERE kind = 'notify' AND name LIKE '{noun.events}' AND json_typeof(payload) = 'object')"""


def _of_all(select: str) -> str:
    return " UNION ALL ".join(
        select.format(
            events=_noun(noun), begun=noun.begun, created=noun.created, deleted=noun.deleted, rows=f"({noun.rows})"
        )
        for noun in NOUNS
    )


def _last(noun: Noun, *names: str) -> str:
    """The last of its events of these names."""
    listed = ", ".join(f"'{name}'" for name in names)
    return f"(SELECT DISTINCT ON (id) * FROM {_noun(noun)} AS e WHERE name IN ({listed}) ORDER BY id, seq DESC)"


OF_EVENTS: Mapping[str, str] = {
    "what is created or deleted is so once": _of_all("""
        SELECT id, name, count(*) FROM {events} AS e WHERE name IN ('{created}', '{deleted}')
        GROUP BY 1, 2 HAVING count(DISTINCT message) > 1"""),
    "nothing is heard of what was deleted": _of_all("""
        SELECT id, name, seq FROM (SELECT id, name, seq,
            min(seq) FILTER (WHERE name = '{deleted}') OVER (PARTITION BY id) AS deleted_at FROM {events} AS e) AS e
        WHERE seq > deleted_at"""),
    "nothing is begun again that has ended": _of_all("""
        SELECT id, name, seq FROM (SELECT id, name, seq,
            min(seq) FILTER (WHERE name = '{created}') OVER (PARTITION BY id) AS created_at FROM {events} AS e) AS e
        WHERE seq > created_at AND name = replace('{created}', '.end', '.start') AND name <> '{created}'"""),
    "what was begun and is there was said to be created": _of_all("""
        SELECT r.id, '{created}', 0 FROM {rows} AS r JOIN (SELECT id, bool_or(name = '{begun}') AS is_begun,
            bool_or(name = '{created}') AS is_created FROM {events} AS e GROUP BY id) AS e ON e.id = r.id
        WHERE r.is_there AND is_begun AND NOT is_created"""),
    "what is gone was said to be deleted": _of_all("""
        SELECT r.id, '{deleted}', 0 FROM {rows} AS r JOIN (SELECT id,
            bool_or(name IN ('{deleted}', replace('{deleted}', 'delete', 'unmanage'))) AS is_deleted
            FROM {events} AS e GROUP BY id) AS e ON e.id = r.id
        WHERE r.is_gone AND NOT is_deleted"""),
    "what was last said of an image is so": f"""
        SELECT i.id, e.name, e.said->>'status', i.status FROM image.images AS i
        JOIN {_last(NOUNS[0], "image.create", "image.update", "image.activate", "image.delete")} AS e
        ON e.id = i.id
        WHERE NOT (e.name = 'image.delete' AND i.status = 'active') -- glance-scrubber --restore says nothing
        AND (e.said->>'status', e.said->>'name', e.said->>'visibility', e.said->>'owner', e.said->>'size')
        IS DISTINCT FROM (i.status, i.name, i.visibility, i.owner, i.size::text)""",
    "what was last said of a server is so": f"""
        SELECT i.uuid, e.said->>'state', i.vm_state, e.said->>'state_description', i.task_state
        FROM compute.instances AS i
        JOIN {_last(NOUNS[-1], "compute.instance.update")} AS e ON e.id = i.uuid
        WHERE NOT i.deleted AND (e.said->>'state', e.said->>'state_description', e.said->>'display_name')
        IS DISTINCT FROM (i.vm_state, coalesce(i.task_state, ''), i.display_name)""",
    "a volume that is there was said to be created": """
        SELECT v.id, v.status FROM volume.volumes AS v
        WHERE NOT v.deleted AND v.status = 'available' AND v.source_image IS NOT NULL
        AND v.id NOT IN (SELECT volume_id FROM volume.image_volume_cache_entries)
        AND v.created_at > (SELECT min(created_at) FROM volume.outbox)
        AND NOT EXISTS (SELECT FROM volume.outbox AS o WHERE o.name = 'volume.create.end'
            AND json_typeof(o.payload) = 'object' AND o.payload->>'volume_id' = v.id)""",
}
