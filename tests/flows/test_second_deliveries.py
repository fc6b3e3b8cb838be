"""A message that is delivered a second time changes nothing: whichever it is, in whichever order, however late.

It is what no query of the rows can ask (``support/invariants.py``): the rows before and after are compared.
"""

from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from flows.test_server_evacuate import facts, force_down
from stackwire.cloud.options import ORDER
from stackwire.messaging.envelope import unwrap
from support.builders.images import an_image
from support.builders.servers import SERVERS, SMALL_FLAVOR, a_server, finish_action, from_volume, get_server
from support.builders.volumes import VOLUMES, a_backup, a_volume, restore, volume_action
from support.cloud import ACloud, JsonClient, TestCloud
from support.second_deliveries import Bus, Messages, check_again, counted, is_call, under_a_new_id

SNAPSHOTS, BACKUPS = "/v3/{project_id}/snapshots", "/v3/{project_id}/backups"
NEW_VOLUME = {"boot_index": 0, "source_type": "image", "destination_type": "volume", "volume_size": 1}

JOURNEY = (
    "select_destinations reserve_block_device_name attach_volume create_attachment update_attachment attachment_update"
    " attachment_delete begin_detaching"
)
"""The calls of ``live``."""


async def live(cloud: TestCloud, demo: JsonClient) -> None:
    """Some of each noun, and of most that is done with them; what was deleted, too. The matrix has uploads of volumes,
    whose bytes are many."""
    image, other = await an_image(demo, note="kept"), await an_image(demo)
    kept, root, data = [await a_volume(cloud, demo, imageRef=image) for _ in range(3)]
    for volume in (kept, data):
        body = {"snapshot": {"volume_id": volume, "force": True}}
        snapshot = (await demo.post("volume", SNAPSHOTS, json=body)).ok(202).json["snapshot"]["id"]
        await cloud.settle()
    (await demo.delete("volume", f"{SNAPSHOTS}/{snapshot}")).ok(202)
    backup = await a_backup(cloud, demo, kept)
    await restore(cloud, demo, backup["id"])
    (await demo.delete("volume", f"{BACKUPS}/{backup['id']}")).ok(202)
    await volume_action(demo, kept, "os-extend", {"new_size": 2})
    await cloud.settle()

    first = await a_server(cloud, demo, imageRef=image)
    second = await a_server(cloud, demo, block_device_mapping_v2=from_volume(root))
    for volume in (data, kept):
        attachment = {"volumeAttachment": {"volumeId": volume}}
        (await demo.post("compute", f"{SERVERS}/{first}/os-volume_attachments", json=attachment)).ok(200)
        await cloud.settle()
    (await demo.delete("compute", f"{SERVERS}/{first}/os-volume_attachments/{data}")).ok(202)
    await cloud.settle()
    for server, action in (
        (first, {"createImage": {"name": "snapshot"}}),
        (second, {"createImage": {"name": "of-volumes"}}),
        (first, {"rebuild": {"imageRef": other}}),
        (first, {"resize": {"flavorRef": SMALL_FLAVOR}}),
        (first, {"confirmResize": None}),
        (first, {"os-stop": None}),
        (second, {"shelve": None}),
        (second, {"unshelve": None}),
    ):
        (await finish_action(cloud, demo, server, **action)).ok(202, 204)
    await a_server(cloud, demo, block_device_mapping_v2=[NEW_VOLUME | {"uuid": image}])
    third = await a_server(cloud, demo, imageRef=image)
    (await demo.delete("compute", f"{SERVERS}/{third}")).ok(204)
    await cloud.settle()
    (await demo.delete("volume", f"{VOLUMES}/{data}")).ok(202)
    (await demo.delete("image", f"/v2/images/{other}")).ok(204)
    await cloud.settle()


def as_they_were(messages: Messages) -> Messages:
    return messages


def under_new_ids(messages: Messages) -> Messages:
    return [under_a_new_id(each) for each in messages]


@pytest.mark.parametrize("restarted", [False, True], ids=["at_once", "after_a_restart"])
@pytest.mark.parametrize("of", [as_they_were, under_new_ids])
async def test_late_it_changes_nothing(a_cloud: ACloud, of: Callable[[Messages], Messages], restarted: bool) -> None:
    """But for calls, whose callers wait no longer."""
    cloud = await a_cloud(settings={"compute": {"allow_resize_to_same_host": True}})
    demo, bus = await cloud.http(), Bus(cloud)
    await live(cloud, demo)
    published = of([each for each in bus.published if not is_call(each)])
    if restarted:
        for service in ORDER:
            await cloud.cloud.restart(service)
        await cloud.settle()
    await check_again(cloud, bus, published)


async def test_a_late_call_changes_nothing(a_cloud: ACloud) -> None:
    """One that its caller has given up, and a process took when another had died with it: idempotent, or refused."""
    cloud = await a_cloud(settings={"compute": {"allow_resize_to_same_host": True}})
    demo, bus = await cloud.http(), Bus(cloud)
    await live(cloud, demo)
    await check_again(cloud, bus, under_new_ids([each for each in bus.published if is_call(each)]))


async def test_at_once_it_changes_nothing(a_cloud: ACloud) -> None:
    """Also calls, which a broker delivers again when it did not hear that they were received."""
    cloud = await a_cloud(settings={"compute": {"allow_resize_to_same_host": True}})
    demo, bus = await cloud.http(), Bus(cloud)
    counts = [await counted(cloud)]
    for bus.doubles in (False, True):
        await live(cloud, demo)
        counts.append(await counted(cloud))
    once, twice = ({key: after[key] - before.get(key, 0) for key in after} for before, after in pairwise(counts))
    assert set(JOURNEY.split()) <= bus.methods()
    assert not bus.quarrels()
    assert once.keys() <= twice.keys()
    assert not [f"{key}: {once.get(key)} -> {more}" for key, more in twice.items() if once.get(key) != more]


async def resized(cloud: TestCloud, demo: JsonClient, server: str) -> None:
    (await finish_action(cloud, demo, server, resize={"flavorRef": SMALL_FLAVOR})).ok(202)
    assert (await get_server(demo, server))["status"] == "VERIFY_RESIZE"


async def evacuated(cloud: TestCloud, demo: JsonClient, server: str) -> None:
    admin = await cloud.http("admin")
    host, _, _ = await facts(cloud, server)
    await force_down(cloud, admin, host, True)
    (await finish_action(cloud, admin, server, version="2.93", evacuate={})).ok(200)
    now, _, _ = await facts(cloud, server)
    assert now != host


@pytest.mark.parametrize("paired", [False, True], ids=["one_process", "two_processes"])
@pytest.mark.parametrize(
    ("move", "told"), [(resized, "migrate_server prep_resize"), (evacuated, "rebuild_instance rebuild_instance")]
)
async def test_a_server_that_moves_is_sent_to_one_host_once(
    a_cloud: ACloud, paired: bool, move: Callable[[TestCloud, JsonClient, str], Awaitable[None]], told: str
) -> None:
    """Two conductors, or one, that hear the request for it at once."""
    cloud = await a_cloud(paired=paired, settings={"compute": {"hosts": "compute-1,compute-2,compute-3,compute-4"}})
    demo, bus = await cloud.http(), Bus(cloud)
    server = await a_server(cloud, demo, imageRef=await an_image(demo))
    bus.doubles = True
    await move(cloud, demo, server)
    methods = [unwrap(each.body, each.properties).get("method") for each in bus.published]
    assert [method for method in methods if method in told.split()] == told.split()
    claims = await cloud.rows("compute", "SELECT consumer = instance_uuid AS own FROM allocations ORDER BY 1")
    assert [claim["own"] for claim in claims] == [False, True]
