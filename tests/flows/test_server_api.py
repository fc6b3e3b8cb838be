"""Servers through the API: the whole story each time, over HTTP, with the image and volume services beside."""

import pytest

from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, a_server, from_volume, get_server, request_server, server_action
from support.builders.volumes import a_volume, get_volume
from support.cloud import TestCloud

IMAGE_BYTES = b"x" * 4096


async def image(client, image_id):
    return (await client.get("image", f"/v2/images/{image_id}")).ok(200).json


async def sysmeta(cloud, server_id):
    sql = "SELECT key, value FROM instance_system_metadata WHERE instance_uuid = $1"
    return {row["key"]: row["value"] for row in await cloud.rows("compute", sql, server_id)}


# ---- from an image


async def test_a_server_is_visible_at_once_and_active_in_the_end(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, hw_disk_bus="scsi", team="storage")
    made = (await request_server(demo, imageRef=image_id, metadata={"purpose": "test"})).ok(202)
    server_id = made.json["server"]["id"]
    assert made.headers["Location"].endswith(f"/v2.1/servers/{server_id}")
    assert (await get_server(demo, server_id))["status"] in ("BUILD", "ACTIVE")
    await cloud.settle()
    shown = await get_server(demo, server_id, "2.98")
    assert (shown["status"], shown["metadata"]) == ("ACTIVE", {"purpose": "test"})
    assert shown["image"]["properties"] == {"hw_disk_bus": "scsi"}
    rows = await sysmeta(cloud, server_id)
    assert (rows["image_team"], rows["image_base_image_ref"]) == ("storage", image_id)


async def test_a_snapshot_inherits_and_is_bootable_itself(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, team="storage", cache_in_nova="yes", img_signature="SIG")
    server_id = await a_server(cloud, demo, imageRef=image_id)
    answer = (await server_action(demo, server_id, createImage={"name": "snap", "metadata": {"note": "n"}})).ok(202)
    await cloud.settle()
    snapshot = await image(demo, answer.json["image_id"])
    assert (snapshot["status"], snapshot["size"], snapshot["image_type"]) == ("active", len(IMAGE_BYTES), "snapshot")
    assert (snapshot["team"], snapshot["note"], snapshot["base_image_ref"]) == ("storage", "n", image_id)
    assert snapshot["instance_uuid"] == server_id
    assert "cache_in_nova" not in snapshot
    assert "img_signature" not in snapshot
    second = await a_server(cloud, demo, imageRef=snapshot["id"])
    assert (await sysmeta(cloud, second))["image_base_image_ref"] == image_id


async def test_before_2_45_a_snapshots_address_is_reported(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    answer = (await server_action(demo, server_id, "2.44", createImage={"name": "snap"})).ok(202)
    assert answer.json is None
    assert "/images/" in answer.headers["Location"]
    await cloud.settle()


async def test_a_rebuild_names_the_new_image_as_the_base(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    first, second = await an_image(demo, team="a"), await an_image(demo, only_in_two="x")
    server_id = await a_server(cloud, demo, imageRef=first)
    rebuild = {"imageRef": second, "name": "again", "metadata": {"k": "v"}}
    answer = (await server_action(demo, server_id, rebuild=rebuild)).ok(202)
    told = answer.json["server"]
    assert (told["status"], told["name"], told["image"]["id"]) == ("REBUILD", "again", second)
    await cloud.settle()
    shown = await get_server(demo, server_id)
    assert (shown["status"], shown["metadata"]) == ("ACTIVE", {"k": "v"})
    rows = await sysmeta(cloud, server_id)
    assert rows["image_base_image_ref"] == second
    assert "image_team" not in rows


async def test_the_rebuild_bug_comes_back_with_its_switch(a_cloud) -> None:
    cloud = await a_cloud(with_bugs=["lp-1893618"])
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    (await server_action(demo, server_id, rebuild={"imageRef": image_id})).ok(202)
    await cloud.settle()
    answer = (await server_action(demo, server_id, createImage={"name": "snap"})).ok(202)
    await cloud.settle()
    assert "base_image_ref" not in await image(demo, answer.json["image_id"])


# ---- from a volume


async def test_a_server_from_a_volume_takes_what_the_volume_knows(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo, team="storage"))
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    rows = await sysmeta(cloud, server_id)
    assert (rows["image_team"], rows["image_base_image_ref"]) == ("storage", "")
    assert (await get_volume(demo, volume_id))["status"] == "in-use"
    assert (await get_server(demo, server_id))["image"] == ""


async def test_a_volume_backed_snapshot_has_no_bytes_and_boots_all_the_same(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo, team="storage"), description="root")
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    answer = (await server_action(demo, server_id, createImage={"name": "vsnap"})).ok(202)
    await cloud.settle()
    snapshot = await image(demo, answer.json["image_id"])
    assert (snapshot["status"], snapshot["size"], snapshot["bdm_v2"]) == ("active", 0, "True")
    assert snapshot["team"] == "storage"
    assert "instance_uuid" not in snapshot
    second = await a_server(cloud, demo, imageRef=snapshot["id"])
    shown = await get_server(demo, second)
    assert shown["image"]["id"] == snapshot["id"]
    assert len(shown["os-extended-volumes:volumes_attached"]) == 1


async def test_a_volume_made_for_a_server_can_go_with_it(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    device = {
        "boot_index": 0, "source_type": "image", "destination_type": "volume", "uuid": await an_image(demo),
        "volume_size": 1, "delete_on_termination": True,
    }  # fmt: skip
    server_id = await a_server(cloud, demo, block_device_mapping_v2=[device])
    (root,) = (await get_server(demo, server_id))["os-extended-volumes:volumes_attached"]
    (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()
    assert (await demo.get("volume", f"/v3/{{project_id}}/volumes/{root['id']}")).status == 404
    assert (await demo.get("compute", f"/v2.1/servers/{server_id}")).status == 404


async def test_a_volume_backed_server_is_rebuilt_to_another_image_since_2_93(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    other = await an_image(demo, only_in_two="x")
    refused = await server_action(demo, server_id, "2.92", rebuild={"imageRef": other})
    assert refused.status == 400
    (await server_action(demo, server_id, rebuild={"imageRef": other})).ok(202)
    await cloud.settle()
    shown = await get_server(demo, server_id)
    assert (shown["status"], shown["image"]) == ("ACTIVE", "")
    assert (await get_volume(demo, volume_id))["volume_image_metadata"]["only_in_two"] == "x"
    assert (await sysmeta(cloud, server_id))["image_base_image_ref"] == other


async def test_a_volume_is_attached_and_detached(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    volume_id = await a_volume(cloud, demo)
    path = f"/v2.1/servers/{server_id}/os-volume_attachments"
    wish = {"volumeAttachment": {"volumeId": volume_id}}
    told = (await demo.post("compute", path, json=wish, headers=SERVER_VERSION)).ok(200).json["volumeAttachment"]
    assert told["volumeId"] == volume_id
    await cloud.settle()
    assert (await get_volume(demo, volume_id))["status"] == "in-use"
    assert (await demo.post("compute", path, json=wish, headers=SERVER_VERSION)).status == 400
    (await demo.delete("compute", f"{path}/{volume_id}", headers=SERVER_VERSION)).ok(202)
    await cloud.settle()
    assert (await get_volume(demo, volume_id))["status"] == "available"
    assert (await demo.get("compute", f"{path}/{volume_id}", headers=SERVER_VERSION)).status == 404


# ---- power and locks


async def test_the_longest_way_to_write_an_address_is_taken_and_shown_short(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    longest = "0000:0000:0000:0000:0000:babe:220.12.22.2"
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo), accessIPv6=longest)
    assert (await get_server(demo, server_id))["accessIPv6"] == "::babe:dc0c:1602"
    change = {"server": {"accessIPv6": "2001:0db8:0000:0000:0000:0000:255.255.255.255"}}
    changed = (
        (await demo.put("compute", f"/v2.1/servers/{server_id}", json=change, headers=SERVER_VERSION)).ok(200).json
    )
    assert changed["server"]["accessIPv6"] == "2001:db8::ffff:ffff"


async def test_a_server_is_stopped_started_and_rebooted(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    for action, status in (
        ({"os-stop": None}, "SHUTOFF"), ({"os-start": None}, "ACTIVE"), ({"reboot": {"type": "SOFT"}}, "ACTIVE"),
        ({"pause": None}, "PAUSED"), ({"unpause": None}, "ACTIVE"), ({"suspend": None}, "SUSPENDED"),
        ({"resume": None}, "ACTIVE"),
    ):  # fmt: skip
        (await server_action(demo, server_id, **action)).ok(202)
        await cloud.settle()
        assert (await get_server(demo, server_id))["status"] == status
    assert (await server_action(demo, server_id, **{"os-start": None})).status == 409
    path = f"/v2.1/servers/{server_id}/os-instance-actions"
    actions = (await demo.get("compute", path, headers=SERVER_VERSION)).ok().json["instanceActions"]
    assert [a["action"] for a in actions] == [
        "resume", "suspend", "unpause", "pause", "reboot", "start", "stop", "create",
    ]  # fmt: skip


async def test_an_administrators_lock_keeps_the_owner_out(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    (await server_action(admin, server_id, lock={"locked_reason": "audit"})).ok(202)
    assert (await get_server(demo, server_id))["locked_reason"] == "audit"
    assert (await server_action(demo, server_id, **{"os-stop": None})).status == 409
    assert (await server_action(demo, server_id, unlock=None)).status == 403
    assert (await demo.delete("compute", f"/v2.1/servers/{server_id}")).status == 409
    (await server_action(admin, server_id, **{"os-stop": None})).ok(202)
    (await server_action(admin, server_id, unlock=None)).ok(202)
    await cloud.settle()
    assert (await get_server(demo, server_id))["status"] == "SHUTOFF"


async def test_the_guest_is_shown_to_administrators(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo, hw_disk_bus="scsi"))
    path = f"/v2.1/servers/{server_id}/os-stackwire-guest"
    assert (await demo.get("compute", path)).status == 403
    assert "<domain" in (await admin.get("compute", path)).ok().json["guest"]["domain_xml"]


# ---- who may


async def test_a_stranger_finds_nothing(cloud: TestCloud) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    image_id = await an_image(demo)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    volume_id = await a_volume(cloud, demo, imageRef=image_id)
    base = f"/v2.1/servers/{server_id}"
    for path in (base, f"{base}/metadata", f"{base}/os-volume_attachments", f"{base}/os-instance-actions"):
        assert (await alt.get("compute", path)).status == 404
    assert (await alt.delete("compute", base)).status == 404
    for action in ({"createImage": {"name": "x"}}, {"rebuild": {"imageRef": image_id}}, {"lock": None}):
        assert (await server_action(alt, server_id, **action)).status == 404
    assert (await alt.get("compute", "/v2.1/servers")).json == {"servers": []}
    assert (await alt.get("compute", "/v2.1/servers?all_tenants=1")).status == 403
    assert (await alt.get("compute", f"/v2.1/{demo.project_id}/servers")).status == 400
    assert (await request_server(alt, imageRef=image_id)).status == 400
    assert (await request_server(alt, block_device_mapping_v2=from_volume(volume_id))).status == 400
    assert (await get_volume(demo, volume_id))["status"] == "available"


# ---- refused, and nothing left behind


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"imageRef": "11111111-1111-4111-8111-111111111111"}, 400),
        ({}, 400),
        ({"flavorRef": "none"}, 400),
        ({"networks": [{"uuid": "11111111-1111-4111-8111-111111111111"}]}, 400),
        ({"availability_zone": "mars"}, 400),
        ({"security_groups": [{"name": "web"}]}, 400),
        ({"metadata": {str(n): "x" for n in range(129)}}, 403),
        ({"min_count": 11}, 403),
    ],
)
async def test_a_refused_server_leaves_nothing(cloud: TestCloud, fields, status) -> None:
    demo = await cloud.http("demo")
    if fields and "imageRef" not in fields:
        fields = {"imageRef": await an_image(demo)} | fields
    assert (await request_server(demo, **fields)).status == status
    assert (await demo.get("compute", "/v2.1/servers")).json == {"servers": []}


async def test_a_volume_that_is_not_free_is_left_as_it_is(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    free, blank = await a_volume(cloud, demo, imageRef=await an_image(demo)), await a_volume(cloud, demo)
    both = from_volume(free) + from_volume("11111111-1111-4111-8111-111111111111", boot_index=1)
    assert (await request_server(demo, block_device_mapping_v2=both)).status == 400
    assert (await request_server(demo, block_device_mapping_v2=from_volume(blank))).status == 400, "it cannot boot"
    twice = {"min_count": 2, "max_count": 2, "block_device_mapping_v2": from_volume(free)}
    assert (await request_server(demo, **twice)).status == 400
    assert (await get_volume(demo, free))["status"] == "available"


async def test_as_many_servers_as_the_quota_has_room_for(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    quota = {"quota_set": {"instances": 2}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{demo.project_id}", json=quota, headers=SERVER_VERSION)).ok(200)
    (await request_server(demo, imageRef=await an_image(demo), min_count=1, max_count=3)).ok(202)
    await cloud.settle()
    listed = (await demo.get("compute", "/v2.1/servers?sort_key=display_name&sort_dir=asc")).json["servers"]
    assert [each["name"] for each in listed] == ["srv-1", "srv-2"]


async def test_pages_link_to_the_next(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    for name in ("a", "b", "c"):
        (await request_server(demo, imageRef=image_id, name=name)).ok(202)
    path, names = "/v2.1/servers?limit=2&sort_key=display_name&sort_dir=asc", []
    while path:
        page = (await demo.get("compute", path)).ok().json
        names.append([each["name"] for each in page["servers"]])
        path = page["servers_links"][0]["href"].split(cloud.urls["compute"])[1] if "servers_links" in page else ""
    assert names == [["a", "b"], ["c"]]
    await cloud.settle()
