"""Images by the thousand, written straight into the tables: the API would take minutes."""

import asyncpg

PROPERTIES = 20
KINDS = 40
"""So many values a property has that is filtered by: 25 of 1,000 images have the same."""

_IMAGES = """
INSERT INTO images (id, name, status, visibility, owner, disk_format, container_format, size, virtual_size, checksum,
                    os_hash_algo, os_hash_value, created_at, updated_at, object)
SELECT format('00000000-0000-4000-8000-%s', lpad(to_hex(i), 12, '0')), 'image ' || i, 'active', 'shared', $3, 'qcow2',
       'bare', 1048576, 1048576, md5(i::text), 'sha512', repeat(md5(i::text), 4), now() + i * interval '1 ms',
       now() + i * interval '1 ms', 'none.' || i
  FROM generate_series($1::int, $2::int) AS i"""
_PROPERTIES = """
INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)
SELECT format('00000000-0000-4000-8000-%s', lpad(to_hex(i), 12, '0')), 'property_' || lpad(p::text, 2, '0'),
       CASE WHEN p = 0 THEN 'kind-' || i % $4 ELSE 'value ' || p || ' of ' || i END, now(), now(), images.created_at
  FROM generate_series($1::int, $2::int) AS i, generate_series(0, $3::int - 1) AS p, images
 WHERE images.id = format('00000000-0000-4000-8000-%s', lpad(to_hex(i), 12, '0')) ORDER BY i, p"""


def image_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


async def fill(dsn: str, owner: str, first: int, last: int) -> None:
    """Images ``first`` to ``last`` of one project. Nothing is analysed: a service has to cope by itself."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "image"})
    try:
        await connection.execute(_IMAGES, first, last, owner)
        await connection.execute(_PROPERTIES, first, last, PROPERTIES, KINDS)
    finally:
        await connection.close()
