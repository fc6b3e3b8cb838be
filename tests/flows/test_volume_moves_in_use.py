"""A volume that a server has moves to another back end: its host goes over to the copy, and nobody sees another id.

A real Cinder and a real Nova did the same: the action ``swap_volume``, one attachment with a new id, the events
``instance.volume_swap.*``, and ``volume.retype`` when Nova is asked, before it has done it.
"""

import uuid
from pathlib import Path
from typing import Any

import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support import invariants
from support.builders.images import an_image
from support.builders.servers import SERVERS, a_server, finish_action, from_volume
from support.builders.volumes import VOLUMES, a_volume, get_volume, volume_action
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
HERE, FAR = "stackwire@files#files", "stackwire@far#far"
V85 = {"OpenStack-API-Version": "compute 2.89"}


@pytest.fixture
async def cloud(a_cloud: ACloud, tmp_path: Path) -> TestCloud:
    path = tmp_path / "backends.toml"
    path.write_text("[backends.files]\n[backends.far]\n")
    return await a_cloud(settings={"volume": {"backends": path}})


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    client = await cloud.http("admin")
    for name, specs in {
        "near": {"volume_backend_name": "files"},
        "far near": {"volume_backend_name": "far"},
        "shared": {"volume_backend_name": "files", "multiattach": "<is> True"},
        "far shared": {"volume_backend_name": "far", "multiattach": "<is> True"},
    }.items():
        body = {"volume_type": {"name": name, "extra_specs": specs}}
        (await client.post("volume", f"{V}/types", json=body)).ok(200)
    return client


async def attach(cloud: TestCloud, client: JsonClient, server: str, volume: str, status: int = 200) -> None:
    body = {"volumeAttachment": {"volumeId": volume}}
    headers = {"OpenStack-API-Version": "compute 2.60"}
    (await client.post("compute", f"{SERVERS}/{server}/os-volume_attachments", json=body, headers=headers)).ok(status)
    await cloud.settle()


async def in_use(cloud: TestCloud, client: JsonClient, **fields: Any) -> tuple[str, str]:
    """A server, and a volume from an image that is attached to it."""
    image = await an_image(client, team="storage")
    server, volume = (
        await a_server(cloud, client, imageRef=image),
        await a_volume(cloud, client, imageRef=image, **fields),
    )
    await attach(cloud, client, server, volume)
    return server, volume


async def devices(client: JsonClient, server: str) -> list[dict[str, Any]]:
    path = f"{SERVERS}/{server}/os-volume_attachments"
    listed: list[dict[str, Any]] = (await client.get("compute", path, headers=V85)).ok(200).json["volumeAttachments"]
    return listed


async def retype(cloud: TestCloud, client: JsonClient, volume: str, **fields: Any) -> Answer:
    answer = await volume_action(client, volume, "os-retype", {"migration_policy": "on-demand", **fields})
    await cloud.settle()
    return answer


async def migrate(cloud: TestCloud, admin: JsonClient, volume: str, host: str, **fields: Any) -> Answer:
    answer = await volume_action(admin, volume, "os-migrate_volume", {"host": host, **fields})
    await cloud.settle()
    return answer


async def place(admin: JsonClient, volume: str) -> tuple[str, str, str | None]:
    """Its status, host and migration status."""
    found = await get_volume(admin, volume)
    return found["status"], found["os-vol-host-attr:host"], found["os-vol-mig-status-attr:migstat"]


def files(cloud: TestCloud) -> list[str]:
    return sorted(path.parent.name for path in cloud.cloud.options.data_dir.rglob("volume-*"))


async def test_a_volume_in_use_gets_a_type_of_another_back_end(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    server, volume = await in_use(cloud, demo, volume_type="near")
    before, (device,) = await get_volume(demo, volume), await devices(demo, server)
    (file,) = cloud.cloud.options.data_dir.rglob("volume-*")
    with file.open("r+b") as opened:
        opened.write(b"what is on it")
    heard: list[tuple[str, str]] = []

    def hear(record: WireRecord) -> None:
        if record.kind == "publish" and record.routing_key.endswith(("notifications.info", "notifications.error")):
            message = unwrap(record.body, record.properties)
            heard.append((message["event_type"], message["publisher_id"]))

    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    (await retype(cloud, demo, volume, new_type="far near")).ok(202)
    await watch.cancel()
    assert sorted(heard) == sorted(
        [
            ("instance.volume_swap.start", "nova-compute:compute-1"),
            ("volume.retype", "volume.stackwire@files"),
            ("volume.attach.start", "volume.stackwire@far"),
            ("volume.attach.end", "volume.stackwire"),
            ("volume.detach.start", "volume.stackwire@files"),
            ("volume.detach.end", "volume.stackwire"),
            ("instance.volume_swap.end", "nova-compute:compute-1"),
        ]
    )
    after, (moved,) = await get_volume(demo, volume), await devices(demo, server)
    assert await place(admin, volume) == ("in-use", FAR, "success")
    assert (after["volume_type"], after["volume_image_metadata"]) == ("far near", before["volume_image_metadata"])
    (attachment,) = after["attachments"]
    assert (attachment["server_id"], attachment["attachment_id"]) == (server, moved["attachment_id"])
    assert moved["attachment_id"] != device["attachment_id"]
    assert moved | {"attachment_id": device["attachment_id"]} == device
    (file,) = cloud.cloud.options.data_dir.rglob("volume-*")
    with file.open("rb") as opened:
        assert opened.read(13) == b"what is on it"
    assert file.parent.name == "volumes-far"
    guest = (await admin.get("compute", f"{SERVERS}/{server}/os-stackwire-guest")).ok(200).body
    assert file.name in str(guest)
    actions = (await demo.get("compute", f"{SERVERS}/{server}/os-instance-actions")).ok(200).json["instanceActions"]
    assert (actions[0]["action"], actions[0]["message"]) == ("swap_volume", None)
    listed = (await demo.get("volume", VOLUMES)).ok(200).json["volumes"]
    assert [one["id"] for one in listed] == [volume]
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_the_root_volume_of_a_server_moves_and_moves_back(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    volume = await a_volume(cloud, demo, imageRef=await an_image(demo, team="storage"))
    server = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume))
    before = await get_volume(demo, volume)
    for host, locked in ((FAR, True), (HERE, False)):
        (await migrate(cloud, admin, volume, host, lock_volume=locked)).ok(202)
        assert await place(admin, volume) == ("in-use", host, "success")
    assert (await get_volume(demo, volume))["volume_image_metadata"] == before["volume_image_metadata"]
    (await finish_action(cloud, demo, server, reboot={"type": "HARD"})).ok(202)
    (await demo.delete("compute", f"{SERVERS}/{server}")).ok(204)
    await cloud.settle()
    assert await place(admin, volume) == ("available", HERE, "success")
    assert files(cloud) == ["volumes"]
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_only_a_service_may_swap_volumes_and_only_migrated_ones(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    server, volume = await in_use(cloud, demo)
    other, small = await a_volume(cloud, demo, size=2), await a_volume(cloud, demo)

    async def swap(client: JsonClient, new: str) -> Answer:
        path, body = f"{SERVERS}/{server}/os-volume_attachments/{volume}", {"volumeAttachment": {"volumeId": new}}
        return await client.put("compute", path, json=body, headers=V85)

    assert [(await swap(client, other)).status for client in (demo, admin)] == [403, 409]
    (await migrate(cloud, admin, volume, FAR)).ok(202)
    _, taken = await in_use(cloud, demo)
    for refused in (str(uuid.uuid4()), taken):
        assert (await swap(admin, refused)).status == 400
    # It is not being migrated any more: what the server has afterwards is another volume.
    (await swap(admin, other)).ok(202)
    await cloud.settle()
    assert [one["volumeId"] for one in await devices(demo, server)] == [other]
    statuses = [(await get_volume(demo, one))["status"] for one in (volume, other, small, taken)]
    assert statuses == ["available", "in-use", "available", "in-use"]
    assert (await swap(admin, small)).status == 404
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def a_stopped_server(cloud: TestCloud, demo: JsonClient, server: str, volume: str) -> None:
    (await finish_action(cloud, demo, server, **{"os-stop": None})).ok(202)


async def a_second_server(cloud: TestCloud, demo: JsonClient, server: str, volume: str) -> None:
    await attach(cloud, demo, await a_server(cloud, demo, imageRef=await an_image(demo)), volume)


async def a_host_that_cannot_connect_it(cloud: TestCloud, demo: JsonClient, server: str, volume: str) -> None:
    """Since it was attached its type has got limits that no host can keep."""
    admin = await cloud.http("admin")
    body = {"qos_specs": {"name": "odd", "consumer": "front-end", "read_iops_sec_per_gb": "a lot"}}
    specs = (await admin.post("volume", f"{V}/qos-specs", json=body)).ok(200).json["qos_specs"]["id"]
    for each in (await admin.get("volume", f"{V}/types")).ok(200).json["volume_types"]:
        path = f"{V}/qos-specs/{specs}/associate?vol_type_id={each['id']}"
        (await admin.get("volume", path)).ok(202)


@pytest.mark.parametrize("obstacle", [a_stopped_server, a_second_server, a_host_that_cannot_connect_it])
async def test_what_the_host_cannot_move_stays_as_it_was(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient, obstacle: Any
) -> None:
    kind = "shared" if obstacle is a_second_server else "near"
    server, volume = await in_use(cloud, demo, volume_type=kind)
    await obstacle(cloud, demo, server, volume)
    before, devices_before = await get_volume(demo, volume), await devices(demo, server)
    for _ in range(2):  # the second finds nothing that the first left behind
        (await retype(cloud, demo, volume, new_type=f"far {kind}")).ok(202)
        assert await place(admin, volume) == ("in-use", HERE, "error")
    after = await get_volume(demo, volume)
    assert after | {"updated_at": before["updated_at"]} == before
    assert await devices(demo, server) == devices_before
    assert files(cloud) == ["volumes"]
