"""What holds of the rows of one service whenever nothing is under way. Each answers with what breaks it."""

from collections.abc import Mapping

BASE_KEYS = "array['image_id','image_name','checksum','container_format','disk_format','min_disk','min_ram','size']"

RESERVED = """array['id','status','owner','checksum','size','virtual_size','locations','location','direct_url','self',
    'file','schema','deleted','deleted_at','created_at','updated_at','os_hash_algo','os_hash_value','visibility',
    'protected','tags','stores']"""
IMPORTS = """array['os_glance_import_task','os_glance_importing_to_stores','os_glance_failed_import',
    'os_glance_stage_host']"""
"""What the image service itself writes of an import."""
COUNTED = """
    SELECT project_id, 'volumes' AS resource, count(*) AS n FROM volume.volumes WHERE NOT deleted GROUP BY 1
    UNION ALL SELECT project_id, 'snapshots', count(*) FROM volume.snapshots WHERE NOT deleted GROUP BY 1
    UNION ALL SELECT project_id, 'backups', count(*) FROM volume.backups WHERE NOT deleted GROUP BY 1
    UNION ALL SELECT project_id, 'groups', count(*) FROM volume.groups WHERE NOT deleted GROUP BY 1
    UNION ALL SELECT project_id, 'backup_gigabytes', sum(size) FROM volume.backups WHERE NOT deleted GROUP BY 1
    UNION ALL SELECT project_id, 'gigabytes', sum(size) FROM (
        SELECT project_id, size FROM volume.volumes WHERE NOT deleted
        UNION ALL SELECT project_id, volume_size FROM volume.snapshots WHERE NOT deleted) AS sizes GROUP BY 1"""

FIRST_IMAGE = """(SELECT f.value FROM volume.volume_glance_metadata AS f
            WHERE f.volume_id = v.id AND f.key = 'image_id' ORDER BY f.id LIMIT 1)"""
"""What ``v`` took first. A reimage does not change what it was created from; rows that it replaced stay, deleted."""

OF_ONE_SERVICE: Mapping[str, str] = {
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
    "what is counted is there": f"""
        SELECT coalesce(q.project_id, r.project_id), coalesce(q.resource, r.resource), q.in_use, r.n
        FROM volume.quota_usages AS q FULL JOIN ({COUNTED}) AS r
        ON r.project_id = q.project_id AND r.resource = q.resource
        WHERE coalesce(q.in_use, 0) <> coalesce(r.n, 0)""",
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
    "what allocations claim of a host is summed": """
        SELECT host, s.*, a.* FROM
            (SELECT host, sum(vcpus) AS vcpus, sum(memory_mb) AS memory_mb, sum(disk_gb) AS disk_gb,
                    sum(servers) AS servers FROM compute.allocation_sums GROUP BY host) AS s
        FULL JOIN
            (SELECT host, sum(vcpus) AS vcpus, sum(memory_mb) AS memory_mb, sum(disk_gb) AS disk_gb,
                    count(*) FILTER (WHERE consumer = instance_uuid) AS servers
               FROM compute.allocations GROUP BY host) AS a USING (host)
        WHERE (coalesce(s.vcpus, 0), coalesce(s.memory_mb, 0), coalesce(s.disk_gb, 0), coalesce(s.servers, 0))
           <> (coalesce(a.vcpus, 0), coalesce(a.memory_mb, 0), coalesce(a.disk_gb, 0), coalesce(a.servers, 0))""",
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
    "an image is deleted for good": """
        SELECT id, status, deleted_at FROM image.images
        WHERE (deleted_at IS NOT NULL) <> (status IN ('deleted', 'pending_delete'))""",
    "members go with their image": """
        SELECT m.image_id, m.member FROM image.image_members AS m JOIN image.images AS i ON i.id = m.image_id
        WHERE m.deleted_at IS NULL AND i.status = 'deleted'""",
    "no property has a reserved name": f"""
        SELECT image_id, name FROM image.image_properties WHERE deleted_at IS NULL AND (
            name = ANY({RESERVED}) OR name ~ '[\\x01-\\x1f\\x7f]'
            OR name LIKE 'os\\_glance%' AND name <> ALL({IMPORTS}))""",
    "an image that is not being written holds no room": """
        SELECT id, status, reserved FROM image.images WHERE reserved <> 0
        AND status NOT IN ('saving', 'uploading', 'importing')""",
    "no image of a server waits for its bytes": """
        SELECT i.id, i.name FROM image.images AS i JOIN image.image_properties AS p ON p.image_id = i.id
        WHERE i.status = 'queued' AND p.deleted_at IS NULL AND p.name = 'image_type'
        AND p.value IN ('snapshot', 'backup')""",
    "what a volume took of an image is of its own image": f"""
        SELECT v.id, v.source_image, m.value FROM volume.volumes AS v
        LEFT JOIN volume.volume_glance_metadata AS m ON m.volume_id = v.id AND m.key = 'image_id' AND NOT m.deleted
        WHERE v.source_image IS NOT NULL AND NOT v.deleted AND v.status IN ('available', 'in-use')
        AND (m.value IS NULL OR {FIRST_IMAGE} <> v.source_image)""",
    "what was taken of an image stands once": """
        SELECT volume_id, snapshot_id, key FROM volume.volume_glance_metadata WHERE NOT deleted
        GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "a volume that is being uploaded knows what it was": """
        SELECT id FROM volume.volumes WHERE NOT deleted AND status = 'uploading' AND previous_status IS NULL""",
    "no group is in between": """
        SELECT id, status FROM volume.groups WHERE NOT deleted AND status NOT IN ('available', 'error')
        UNION ALL
        SELECT id, status FROM volume.group_snapshots WHERE NOT deleted AND status NOT IN ('available', 'error')""",
    "nothing counted is negative": """
        SELECT project_id, resource, in_use FROM volume.quota_usages WHERE in_use < 0""",
    "no volume is asked for a server that was never written": """
        SELECT attachment_id, instance_uuid FROM compute.reservations""",
    "what a server knows of its image fits": """
        SELECT instance_uuid, key FROM compute.instance_system_metadata WHERE length(value) > 255 OR length(key) > 255
        """,
}
