"""What holds whenever nothing is under way: SQL over all services' schemas, as no service itself may ask it."""

import asyncio
from collections.abc import Mapping

import asyncpg

BASE_KEYS = "array['image_id','image_name','checksum','container_format','disk_format','min_disk','min_ram','size']"

# each answers with what breaks it
INVARIANTS: Mapping[str, str] = {
    "an active image has its size and digests": """
        SELECT id FROM image.images AS i WHERE status = 'active' AND deleted_at IS NULL AND (size IS NULL OR size > 0
        AND (object IS NOT NULL AND (checksum IS NULL OR os_hash_value IS NULL)
             OR NOT EXISTS (SELECT FROM image.image_locations WHERE image_id = i.id AND status = 'active')))""",
    "no image is in between": """
        SELECT id, status FROM image.images WHERE deleted_at IS NULL AND status IN ('saving', 'uploading', 'importing')
        """,
    "a queued image has no data": """
        SELECT i.id FROM image.images AS i JOIN image.image_locations AS l ON l.image_id = i.id
        WHERE i.status IN ('queued', 'killed')""",
    "no task is in between": """
        SELECT id, status FROM image.tasks WHERE deleted_at IS NULL AND status IN ('pending', 'processing')""",
    "only a live task locks an image": """
        SELECT image_id, value FROM image.image_properties AS p
        WHERE name = 'os_glance_import_task' AND deleted_at IS NULL AND NOT EXISTS (
            SELECT FROM image.tasks WHERE id = p.value AND status IN ('pending', 'processing'))""",
    "what belongs to an image goes with it": """
        SELECT image_id FROM (SELECT image_id FROM image.image_properties WHERE deleted_at IS NULL
                              UNION ALL SELECT image_id FROM image.image_locations
                              UNION ALL SELECT image_id FROM image.image_tags) AS c
        WHERE NOT EXISTS (SELECT FROM image.images WHERE id = c.image_id
                          AND (deleted_at IS NULL OR status = 'pending_delete'))""",
    "what a volume took of its image is complete, or there is none of it": f"""
        SELECT v.id, v.status, k FROM volume.volumes AS v CROSS JOIN unnest({BASE_KEYS}) AS k
        WHERE NOT v.deleted
        AND EXISTS (SELECT FROM volume.volume_glance_metadata WHERE volume_id = v.id AND NOT deleted)
        AND NOT EXISTS (SELECT FROM volume.volume_glance_metadata AS m
                        WHERE m.volume_id = v.id AND m.key = k AND NOT m.deleted)""",
    "a bootable volume knows its image": """
        SELECT id FROM volume.volumes AS v WHERE NOT deleted AND bootable AND status IN ('available', 'in-use')
        AND NOT EXISTS (SELECT FROM volume.volume_glance_metadata WHERE volume_id = v.id AND NOT deleted)""",
    "only a server that lives on a host has an address": """
        SELECT f.instance_uuid FROM compute.fixed_ips AS f JOIN compute.instances AS i ON i.uuid = f.instance_uuid
        WHERE i.deleted OR i.host IS NULL AND i.vm_state <> 'shelved_offloaded'""",
    "no volume is in between": """
        SELECT id, status FROM volume.volumes WHERE NOT deleted AND status IN
        ('creating', 'downloading', 'uploading', 'deleting', 'attaching', 'detaching', 'reserved', 'extending',
         'reverting', 'retyping', 'maintenance', 'managing', 'unmanaging', 'backing-up',
         'restoring-backup')""",
    "no volume is being migrated": """
        SELECT id, migration_status FROM volume.volumes WHERE NOT deleted AND migration_status IS NOT NULL
        AND migration_status NOT IN ('success', 'error')""",
    "a cached volume is there, whole, the internal project's": """
        SELECT e.volume_id FROM volume.image_volume_cache_entries AS e LEFT JOIN volume.volumes AS v
        ON v.id = e.volume_id AND NOT v.deleted AND v.status = 'available' AND v.readonly
        AND v.name = 'image-' || e.image_id AND v.host = e.host WHERE v.id IS NULL""",
    "no backup is in between": """
        SELECT id, status FROM volume.backups WHERE NOT deleted AND status IN ('creating', 'restoring', 'deleting')""",
    "what a backup continues is there": """
        SELECT b.id, b.parent_id FROM volume.backups AS b JOIN volume.backups AS p ON p.id = b.parent_id
        WHERE NOT b.deleted AND b.status = 'available' AND (p.deleted OR p.status <> 'available')""",
    "no snapshot is in between": """
        SELECT id, status FROM volume.snapshots
        WHERE NOT deleted AND status IN ('creating', 'deleting', 'restoring', 'backing-up', 'unmanaging')""",
    "a volume is in use exactly when it is attached": """
        SELECT v.id, v.status FROM volume.volumes AS v WHERE NOT v.deleted AND v.status IN ('available', 'in-use')
        AND (v.status = 'in-use') <> EXISTS (SELECT FROM volume.volume_attachment AS a
            WHERE a.volume_id = v.id AND NOT a.deleted AND a.attach_status = 'attached')""",
    "a volume is attached once": """
        SELECT volume_id FROM volume.volume_attachment WHERE NOT deleted GROUP BY 1 HAVING count(*) > 1""",
    "a snapshot goes before its volume": """
        SELECT s.id FROM volume.snapshots AS s JOIN volume.volumes AS v ON v.id = s.volume_id
        WHERE NOT s.deleted AND v.deleted""",
    "a snapshot has what its volume took of the image": """
        SELECT s.id, m.key FROM volume.snapshots AS s
        JOIN volume.volume_glance_metadata AS m ON m.volume_id = s.volume_id AND NOT m.deleted
        WHERE NOT s.deleted AND s.status = 'available' AND NOT EXISTS (
            SELECT FROM volume.volume_glance_metadata AS x
            WHERE x.snapshot_id = s.id AND x.key = m.key AND NOT x.deleted)
        """,
    "a snapshot taken for an image is the image's": """
        SELECT s.id, s.status FROM volume.snapshots AS s WHERE NOT s.deleted AND s.name LIKE 'snapshot for %'
        AND NOT EXISTS (SELECT FROM image.image_properties AS p WHERE p.deleted_at IS NULL
            AND p.name = 'block_device_mapping' AND p.value LIKE '%' || s.id || '%')""",
    "what is counted is there": """
        SELECT q.project_id, q.resource, q.in_use, r.n FROM volume.quota_usages AS q LEFT JOIN (
            SELECT project_id, 'volumes' AS resource, count(*) AS n FROM volume.volumes WHERE NOT deleted GROUP BY 1
            UNION ALL
            SELECT project_id, 'snapshots', count(*) FROM volume.snapshots WHERE NOT deleted GROUP BY 1
            UNION ALL
            SELECT project_id, 'backups', count(*) FROM volume.backups WHERE NOT deleted GROUP BY 1
            UNION ALL
            SELECT project_id, 'backup_gigabytes', sum(size) FROM volume.backups WHERE NOT deleted GROUP BY 1) AS r
        ON r.project_id = q.project_id AND r.resource = q.resource
        WHERE q.resource IN ('volumes', 'snapshots', 'backups', 'backup_gigabytes') AND q.in_use <> coalesce(r.n, 0)""",
    "no server is in between": """
        SELECT uuid, vm_state, task_state FROM compute.instances
        WHERE NOT deleted AND (task_state IS NOT NULL OR vm_state = 'building')""",
    "no migration is in between": """
        SELECT uuid, migration_type, status FROM compute.migrations WHERE NOT deleted AND status IN
        ('accepted', 'pre-migrating', 'migrating', 'post-migrating', 'confirming', 'reverting', 'queued', 'preparing',
         'running')""",
    "a server claims one host, and what it may go back to": """
        SELECT a.instance_uuid, a.host FROM compute.allocations AS a
        JOIN compute.instances AS i ON i.uuid = a.instance_uuid
        LEFT JOIN compute.migrations AS m ON m.uuid = a.consumer AND m.status IN ('finished', 'done') AND NOT m.deleted
        WHERE a.host IS DISTINCT FROM CASE WHEN a.consumer = i.uuid THEN i.host ELSE m.source_compute END""",
    "a server that runs has one root device": """
        SELECT i.uuid FROM compute.instances AS i WHERE NOT i.deleted AND i.vm_state = 'active'
        AND (SELECT count(*) FROM compute.block_device_mapping AS b
             WHERE b.instance_uuid = i.uuid AND NOT b.deleted AND b.boot_index = 0) <> 1""",
    "a server knows the image it is from": """
        SELECT i.uuid FROM compute.instances AS i WHERE NOT i.deleted AND i.vm_state = 'active' AND i.image_ref <> ''
        AND NOT EXISTS (SELECT FROM compute.instance_system_metadata AS m WHERE m.instance_uuid = i.uuid
                        AND m.key = 'image_base_image_ref' AND m.value = i.image_ref)""",
    "devices go with their server": """
        SELECT b.uuid FROM compute.block_device_mapping AS b WHERE NOT b.deleted
        AND NOT EXISTS (SELECT FROM compute.instances AS i WHERE i.uuid = b.instance_uuid AND NOT i.deleted)""",
    "a server that is gone, or in error and nowhere, takes up no room": """
        SELECT a.instance_uuid FROM compute.allocations AS a JOIN compute.instances AS i ON i.uuid = a.instance_uuid
        WHERE i.deleted OR i.host IS NULL""",
    "a device's attachment is there": """
        SELECT b.uuid FROM compute.block_device_mapping AS b
        WHERE NOT b.deleted AND b.attachment_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM volume.volume_attachment AS a WHERE a.id = b.attachment_id AND a.volume_id = b.volume_id
            AND a.instance_uuid = b.instance_uuid AND NOT a.deleted)""",
    "an attachment is a device's": """
        SELECT a.id, a.attach_status FROM volume.volume_attachment AS a
        WHERE NOT a.deleted AND a.instance_uuid IS NOT NULL AND NOT EXISTS (
            SELECT FROM compute.block_device_mapping AS b JOIN compute.instances AS i ON i.uuid = b.instance_uuid
            WHERE b.attachment_id = a.id AND NOT b.deleted AND NOT i.deleted)""",
    "nothing waits to be said": " UNION ALL ".join(
        f"SELECT '{schema}', name, destination FROM {schema}.outbox WHERE sent_at IS NULL"
        for schema in ("identity", "image", "volume", "compute")
    ),
}


async def broken(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Invariant -> what breaks it now."""
    found = {name: [str(tuple(row)) for row in await connection.fetch(sql)] for name, sql in INVARIANTS.items()}
    return {name: rows for name, rows in found.items() if rows}


async def hold(connection: asyncpg.Connection, patience: float) -> None:
    """Returns when all of them hold; fails when some do not after ``patience`` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while found := await broken(connection):
        assert loop.time() < deadline, found
        await asyncio.sleep(0.1)


async def hold_in(admin_url: str, timeout_seconds: float) -> None:
    """The same, on a connection that sees every schema of the database."""
    connection = await asyncpg.connect(admin_url)
    try:
        await hold(connection, timeout_seconds)
    finally:
        await connection.close()
