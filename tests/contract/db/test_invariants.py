"""The invariants find what they look for, and the auditor that asks them may read everything and do nothing else."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from stackwire.db.bootstrap import SERVICES
from support import invariants
from support.audit import as_auditor
from support.invariants import INVARIANTS
from support.postgres import TestDatabase

IMAGE = """INSERT INTO image.images (id, name, status, visibility, owner, size, created_at, updated_at, deleted_at)
    VALUES ('{id}', 'i', '{status}', 'private', 'p', 1, now(), now(), {deleted})"""
PROPERTY = """INSERT INTO image.image_properties (image_id, name, value, created_at, updated_at, image_created_at)
    VALUES ('{image}', '{name}', '{value}', now(), now(), now())"""
VOLUME = """INSERT INTO volume.volumes (id, project_id, size, status, availability_zone, volume_type_id, source_image,
    created_at) SELECT '{id}', '{project}', 2, '{status}', 'nova', id, {image}, now()
    FROM volume.volume_types LIMIT 1"""
SERVER = """INSERT INTO compute.instances (uuid, user_id, project_id, vm_state, memory_mb, vcpus, root_gb, hostname,
    reservation_id, display_name, instance_type_id, created_at, host)
    VALUES ('s', 'u', 'p', 'active', 1, 1, 1, 'h', 'r', 'n', 1, now(), 'one')"""
DEVICE = """INSERT INTO compute.block_device_mapping (uuid, instance_uuid, source_type, destination_type, boot_index,
    volume_id, created_at) VALUES ('b', 's', 'volume', 'volume', 0, 'v', now())"""
COUNTED = """INSERT INTO volume.quota_usages (project_id, resource, in_use)
    VALUES ('p', 'volumes', 1), ('p', 'gigabytes', {gigabytes})"""
SAID = """INSERT INTO {schema}.outbox (id, kind, name, destination, address, payload, context, created_at, sent_at)
    VALUES ('{id}', 'notify', '{name}', 'd', '{{}}', '{payload}', '{{}}', now(), now())"""
TAKEN = """INSERT INTO volume.volume_glance_metadata (volume_id, key, value, created_at)
    SELECT 'v', k, 'x', now() FROM unnest(array['image_name','checksum','container_format','disk_format','min_disk',
    'min_ram','size','image_id']) AS k"""

OWN_IMAGE = "what a volume took of an image is of its own image"


def an_image(status: str = "queued", *, deleted: str = "NULL", ident: str = "i") -> str:
    return IMAGE.format(id=ident, status=status, deleted=deleted)


def a_volume(status: str = "available", *, image: str = "NULL", project: str = "p") -> str:
    return VOLUME.format(id="v", status=status, image=image, project=project)


def a_property(name: str, value: str = "x") -> str:
    return PROPERTY.format(image="i", name=name, value=value)


def said(schema: str, *names: str, key: str, of: str = "v") -> list[str]:
    payload = f'{{"{key}": "{of}"}}'
    return [SAID.format(schema=schema, id=str(at), name=name, payload=payload) for at, name in enumerate(names)]


BROKEN: dict[str, list[str]] = {
    "an active image has its size and digests": [
        an_image(), "UPDATE image.images SET disk_format = 'raw', container_format = 'bare', status = 'active'",
    ],
    "no image is in between": [an_image("saving")],
    "an image is deleted for good": [an_image(deleted="now()")],
    "members go with their image": [
        an_image("deleted", deleted="now()"),
        "INSERT INTO image.image_members (image_id, member, created_at, updated_at) VALUES ('i', 'm', now(), now())",
    ],
    "no property has a reserved name": [an_image(), a_property("os_glance_own")],
    "an image that is not being written holds no room": [an_image(), "UPDATE image.images SET reserved = 1"],
    "no image of a server waits for its bytes": [an_image(), a_property("image_type", "snapshot")],
    OWN_IMAGE: [a_volume(image="'i'"), TAKEN],
    "a volume that is being uploaded knows what it was": [a_volume("uploading")],
    "no volume is in between": [a_volume("creating")],
    "what is counted is there": [a_volume(), COUNTED.format(gigabytes=3)],
    "no volume is asked for a server that was never written": [
        "INSERT INTO compute.reservations (attachment_id, instance_uuid, created_at) VALUES ('a', 's', now())",
    ],
    "a device's attachment is there": [SERVER, DEVICE, "UPDATE compute.block_device_mapping SET attachment_id = 'a'"],
    "a device is a volume of the server's own project": [SERVER, DEVICE, a_volume(project="other")],
    "a volume is of an image that its project sees": [an_image(), a_volume(image="'i'", project="other")],
    "a server is of an image that its project sees": [
        an_image(), SERVER, "UPDATE compute.instances SET image_ref = 'i', project_id = 'other'",
    ],
    "a server that runs has one root device": [SERVER],
    "what is created or deleted is so once": said("volume", *["volume.create.end"] * 2, key="volume_id"),
    "nothing is heard of what was deleted": said("volume", "volume.delete.end", "volume.attach.end", key="volume_id"),
    "nothing is begun again that has ended": said(
        "compute", "compute.instance.create.end", "compute.instance.create.start", key="instance_id"
    ),
    "what was begun and is there was said to be created": [
        *said("volume", "volume.create.start", key="volume_id"), a_volume(),
    ],
    "what is gone was said to be deleted": [
        *said("volume", "volume.attach.end", key="volume_id"), a_volume("deleted"),
        "UPDATE volume.volumes SET deleted = true, deleted_at = now()",
    ],
    "what was last said of an image is so": [an_image(), *said("image", "image.update", key="id", of="i")],
    "what was last said of a server is so": [
        SERVER, *said("compute", "compute.instance.update", key="instance_id", of="s"),
    ],
    "what allocations claim of a host is summed": [
        SERVER,
        "INSERT INTO compute.allocations (consumer, instance_uuid, host, vcpus, memory_mb, disk_gb, created_at)"
        " VALUES ('s', 's', 'one', 1, 1, 1, now())",
    ],
    "a volume that is there was said to be created": [
        *said("volume", "volume.usage", key="volume_id"), a_volume(image="'i'"),
        "UPDATE volume.volumes SET created_at = now() + interval '1 s'",
    ],
    "nothing waits to be said": [
        *said("image", "image.create", key="id"), "UPDATE image.outbox SET sent_at = NULL",
    ],
}  # fmt: skip


@pytest.fixture
async def admin(postgres: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.admin_url)
    yield connection
    await connection.execute("TRUNCATE image.outbox, volume.outbox, compute.outbox")  # what was made up here
    await connection.close()


async def test_nothing_breaks_them_in_an_empty_cloud(admin: asyncpg.Connection) -> None:
    assert await invariants.broken(admin) == {}
    assert len(INVARIANTS) > 40


@pytest.mark.parametrize("name", BROKEN)
async def test_what_breaks_one_is_found(admin: asyncpg.Connection, name: str) -> None:
    for statement in BROKEN[name]:
        await admin.execute(statement)
    assert name in await invariants.broken(admin)


async def test_a_volume_that_another_image_was_written_over_has_what_it_took_of_that_one(
    admin: asyncpg.Connection,
) -> None:
    forget = "UPDATE volume.volume_glance_metadata SET deleted = true, deleted_at = now() WHERE NOT deleted"
    for statement in (a_volume(image="'i'"), TAKEN.replace("'x'", "'i'"), forget):
        await admin.execute(statement)
    assert OWN_IMAGE in await invariants.broken(admin)  # nothing took the place of what was forgotten
    await admin.execute(TAKEN)
    assert OWN_IMAGE not in await invariants.broken(admin)


async def test_the_auditor_reads_every_table_and_writes_none(admin: asyncpg.Connection) -> None:
    tables = await admin.fetch("SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY($1)", list(SERVICES))
    assert len(tables) > 60
    async with as_auditor(admin):
        for schema, table in tables:
            assert await admin.fetchval(f"SELECT count(*) FROM {schema}.{table}") >= 0
    for statement in (
        "DELETE FROM image.images",
        "UPDATE volume.volumes SET status = 'x'",
        "INSERT INTO compute.reservations VALUES ('a', 's', now())",
        "CREATE TABLE identity.mine (id int)",
        "CREATE TABLE public.mine (id int)",
    ):
        async with admin.transaction():
            await admin.execute("SET LOCAL ROLE auditor")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with admin.transaction():
                    await admin.execute(statement)
