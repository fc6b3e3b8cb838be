"""Two processes of each service sweep at once over much that dead workers left: none waits for the other for ever, none
fails, and what is swept is swept once.

Both are in this loop, with leases, connections and sweeps of their own, as two processes have them.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from functools import partial

import asyncpg
import pytest

from stackwire.runtime.sweeps import Sweep
from support.builders.images import a_queued_image, an_image
from support.builders.servers import SMALL_FLAVOR, request_server
from support.builders.volumes import VOLUMES, request_volume
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until
from support.postgres import TestDatabase
from support.processes import own_vhost
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(300)]

ROUNDS, MANY = 4, 12
"""How often, and how many of each thing are left behind each time."""
NEVER = 3600.0
SETTINGS = {
    "identity": {"sweep_seconds": NEVER},
    "image": {
        "sweep_seconds": NEVER,
        "heartbeat_seconds": NEVER,
        "delayed_delete": True,
        "scrub_time": 0,
        "wakeup_time": int(NEVER),
        "scrub_pool_size": 4,
    },
    "volume": {"sweep_seconds": NEVER},
    "compute": {"sweep_seconds": NEVER, "host_memory_mb": 600},
}
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = $1"
RACED = "changed the same thing"
"""What a statement says that PostgreSQL has ended to end a deadlock (``stackwire/db/errors.py: Raced``)."""
Clouds = tuple[TestCloud, TestCloud]


def sweeps(clouds: Clouds, service: str) -> list[Sweep]:
    """All of both processes, each beside its twin."""
    of_each = [cloud.cloud.services[service]._sweeps._sweeps for cloud in clouds]
    return [sweep for pair in zip(*of_each, strict=True) for sweep in pair]


async def sweep_at_once(clouds: Clouds, *services: str) -> None:
    """Fails with whatever one of them raises."""
    await asyncio.gather(*(sweep.run() for service in services for sweep in sweeps(clouds, service)))


async def abandon(cloud: TestCloud, service: str, noun: str, ids: Iterable[str]) -> None:
    """They belong to a worker that died."""
    await cloud.rows(
        service,
        "INSERT INTO leases (noun, id, owner, expires_at)"
        " SELECT $1, unnest($2::text[]), 'a dead one', now() - interval '1 minute'"
        " ON CONFLICT (noun, id) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at RETURNING id",
        noun,
        list(ids),
    )


async def left_of_images(cloud: TestCloud, client: JsonClient) -> None:
    """Uploads cut off, tasks that nobody runs, tasks whose time is over, images to be scrubbed, files of nobody."""
    saving = [await a_queued_image(client) for _ in range(MANY)]
    await cloud.rows(
        "image",
        "UPDATE images SET status = CASE WHEN random() < 0.5 THEN 'saving' ELSE 'importing' END,"
        " object = id || '.object', staged = id || '.staged' WHERE id = ANY($1) RETURNING id",
        saving,
    )
    await abandon(cloud, "image", "image", saving)
    for status, expires in (("processing", None), ("success", "now()")):
        await cloud.rows(
            "image",
            "INSERT INTO tasks (id, type, status, owner, image_id, created_at, updated_at, expires_at)"
            f" SELECT gen_random_uuid(), 'api_image_import', $2, $3, id, now(), now(), {expires or 'NULL'}"
            " FROM unnest($1::text[]) AS id RETURNING id",
            saving,
            status,
            client.project_id,
        )
    for _ in range(MANY):
        (await client.delete("image", f"/v2/images/{await an_image(client)}")).ok(204)


async def images_at_rest(cloud: TestCloud) -> bool:
    left = await cloud.rows(
        "image",
        "SELECT id FROM images WHERE status NOT IN ('queued', 'active', 'deleted')"
        " UNION ALL SELECT id FROM tasks WHERE status = 'processing'"
        " UNION ALL SELECT id FROM tasks WHERE deleted_at IS NULL AND expires_at < now()",
    )
    return not left


@pytest.fixture
def audited(request: pytest.FixtureRequest) -> bool:
    """Of what the scrubber deletes nothing is said, as in Glance: the invariants miss it."""
    return bool(request.node.name != "test_images")


@pytest.fixture
async def clouds(
    a_cloud: ACloud, rabbitmq: TestRabbit, postgres: TestDatabase, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Clouds]:
    """Two processes of each service. No deadlock was ended by PostgreSQL in the end, and no sweep has failed."""
    with own_vhost(rabbitmq) as url, caplog.at_level(logging.INFO):
        both = [await a_cloud(amqp_url=url, settings=SETTINGS) for _ in range(2)]
        yield both[0], both[1]
        for cloud in both:
            await cloud.close()
        connection = await asyncpg.connect(postgres.admin_url)
        try:
            assert await connection.fetchval(DEADLOCKS, postgres.name) == 0
        finally:
            await connection.close()
    said = [record.getMessage() for record in caplog.get_records("call")]
    assert not [line for line in said if RACED in line or "a sweep of" in line]


async def test_images(clouds: Clouds) -> None:
    client = await clouds[0].http()
    for _ in range(ROUNDS):
        await left_of_images(clouds[0], client)
        await sweep_at_once(clouds, "image")
        assert await images_at_rest(clouds[0])


async def said(cloud: TestCloud, service: str, key: str, *events: str) -> Counter[tuple[str, str]]:
    """How often each event was emitted about each thing."""
    rows = await cloud.rows(
        service, "SELECT name, payload ->> $1 AS id FROM outbox WHERE kind = 'notify' AND name = ANY($2)", key, events
    )
    return Counter((row["name"], row["id"]) for row in rows)


async def test_volumes(clouds: Clouds) -> None:
    cloud, client, admin = clouds[0], await clouds[0].http(), await clouds[0].http("admin")
    unlimited = {"quota_set": {"volumes": -1, "gigabytes": -1}}
    (await admin.put("volume", f"/v3/{{project_id}}/os-quota-sets/{client.project_id}", json=unlimited)).ok(200)
    every: list[str] = []
    for _ in range(ROUNDS):
        made = [(await request_volume(client)).ok(202).json["volume"]["id"] for _ in range(2 * MANY)]
        await until(lambda: at_rest(cloud, "volumes"), 30.0)
        await cloud.rows(
            "volume",
            "UPDATE volumes SET status = (CASE WHEN id = ANY($2) THEN 'deleting' ELSE 'extending' END),"
            " new_size = 1 WHERE id = ANY($1) RETURNING id",
            made,
            made[:MANY],
        )
        await abandon(cloud, "volume", "volume", made)
        await sweep_at_once(clouds, "volume")
        await until(lambda: at_rest(cloud, "volumes"), 30.0)
        every += made[:MANY]
    counts = await said(cloud, "volume", "volume_id", "volume.delete.start", "volume.delete.end")
    assert counts == Counter((name, id) for id in every for name in ("volume.delete.start", "volume.delete.end"))
    left = (await client.get("volume", VOLUMES)).ok(200).json["volumes"]
    assert len(left) == ROUNDS * MANY


async def at_rest(cloud: TestCloud, table: str) -> bool:
    """No volume is in between."""
    ends = ["available", "deleted", "error"]
    return not await cloud.rows("volume", f"SELECT id FROM {table} WHERE NOT deleted AND status <> ALL($1)", ends)


async def test_servers(clouds: Clouds) -> None:
    """Of servers that are on no host; those on one are its own process's."""
    cloud, client, admin = clouds[0], await clouds[0].http(), await clouds[0].http("admin")
    unlimited = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{client.project_id}", json=unlimited)).ok(200)
    image = await an_image(client)
    every: list[str] = []
    for _ in range(ROUNDS):
        made = [await a_homeless_server(client, image) for _ in range(2 * MANY)]
        await until(partial(homeless, cloud, made), 30.0)
        await cloud.rows(
            "compute",
            "UPDATE instances SET updated_at = now() - interval '1 hour', created_at = now() - interval '1 hour',"
            " task_state = CASE WHEN uuid = ANY($2) THEN 'deleting' ELSE 'scheduling' END,"
            " vm_state = CASE WHEN uuid = ANY($2) THEN vm_state ELSE 'building' END WHERE uuid = ANY($1) RETURNING id",
            made,
            made[:MANY],
        )
        await cloud.rows(
            "compute",
            "INSERT INTO reservations (attachment_id, instance_uuid, created_at)"
            " SELECT gen_random_uuid(), gen_random_uuid(), now() - interval '1 hour' FROM generate_series(1, $1)"
            " RETURNING attachment_id",
            MANY,
        )
        await abandon(cloud, "compute", "unfinished image", made)
        await until(lambda: swept(clouds), 30.0)
        every += made[:MANY]
    counts = await said(cloud, "compute", "instance_id", "compute.instance.delete.start", "compute.instance.delete.end")
    names = ("compute.instance.delete.start", "compute.instance.delete.end")
    assert counts == Counter((name, uuid) for uuid in every for name in names)


async def a_homeless_server(client: JsonClient, image: str) -> str:
    """No host has room for it."""
    answer = await request_server(client, imageRef=image, flavorRef=SMALL_FLAVOR)
    return str(answer.ok(202).json["server"]["id"])


async def homeless(cloud: TestCloud, made: list[str]) -> bool:
    rows = await cloud.rows("compute", "SELECT vm_state FROM instances WHERE uuid = ANY($1) AND host IS NULL", made)
    return [row["vm_state"] for row in rows] == ["error"] * len(made)


async def swept(clouds: Clouds) -> bool:
    await sweep_at_once(clouds, "compute")
    left = await clouds[0].rows(
        "compute",
        "SELECT uuid FROM instances WHERE NOT deleted AND (task_state IS NOT NULL OR vm_state = 'building')"
        " UNION ALL SELECT attachment_id FROM reservations"
        " UNION ALL SELECT id FROM leases WHERE noun = 'unfinished image'",
    )
    return not left
