"""Old holes of the compute service's originals that must not be here. ``support/advisories.py`` has the whole table."""

import os
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import orjson
import pytest

from stackwire.compute.flows.worker.host_service import HostService
from stackwire.db.connections import Connections
from support.bad_input import refused
from support.builders.images import an_image
from support.builders.servers import (
    SERVER_VERSION,
    SMALL_FLAVOR,
    TINY_FLAVOR,
    a_server,
    from_volume,
    get_server,
    request_server,
    server_action,
)
from support.builders.volumes import a_volume, get_volume
from support.cloud import ACloud, ASharedCloud, JsonClient, TestCloud
from support.server_parts import guest_xml


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def test_cve_2013_0208_nobody_boots_anothers_volume(cloud: TestCloud, demo: JsonClient) -> None:
    alt = await cloud.http("alt")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    assert (await request_server(alt, block_device_mapping_v2=from_volume(volume_id))).status == 400
    shown = await get_volume(demo, volume_id)
    assert (shown["status"], shown["attachments"]) == ("available", [])


async def test_cve_2017_18191_an_encrypted_volumes_image_does_not_boot(demo: JsonClient) -> None:
    image_id = await an_image(demo, cinder_encryption_key_id="11111111-1111-4111-8111-111111111111")
    refused("compute", await request_server(demo, imageRef=image_id), 400)


async def test_cve_2013_2256_a_private_flavor_is_not_there_for_others(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    flavor = {"name": "hidden", "ram": 64, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": False}
    made = (await admin.post("compute", "/v2.1/flavors", json={"flavor": flavor}, headers=SERVER_VERSION)).ok(200).json
    flavor_id = made["flavor"]["id"]
    refused("compute", await demo.get("compute", f"/v2.1/flavors/{flavor_id}", headers=SERVER_VERSION), 404)
    listed = (await demo.get("compute", "/v2.1/flavors", headers=SERVER_VERSION)).ok(200).json["flavors"]
    assert flavor_id not in {each["id"] for each in listed}
    refused("compute", await request_server(demo, flavorRef=flavor_id, imageRef=await an_image(demo)), 400)


async def test_what_hangs_on_a_server_is_its_own_projects(cloud: TestCloud, demo: JsonClient) -> None:
    """CVE-2013-6419 (metadata by a guessed id), OSSN-0094 (a swap by hand), bug 1740950 (hosts told)."""
    alt, admin = await cloud.http("alt"), await cloud.http("admin")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    for path in ("metadata", "os-volume_attachments", f"os-volume_attachments/{volume_id}", "tags", "ips"):
        refused("compute", await alt.get("compute", f"/v2.1/servers/{server_id}/{path}", headers=SERVER_VERSION), 404)
    other = await a_volume(cloud, demo)
    swap = {"volumeAttachment": {"volumeId": other}}
    path = f"/v2.1/servers/{server_id}/os-volume_attachments/{volume_id}"
    for client, status in ((demo, 403), (admin, 409)):  # no volume is migrated here
        refused("compute", await client.put("compute", path, json=swap, headers=SERVER_VERSION), status)
    (attachment,) = (await get_volume(demo, volume_id))["attachments"]
    assert attachment["host_name"] is None
    (attachment,) = (await get_volume(admin, volume_id))["attachments"]
    assert attachment["host_name"]
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()


PLANTED = (b"QFI\xfb" + bytes([0, 0, 0, 3]) + (0x200).to_bytes(8, "big")).ljust(0x200, b"\0") + b"/etc/passwd"


async def test_cve_2015_7548_what_a_guest_wrote_is_the_snapshots_content_and_no_format(
    cloud: TestCloud, demo: JsonClient
) -> None:
    """The format of a disk is what is recorded, in a snapshot and through a rebuild and a rescue."""
    image_id = await an_image(demo)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    (folder,) = cloud.cloud.options.data_dir.rglob(f"hosts/*/{server_id}")
    harmless = PLANTED[:8] + bytes(8) + PLANTED[16:]
    for bytes_, status in ((PLANTED, 404), (harmless, 200)):
        (folder / "disk").write_bytes(bytes_.ljust(4096, b"\0"))
        made = (await server_action(demo, server_id, createImage={"name": "snap"})).ok(202).json["image_id"]
        await cloud.settle()
        answer = await demo.get("image", f"/v2/images/{made}")
        assert answer.status == status
        if status == 200:
            assert (answer.json["disk_format"], answer.json["virtual_size"]) == ("raw", 4096)
            data = (await demo.get("image", f"/v2/images/{made}/file")).ok(200).body
            assert data == bytes_.ljust(4096, b"\0")
        assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    (await server_action(demo, server_id, rebuild={"imageRef": image_id})).ok(202)
    await cloud.settle()
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    assert (folder / "disk").read_bytes() == b"x" * 4096
    (folder / "disk").write_bytes(PLANTED.ljust(4096, b"\0"))
    (await server_action(demo, server_id, rescue=None)).ok(200)
    await cloud.settle()
    formats = [driver.get("type") for driver in ET.fromstring(await guest_xml(cloud, server_id)).iter("driver")]
    assert ((await get_server(demo, server_id))["status"], formats) == ("RESCUE", ["raw", "raw"])
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()


async def test_cve_2012_3371_no_list_in_a_request_is_a_list_of_queries(cloud: TestCloud, demo: JsonClient) -> None:
    """Hints, tags, devices, metadata: too many are refused before anything is asked of a database for each."""
    image_id = await an_image(demo)
    many = {"os:scheduler_hints": {"different_host": [str(uuid4()) for _ in range(10_000)]}}
    server_wish = {"name": "srv", "flavorRef": TINY_FLAVOR, "networks": "none", "imageRef": image_id}
    devices = [from_volume(str(uuid4()), boot_index=number)[0] for number in range(3000)]
    tags = {"server": {**server_wish, "tags": [str(number) for number in range(1000)]}}
    wishes = [
        ({"server": server_wish, **many}, {202}),
        (tags, {400}),
        ({"server": {**server_wish, "block_device_mapping_v2": devices}}, {400, 403}),
        ({"server": {**server_wish, "metadata": {str(number): "v" for number in range(5000)}}}, {403}),
    ]
    for wish, statuses in wishes:
        async with statements(cloud) as said:
            answer = await demo.post("compute", "/v2.1/servers", json=wish, headers=SERVER_VERSION)
        assert answer.status in statuses, (wish.keys(), answer.body[:300])
        assert len(said) <= 100, said  # a server that is built meanwhile takes some of them
    made = (await demo.get("compute", "/v2.1/servers", headers=SERVER_VERSION)).ok(200).json["servers"]
    assert len(made) == 1
    (await demo.delete("compute", f"/v2.1/servers/{made[0]['id']}")).ok(204)
    await cloud.settle()


async def test_cve_2012_3371_a_list_is_a_few_queries_however_long(a_cloud: ACloud) -> None:
    cloud = await a_cloud()
    demo = await cloud.http("demo")
    for number in range(10):
        await an_image(demo, tags=[str(number), "t"], team="a")
        (await demo.post("volume", "/v3/{project_id}/volumes", json={"volume": {"size": 1}})).ok(202)
    for path, service in (
        ("/v2/images", "image"), ("/v3/{project_id}/volumes/detail", "volume"), ("/v2.1/servers/detail", "compute"),
    ):  # fmt: skip
        await cloud.settle()
        async with statements(cloud) as said:
            (await demo.get(service, path, headers=SERVER_VERSION if service == "compute" else None)).ok(200)
        assert len(said) <= 12, said


@asynccontextmanager
async def statements(cloud: TestCloud) -> AsyncIterator[list[str]]:
    """What is asked of the databases of all services meanwhile; their own sweeps are among it."""
    said: list[str] = []

    def heard(record: Any) -> None:
        if not record.query.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            said.append(" ".join(record.query.split())[:80])

    async def all_of_them() -> list[tuple[Connections, Any]]:
        pools = [service.database._pool for service in cloud.cloud.services.values()]
        return [(pool, await pool.acquire()) for pool in pools for _ in range(pool.use.size)]

    held = await all_of_them()
    for _, connection in held:
        connection.add_query_logger(heard)
    for pool, connection in held:
        await pool.release(connection)
    yield said
    held = await all_of_them()
    for pool, connection in held:
        connection.remove_query_logger(heard)
        await pool.release(connection)


TASKS = [
    ("building", "scheduling"), ("building", "spawning"), ("active", "rebuilding"), ("active", "rebuild_spawning"),
    ("active", "image_uploading"), ("active", "powering-off"), ("stopped", "powering-on"), ("active", "reboot_started"),
    ("active", "resize_migrating"), ("active", "deleting"), ("error", None), ("paused", None), ("suspended", None),
]  # fmt: skip


async def test_cve_2015_3241_a_server_is_deleted_whatever_is_done_to_it_and_leaves_nothing(a_cloud: ACloud) -> None:
    cloud = await a_cloud()
    demo = await cloud.http("demo")
    image_id, volume_id = await an_image(demo), await a_volume(cloud, demo)
    data = cloud.cloud.options.data_dir
    for vm_state, task_state in TASKS:
        server_id = await a_server(cloud, demo, imageRef=image_id)
        attach = {"volumeAttachment": {"volumeId": volume_id}}
        path = f"/v2.1/servers/{server_id}"
        (await demo.post("compute", f"{path}/os-volume_attachments", json=attach, headers=SERVER_VERSION)).ok(200)
        await cloud.settle()
        stuck = "UPDATE instances SET vm_state = $2, task_state = $3 WHERE uuid = $1 RETURNING uuid"
        assert await cloud.rows("compute", stuck, server_id, vm_state, task_state)
        (await demo.delete("compute", path, headers=SERVER_VERSION)).ok(204)
        if task_state == "deleting":  # it goes on already, unless whoever did it is gone: then in a while
            long_ago = "UPDATE instances SET updated_at = updated_at - interval '2 minutes' WHERE uuid = $1"
            await cloud.rows("compute", f"{long_ago} RETURNING uuid", server_id)
            for sweep in [sweep for process in cloud.processes("compute") for sweep in process._sweeps._sweeps]:
                await sweep.run()
        await cloud.settle()
        assert (await demo.get("compute", path, headers=SERVER_VERSION)).status == 404, (vm_state, task_state)
        assert list(data.rglob(f"*{server_id}*")) == []
        shown = await get_volume(demo, volume_id)
        assert (shown["status"], shown["attachments"]) == ("available", []), (vm_state, task_state)
    assert await cloud.rows("compute", "SELECT * FROM allocations") == []


MOVES: dict[str, dict[str, Any]] = {
    "resize": {"resize": {"flavorRef": SMALL_FLAVOR}},
    "migrate": {"migrate": None},
    "live migration": {"os-migrateLive": {"host": None, "block_migration": "auto"}},
    "shelve": {"shelve": None},
    "rescue": {"rescue": None},
    "rebuild": {"rebuild": {"imageRef": "{image}"}},
}


@pytest.mark.parametrize("after", ["it was asked for", "it was done"])
async def test_cve_2015_3280_a_server_is_deleted_in_the_middle_of_a_move_and_leaves_nothing(
    a_shared_cloud: ASharedCloud, after: str
) -> None:
    cloud = await a_shared_cloud()
    admin = await cloud.http("admin")
    image_id, volume_id = await an_image(admin), await a_volume(cloud, admin)
    for name, move in MOVES.items():
        server_id = await a_server(cloud, admin, imageRef=image_id)
        path, attach = f"/v2.1/servers/{server_id}", {"volumeAttachment": {"volumeId": volume_id}}
        (await admin.post("compute", f"{path}/os-volume_attachments", json=attach, headers=SERVER_VERSION)).ok(200)
        await cloud.settle()
        asked = orjson.loads(orjson.dumps(move).replace(b"{image}", image_id.encode()))
        (await server_action(admin, server_id, **asked)).ok(200, 202)
        if after == "it was done":
            await cloud.settle()
        (await admin.delete("compute", path, headers=SERVER_VERSION)).ok(204)
        await cloud.settle()
        assert (await admin.get("compute", path, headers=SERVER_VERSION)).status == 404, name
        assert list(cloud.cloud.options.data_dir.rglob(f"*{server_id}*")) == [], name
        shown = await get_volume(admin, volume_id)
        assert (shown["status"], shown["attachments"]) == ("available", []), name
        claimed = await cloud.rows("compute", "SELECT * FROM allocations WHERE instance_uuid = $1", server_id)
        assert claimed == [], name
    under_way = "SELECT * FROM migrations WHERE status ~ 'accepted|queued|running|ing$' AND NOT deleted"
    assert await cloud.rows("compute", under_way) == []


async def test_cve_2013_6437_a_hosts_cache_ends_and_is_named_after_nothing_a_user_says(a_cloud: ACloud) -> None:
    """What no server uses goes after a while, whatever os_type or name its image had; what one uses stays."""
    cloud = await a_cloud(settings={"compute": {"hosts": "only-one"}})
    demo = await cloud.http("demo")
    base = cloud.cloud.options.data_dir / "compute" / "hosts" / "only-one" / "_base"
    refused("compute", await request_server(demo, imageRef=await an_image(demo, os_type="../x")), 400)
    kept, fresh, *gone = [await an_image(demo, os_distro=f"../{number}/x") for number in range(12)]
    for image_id in (kept, fresh, *gone):
        server_id = await a_server(cloud, demo, imageRef=image_id)
        if image_id != kept:
            (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(204)
            await cloud.settle()
    (base / f".{gone[0]}.cut.part").write_bytes(b"half")
    assert {path.name.lstrip(".")[:36] for path in base.iterdir()} == {kept, fresh, *gone}
    assert not list(cloud.cloud.options.data_dir.rglob("x"))
    for path in base.iterdir():
        if fresh not in path.name:
            os.utime(path, (0, 0))  # as after a day
    service = next(each for each in cloud.cloud.services["compute"]._resources if isinstance(each, HostService))
    await service.run_image_cache_manager_pass()
    assert {path.name[:36] for path in base.iterdir()} == {kept, fresh}
    await a_server(cloud, demo, imageRef=gone[0])
    assert {path.name[:36] for path in base.iterdir()} == {kept, fresh, gone[0]}


async def test_cve_2017_17051_rebuilds_are_counted_once(cloud: TestCloud, demo: JsonClient) -> None:
    """Nor does one change what a server may be: image properties and sizes are looked at as in a boot."""
    admin = await cloud.http("admin")
    one, other = await an_image(demo, team="one"), await an_image(demo, team="other")
    server_id = await a_server(cloud, demo, imageRef=one)

    async def used() -> Any:
        limits = (await demo.get("compute", "/v2.1/limits", headers=SERVER_VERSION)).ok(200).json["limits"]["absolute"]
        return {name: value for name, value in limits.items() if name.startswith("total")}, await cloud.rows(
            "compute", "SELECT host, vcpus, memory_mb, disk_gb FROM allocations ORDER BY instance_uuid"
        )

    before = await used()
    assert before[0]["totalInstancesUsed"] == 1
    for number in range(20):
        (await server_action(demo, server_id, rebuild={"imageRef": (other, one)[number % 2]})).ok(202)
        await cloud.settle()
    assert await used() == before
    for fields, status in (({"min_ram": 10**6}, 400), ({"min_disk": 99}, 400), ({"hw_cpu_policy": "nonsense"}, 400)):
        wrong = await an_image(demo, **fields)
        refused("compute", await server_action(demo, server_id, rebuild={"imageRef": wrong}), status)
    foreign = await an_image(demo, img_hv_type="vmware")
    (await server_action(demo, server_id, rebuild={"imageRef": foreign})).ok(202)
    await cloud.settle()
    shown = await get_server(admin, server_id)
    assert (shown["status"], shown["image"]["id"]) == ("ERROR", one)
    assert await used() == before
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()


async def test_cve_2019_14433_a_fault_reveals_nothing_of_the_host(a_cloud: ACloud) -> None:
    """The disk of a host fails in ways nobody foresaw; its owner reads what happened, the administrator where."""
    cloud = await a_cloud(settings={"compute": {"hosts": "only-one"}})
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image_id = await an_image(demo)
    base = cloud.cloud.options.data_dir / "compute" / "hosts" / "only-one" / "_base"
    base.rmdir()
    base.touch()
    made = (await request_server(demo, imageRef=image_id)).ok(202).json["server"]["id"]
    await cloud.settle()
    shown = await get_server(demo, made)
    assert shown["status"] == "ERROR"
    assert set(shown["fault"]) == {"code", "created", "message"}
    path = f"/v2.1/servers/{made}/os-instance-actions"
    (action,) = (await demo.get("compute", path, headers=SERVER_VERSION)).ok(200).json["instanceActions"]
    told = (await demo.get("compute", f"{path}/{action['request_id']}", headers=SERVER_VERSION)).ok(200).json
    for text in (str(shown["fault"]), str(action), str(told)):
        for word in ("Errno", "/", "Traceback", ".py", "_base", "asyncio"):
            assert word not in text, (word, text)
    assert (await get_server(admin, made))["fault"]["details"].startswith("Traceback")


async def test_bug_1739646_an_image_does_not_decide_how_much_disk_it_takes(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    wish = {"flavor": {"name": "diskless", "ram": 64, "vcpus": 1, "disk": 0}}
    created = (await admin.post("compute", "/v2.1/flavors", json=wish, headers=SERVER_VERSION)).ok(200).json
    flavor = created["flavor"]["id"]
    image_id = await an_image(demo)
    refused("compute", await request_server(demo, flavorRef=flavor, imageRef=image_id), 403)
    volume_id = await a_volume(cloud, demo, imageRef=image_id)
    server_id = await a_server(cloud, demo, flavorRef=flavor, block_device_mapping_v2=from_volume(volume_id))
    small = await a_server(cloud, demo, imageRef=image_id)
    await a_server(cloud, admin, flavorRef=flavor, imageRef=await an_image(admin))
    for client, path in ((demo, server_id), (demo, small)):
        (await client.delete("compute", f"/v2.1/servers/{path}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()


async def test_cve_2015_9543_a_consoles_token_is_in_no_log_and_no_row(
    cloud: TestCloud, demo: JsonClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server_id, admin = await a_server(cloud, demo, imageRef=await an_image(demo)), await cloud.http("admin")
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    path = f"/v2.1/servers/{server_id}/remote-consoles"
    opened = (await demo.post("compute", path, json=body, headers=SERVER_VERSION)).ok(200).json["remote_console"]
    token = opened["url"][-36:]
    for version in ("2.30", "2.31"):
        headers = {"OpenStack-API-Version": f"compute {version}"}
        await admin.get("compute", f"/v2.1/os-console-auth-tokens/{token}", headers=headers)
    assert token not in caplog.text
    (row,) = await cloud.rows("compute", "SELECT * FROM console_auth_tokens WHERE instance_uuid = $1", server_id)
    assert token not in str(dict(row))
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()
