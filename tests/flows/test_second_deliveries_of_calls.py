"""What is handled twice changes nothing, whichever call it is: stories of those that the journey of
``test_second_deliveries`` does without."""

import inspect
import pkgutil
from collections.abc import Awaitable, Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest

import stackwire.contracts
from flows.test_second_deliveries import JOURNEY
from stackwire.contracts.base import Call
from support.builders.images import an_image
from support.builders.servers import SERVERS, a_server, finish_action, from_volume, server_action
from support.builders.volumes import BACKUPS, VOLUME_VERSION, a_backup, a_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud
from support.second_deliveries import Bus, check_again, counted, under_a_new_id

Story = Callable[[TestCloud, JsonClient, JsonClient], Awaitable[None]]
LOG = "console.log"
"""A guest that is frozen once more says so."""
APART = {
    "read": "get_image list_images get_image_locations get_volume list_volumes get_snapshot list_snapshots"
    " get_volume_type get_limits list_properties list_volume_properties list_snapshot_properties"
    " list_server_properties get_manageable_volumes get_manageable_snapshots list_revocations list_faults"
    " check_can_live_migrate_destination check_can_live_migrate_source check_support_to_force_delete export_record"
    " get_console_output get_diagnostics get_instance_diagnostics",
    "make another token, and either is good": "get_vnc_console get_spice_console get_serial_console get_mks_console",
    "fetch what is there then": "cache_images",
    "count a fault that is wanted once more": "claim_fault",
    "are called as they are, in test_calls_answered_twice": "roll_detaching",
}
"""Calls that no story needs, and why."""


async def live_migration(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    """To one of two other hosts, and on, with a volume; the client waits until a host is found, as before 2.34."""
    server = await a_server(cloud, demo, imageRef=await an_image(demo))
    body = {"volumeAttachment": {"volumeId": await a_volume(cloud, demo)}}
    (await demo.post("compute", f"{SERVERS}/{server}/os-volume_attachments", json=body)).ok(200)
    await cloud.settle()
    for _ in range(2):
        wish = {"os-migrateLive": {"block_migration": "auto", "host": None}}
        (await server_action(admin, server, "2.30", **wish)).ok(202)
        await cloud.settle()


async def moved_volumes(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    """One that nobody has, and one that a server has and whose host goes over to the copy."""
    server, idle, used = (
        await a_server(cloud, demo, imageRef=await an_image(demo)),
        *[await a_volume(cloud, demo) for _ in range(2)],
    )
    body = {"volumeAttachment": {"volumeId": used}}
    (await demo.post("compute", f"{SERVERS}/{server}/os-volume_attachments", json=body)).ok(200)
    await cloud.settle()
    for volume in (idle, used):
        (await volume_action(admin, volume, "os-migrate_volume", {"host": "stackwire@far#far"})).ok(202)
        await cloud.settle()


async def reimaged_root(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    first, second = await an_image(demo), await an_image(demo)
    root = await a_volume(cloud, demo, imageRef=first)
    server = await a_server(cloud, demo, block_device_mapping_v2=from_volume(root))
    (await finish_action(cloud, demo, server, rebuild={"imageRef": second})).ok(202)


async def backup_record(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    """Exported, lost, and imported again."""
    backup = await a_backup(cloud, demo, await a_volume(cloud, demo))
    exported = await admin.get("volume", f"{BACKUPS}/{backup['id']}/export_record")
    await cloud.settle()
    await cloud.rows("volume", "DELETE FROM backups WHERE id = $1 RETURNING id", backup["id"])
    body = {"backup-record": exported.ok(200).json["backup-record"]}
    (await admin.post("volume", f"{BACKUPS}/import_record", json=body, headers=VOLUME_VERSION)).ok(201)
    await cloud.settle()


async def proxies(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    """Volumes, snapshots and images through the compute API."""
    wanted = {"volume": {"size": 1, "display_name": "v"}}
    volume = (await demo.post("compute", "/v2.1/os-volumes", json=wanted)).ok(200).json["volume"]["id"]
    await cloud.settle()
    taken = {"snapshot": {"volume_id": volume}}
    snapshot = (await demo.post("compute", "/v2.1/os-snapshots", json=taken)).ok(200).json["snapshot"]["id"]
    await cloud.settle()
    (await demo.delete("compute", f"/v2.1/os-snapshots/{snapshot}")).ok(202)
    await cloud.settle()
    (await demo.delete("compute", f"/v2.1/os-volumes/{volume}")).ok(202)
    image = await an_image(demo)
    (await demo.put("compute", f"/v2.1/images/{image}/metadata", json={"metadata": {"a": "b"}})).ok(200)
    await cloud.settle()  # or the update that is handled second finds no image
    (await demo.delete("compute", f"/v2.1/images/{image}")).ok(204)
    await cloud.settle()


async def image_of_a_root(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    """Of a server whose guest can be frozen, at the location of its root's snapshot."""
    image = await an_image(demo, hw_qemu_guest_agent="yes")
    root = await a_volume(cloud, demo, imageRef=image)
    server = await a_server(cloud, demo, block_device_mapping_v2=from_volume(root))
    (await finish_action(cloud, demo, server, createImage={"name": "of-its-root"})).ok(202)


async def new_password(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    image = await an_image(demo, hw_qemu_guest_agent="yes")
    server = await a_server(cloud, demo, imageRef=image)
    (await finish_action(cloud, demo, server, changePassword={"adminPass": "new"})).ok(202)


STORIES: dict[Story, str] = {
    live_migration: "migrate_server pre_live_migration post_live_migration_at_destination attachment_delete",
    moved_volumes: "update_server_volume migrate_volume_completion complete_attachment",
    reimaged_root: "reimage_volume delete_attachment",
    backup_record: "",
    proxies: "make_volume delete_volume make_snapshot delete_snapshot update_image delete_image",
    image_of_a_root: "quiesce_instance create_image add_image_location make_snapshot",
    new_password: "set_admin_password",
}
"""And the calls that each is about."""


def test_every_call_is_in_a_story() -> None:
    modules = [
        import_module(f"stackwire.contracts.{each.name}") for each in pkgutil.iter_modules(stackwire.contracts.__path__)
    ]
    classes = {found for module in modules for _, found in inspect.getmembers(module, inspect.isclass)}
    methods = {each.method for each in classes if issubclass(each, Call) and hasattr(each, "method")}
    told = {name for names in (*STORIES.values(), *APART.values(), JOURNEY) for name in names.split()}
    assert sorted(methods - told) == sorted(told - methods) == []


@pytest.mark.parametrize("story", STORIES)
async def test_what_is_handled_twice_changes_nothing(a_cloud: ACloud, tmp_path: Path, story: Story) -> None:
    """At once, and when all is done; and both are answered alike."""
    backends = tmp_path / "backends.toml"
    backends.write_text("[backends.files]\n[backends.far]\n")
    compute = {"hosts": "compute-1,compute-2,compute-3", "empty_image_mode": "root_location"}
    image = {"enabled_backends": "own:file,blocks:cinder", "default_backend": "own"}
    cloud = await a_cloud(settings={"compute": compute, "image": image, "volume": {"backends": backends}})
    demo, admin, bus = await cloud.http("demo"), await cloud.http("admin"), Bus(cloud)
    counts = [await counted(cloud)]
    for bus.doubles in (False, True):
        await story(cloud, demo, admin)
        counts.append(await counted(cloud))
    assert set(STORIES[story].split()) <= bus.methods()
    assert not bus.quarrels()
    once, twice = ({key: after[key] - before.get(key, 0) for key in after} for before, after in pairwise(counts))
    assert not [f"{key}: {once.get(key)} -> {more}" for key, more in twice.items() if once.get(key, 0) != more]
    bus.doubles = False
    await check_again(cloud, bus, [under_a_new_id(each) for each in bus.published], apart=LOG)
