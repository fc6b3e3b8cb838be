"""What holds between the rows of several services, which no service itself may ask."""

from collections.abc import Mapping

OF_SEVERAL_SERVICES: Mapping[str, str] = {
    "a snapshot taken for an image is the image's": """
        SELECT s.id, s.status FROM volume.snapshots AS s WHERE NOT s.deleted AND s.name LIKE 'snapshot for %'
        AND NOT EXISTS (SELECT FROM image.image_properties AS p WHERE p.deleted_at IS NULL
            AND p.name = 'block_device_mapping' AND p.value LIKE '%' || s.id || '%')""",
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
    "a device is a volume of the server's own project": """
        SELECT b.uuid, v.project_id, i.project_id FROM compute.block_device_mapping AS b
        JOIN compute.instances AS i ON i.uuid = b.instance_uuid AND NOT i.deleted
        JOIN volume.volumes AS v ON v.id = b.volume_id WHERE NOT b.deleted AND v.project_id <> i.project_id""",
    "a volume is of an image that its project sees": """
        SELECT v.id, i.id FROM volume.volumes AS v JOIN image.images AS i ON i.id = v.source_image
        WHERE NOT v.deleted AND i.visibility NOT IN ('public', 'community') AND i.owner <> v.project_id
        AND v.id NOT IN (SELECT volume_id FROM volume.image_volume_cache_entries)
        AND NOT EXISTS (SELECT FROM image.image_members WHERE image_id = i.id AND member = v.project_id)
        """,
    "a server is of an image that its project sees": """
        SELECT s.uuid, i.id FROM compute.instances AS s JOIN image.images AS i ON i.id = s.image_ref
        WHERE NOT s.deleted AND i.visibility NOT IN ('public', 'community') AND i.owner <> s.project_id
        AND NOT EXISTS (SELECT FROM image.image_members WHERE image_id = i.id AND member = s.project_id)
        """,
}
