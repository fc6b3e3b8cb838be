"""Images, volumes and snapshots as the compute API showed them up to 2.35. The answers are a real Nova's."""

from typing import Any

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import a_queued_image, an_image, get_image
from support.builders.servers import a_server, server_action
from support.builders.volumes import a_volume, get_volume
from support.cloud import JsonClient, TestCloud

NOBODY = "00000000-0000-4000-8000-000000000000"


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


async def show(client: JsonClient, path: str, version: str = "2.1") -> Any:
    return (await client.get("compute", f"/v2.1{path}", headers=at(version))).ok(200).json


# ---- images


async def test_an_image_is_shown_with_its_properties_as_metadata(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    properties = {"team": "storage", "auto_disk_config": "yes", "mappings": '[{"virtual": "root"}]'}
    image_id = await an_image(demo, name="disk", min_ram=64, min_disk=1, instance_uuid="looks-like-one", **properties)
    compute, image = demo.urls["compute"], await get_image(demo, image_id)
    links = [
        {"rel": "self", "href": f"{compute}/v2.1/images/{image_id}"},
        {"rel": "bookmark", "href": f"{compute}/images/{image_id}"},
        {
            "rel": "alternate",
            "type": "application/vnd.openstack.image",
            "href": f"{demo.urls['image']}/images/{image_id}",
        },
    ]
    expected = {
        "id": image_id,
        "name": "disk",
        "minRam": 64,
        "minDisk": 1,
        "metadata": {**properties, "mappings": [{"virtual": "root"}], "instance_uuid": "looks-like-one"},
        "created": image["created_at"],
        "updated": image["updated_at"],
        "status": "ACTIVE",
        "progress": 100,
        "OS-EXT-IMG-SIZE:size": 4096,
        "links": links,
        "OS-DCF:diskConfig": "AUTO",
        "server": {
            "id": "looks-like-one",
            "links": [
                {"rel": "self", "href": f"{compute}/v2.1/servers/looks-like-one"},
                {"rel": "bookmark", "href": f"{compute}/servers/looks-like-one"},
            ],
        },
    }
    assert (await show(demo, f"/images/{image_id}", "2.35"))["image"] == expected
    assert (await show(demo, "/images/detail?name=disk"))["images"] == [expected]
    assert (await show(demo, "/images?name=disk"))["images"] == [{"id": image_id, "name": "disk", "links": links}]
    queued = await a_queued_image(demo)
    shown = (await show(demo, f"/images/{queued}"))["image"]
    assert (shown["status"], shown["progress"], shown["OS-EXT-IMG-SIZE:size"]) == ("SAVING", 25, 0)


async def test_images_are_listed_by_what_the_query_names(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo, name="disk", os_type="linux", idea="i"))
    snapshot_id = (await server_action(demo, server_id, createImage={"name": "snap"})).ok(202).json["image_id"]
    await cloud.settle()
    queued = await a_queued_image(demo, name="queued", min_ram=128, min_disk=3)
    snap, disk = ["snap"], ["snap", "disk"]
    for query, names in {
        f"server={server_id}": snap,
        f"server=http://nova/v2.1/servers/{server_id}": snap,
        "type=snapshot": snap,
        "minRam=128": ["queued"],
        "minDisk=3&minRam=128": ["queued"],
        "status=ACTIVE": disk,
        "status=nonsense": [],
        "changes-since=2014-01-01T00:00:00Z": ["queued", *disk],
        "changes-since=2099-01-01T00:00:00Z": [],
        "property-idea=i": disk,
        "property-os_type=linux": [],  # Nova asks for "s_type"
        "unknown=1": ["queued", *disk],
        f"marker={queued}": disk,
        f"marker={snapshot_id}&limit=5": ["disk"],
        "limit=2": ["queued", "snap"],
    }.items():
        found = (await show(demo, f"/images/detail?{query}"))["images"]
        assert [image["name"] for image in found] == names, query
    page = await show(demo, "/images?limit=1&type=snapshot")
    (following,) = page["images_links"]
    assert following["rel"] == "next"
    path = following["href"].removeprefix(demo.urls["compute"]).removeprefix("/v2.1")
    assert (await show(demo, path)) == {"images": []}


async def test_an_image_list_refuses_what_it_cannot_read(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    for query in ("limit=0", "limit=-1", "limit=x", "marker=nope", "changes-since=xx", "minRam=x", "minDisk=-"):
        assert (await demo.get("compute", f"/v2.1/images?{query}")).status == 400, query


async def test_metadata_is_merged_set_replaced_and_deleted(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    given = {"team": "storage", "image_type": "snapshot", "base_image_ref": "origin", "os_distro": "debian"}
    image_id = await an_image(demo, **given)
    path = f"/v2.1/images/{image_id}/metadata"
    assert await show(demo, f"/images/{image_id}/metadata") == {"metadata": given}
    assert await show(demo, f"/images/{image_id}/metadata/team") == {"meta": {"team": "storage"}}
    merged = (await demo.post("compute", path, json={"metadata": {"posted": "p"}})).ok(200).json
    assert merged == {"metadata": {**given, "posted": "p"}}
    put = (await demo.put("compute", f"{path}/team", json={"meta": {"team": "put"}})).ok(200).json
    assert put == {"meta": {"team": "put"}}
    (await demo.delete("compute", f"{path}/os_distro")).ok(204)
    (await demo.delete("compute", f"{path}/os_distro")).ok(404)
    left = {**given, "posted": "p", "team": "put"}
    del left["os_distro"]
    assert (await show(demo, f"/images/{image_id}/metadata", "2.38"))["metadata"] == left
    replaced = (await demo.put("compute", path, json={"metadata": {"only": "this"}})).ok(200).json
    assert replaced == {"metadata": {"only": "this"}}
    image = await get_image(demo, image_id)
    assert {key: image.get(key) for key in ("only", *left)} == {"only": "this", **dict.fromkeys(left)}


METADATA_REFUSED: list[tuple[str, str, Any, int]] = [
    ("POST", "", {"metadata": {"k": 1}}, 400),
    ("POST", "", {"metadata": {"": "v"}}, 400),
    ("POST", "", {"metadata": {"k": "v" * 256}}, 400),
    ("POST", "", {"meta": {"k": "v"}}, 400),
    ("POST", "", {"metadata": {f"k{number}": "v" for number in range(129)}}, 403),
    ("PUT", "", {"metadata": None}, 400),
    ("PUT", "/k", {"meta": {"other": "v"}}, 400),
    ("PUT", "/k", {"meta": {"k": "v", "other": "v"}}, 400),
    ("PUT", "/k", {"meta": {}}, 400),
    ("GET", "/missing", None, 404),
    ("DELETE", "/missing", None, 404),
]


async def test_metadata_that_is_none_is_refused(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, team="storage")
    for method, path, body, status in METADATA_REFUSED:
        answer = await demo.request(method, "compute", f"/v2.1/images/{image_id}/metadata{path}", json=body)
        assert answer.status == status, (method, path, body)
    assert (await show(demo, f"/images/{image_id}/metadata"))["metadata"] == {"team": "storage"}


async def test_who_may_change_an_image_is_the_image_services_word(cloud: TestCloud) -> None:
    demo, admin, alt = await cloud.http("demo"), await cloud.http("admin"), await cloud.http("alt")
    public = await an_image(admin, visibility="public", team="storage")
    private = await an_image(demo, team="storage", protected=True)
    change: dict[str, Any] = {"json": {"metadata": {"k": "v"}}}
    (await demo.put("compute", f"/v2.1/images/{public}/metadata", **change)).ok(403)
    (await demo.delete("compute", f"/v2.1/images/{public}")).ok(403)
    (await alt.put("compute", f"/v2.1/images/{private}/metadata", **change)).ok(404)
    (await alt.delete("compute", f"/v2.1/images/{private}")).ok(404)
    (await demo.delete("compute", f"/v2.1/images/{private}")).ok(403)
    assert (await get_image(demo, private))["team"] == "storage"
    own = await an_image(demo)
    (await demo.delete("compute", f"/v2.1/images/{own}")).ok(204)
    missing = (await demo.get("compute", f"/v2.1/images/{own}")).ok(404).json
    assert missing["itemNotFound"]["message"] == "Image not found."


async def test_the_lineage_says_who_set_a_property_through_the_proxy(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id, told = await an_image(demo, team="storage"), list[Any]()

    def hear(record: WireRecord) -> None:
        if record.kind in ("publish", "drop") and record.exchange == "stackwire":
            told.append(unwrap(record.body, record.properties).get("payload"))

    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    (await demo.post("compute", f"/v2.1/images/{image_id}/metadata", json={"metadata": {"note": "x"}})).ok(200)
    await cloud.settle()
    await watch.cancel()
    crossed = [each for each in told if each and each.get("rule")]
    assert [(each["rule"], each["from_kind"], each["to_id"], each["after"]) for each in crossed] == [
        ("image.update", "client", image_id, {"note": "x"})
    ]


# ---- volumes and snapshots


async def test_a_volume_is_made_shown_listed_and_deleted(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    wanted = {"size": "1", "display_name": "vol", "metadata": {"a": "b"}, "volume_type": ""}
    made = (await demo.post("compute", "/v2.1/os-volumes", json={"volume": wanted})).ok(200)
    volume = made.json["volume"]
    assert made.headers["Location"] == f"{demo.urls['compute']}/v2.1/os-volumes/{volume['id']}"
    await cloud.settle()
    shown = (await show(demo, f"/os-volumes/{volume['id']}", "2.35"))["volume"]
    original = await get_volume(demo, volume["id"])
    assert shown == {
        "id": volume["id"],
        "status": "available",
        "size": 1,
        "availabilityZone": "nova",
        "createdAt": original["created_at"],
        "attachments": [{}],
        "displayName": "vol",
        "displayDescription": None,
        "volumeType": original["volume_type"],
        "snapshotId": None,
        "metadata": {"a": "b"},
    }
    assert await show(demo, "/os-volumes/detail") == await show(demo, "/os-volumes") == {"volumes": [shown]}
    (await demo.delete("compute", f"/v2.1/os-volumes/{volume['id']}")).ok(202)
    await cloud.settle()
    (await demo.get("compute", f"/v2.1/os-volumes/{volume['id']}")).ok(404)


async def test_an_attached_volume_shows_where(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    volume_id = await a_volume(cloud, demo)
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    attach = {"volumeAttachment": {"volumeId": volume_id}}
    (await demo.post("compute", f"/v2.1/servers/{server_id}/os-volume_attachments", json=attach)).ok(200)
    await cloud.settle()
    assert (await show(demo, f"/os-volumes/{volume_id}"))["volume"]["attachments"] == [
        {"id": volume_id, "volumeId": volume_id, "serverId": server_id, "device": "/dev/vdb"}
    ]
    (await demo.delete("compute", f"/v2.1/os-volumes/{volume_id}")).ok(400)


async def test_volumes_are_listed_in_pages(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    names = ["c", "b", "a"]
    for name in reversed(names):
        await a_volume(cloud, demo, name=name)
    for query, listed in {
        "limit=2": names[:2],
        "limit=0": names,
        "offset=1": names[1:],
        "limit=1&offset=1": names[1:2],
        "offset=9": [],
    }.items():
        for path in ("os-volumes", "os-volumes/detail"):
            found = (await show(demo, f"/{path}?{query}"))["volumes"]
            assert [volume["displayName"] for volume in found] == listed
    for query in ("limit=-1", "offset=-1", "limit=x", "offset=x"):
        (await demo.get("compute", f"/v2.1/os-volumes?{query}")).ok(400)
    alt = await cloud.http("alt")
    assert await show(alt, "/os-volumes") == {"volumes": []}


async def test_a_snapshot_is_made_shown_listed_and_deleted(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    volume_id = await a_volume(cloud, demo)
    wanted = {"volume_id": volume_id, "display_name": "snap", "display_description": "d", "force": "false"}
    made = (await demo.post("compute", "/v2.1/os-snapshots", json={"snapshot": wanted})).ok(200).json["snapshot"]
    assert made["status"] == "creating"
    await cloud.settle()
    shown = (await show(demo, f"/os-snapshots/{made['id']}"))["snapshot"]
    assert shown == {
        "id": made["id"],
        "volumeId": volume_id,
        "status": "available",
        "size": 1,
        "createdAt": made["createdAt"],
        "displayName": "snap",
        "displayDescription": "d",
    }
    assert await show(demo, "/os-snapshots/detail") == await show(demo, "/os-snapshots") == {"snapshots": [shown]}
    copy = {"volume": {"size": 1, "snapshot_id": made["id"]}}
    volume = (await demo.post("compute", "/v2.1/os-volumes", json=copy)).ok(200).json["volume"]
    assert volume["snapshotId"] == made["id"]
    await cloud.settle()
    (await demo.delete("compute", f"/v2.1/os-snapshots/{made['id']}")).ok(202)
    await cloud.settle()
    (await demo.get("compute", f"/v2.1/os-snapshots/{made['id']}")).ok(404)


REFUSED: list[tuple[str, str, dict[str, Any], int]] = [
    ("os-volumes", "volume", {}, 400),
    ("os-volumes", "volume", {"size": 0}, 400),
    ("os-volumes", "volume", {"size": "x"}, 400),
    ("os-volumes", "volume", {"size": 1, "volume_type": None}, 400),
    ("os-volumes", "volume", {"size": 1, "volume_type": "nope"}, 404),  # Nova's own answer is 500
    ("os-volumes", "volume", {"size": 1, "display_name": None}, 400),
    ("os-volumes", "volume", {"size": 1, "display_name": "x" * 256}, 400),
    ("os-volumes", "volume", {"size": 1, "metadata": {"a": 1}}, 400),
    ("os-volumes", "volume", {"size": 1, "metadata": {"": "x"}}, 400),
    ("os-volumes", "volume", {"size": 1, "metadata": {"k": "x" * 256}}, 400),
    ("os-volumes", "volume", {"size": 1, "snapshot_id": "nope"}, 404),
    ("os-volumes", "volume", {"size": 1, "snapshot_id": ""}, 404),
    ("os-volumes", "volume", {"size": 1, "availability_zone": ""}, 400),
    ("os-volumes", "volume", {"size": 1, "availability_zone": "nope"}, 400),
    ("os-volumes", "volume", {"size": 1, "imageRef": NOBODY}, 400),
    ("os-volumes", "volume", {"size": 999999}, 403),
    ("os-snapshots", "snapshot", {}, 400),
    ("os-snapshots", "snapshot", {"volume_id": NOBODY}, 404),
    ("os-snapshots", "snapshot", {"volume_id": NOBODY, "force": "maybe"}, 400),
    ("os-snapshots", "snapshot", {"volume_id": NOBODY, "display_name": None}, 400),
]


async def test_a_volume_or_snapshot_that_cannot_be_is_refused(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    for path, key, fields, status in REFUSED:
        answer = await demo.post("compute", f"/v2.1/{path}", json={key: fields})
        assert answer.status == status, (path, fields)


# ---- their end


ENDS = [
    ("/images", "2.35", "2.36"),
    ("/images/detail", "2.35", "2.36"),
    ("/images/{image}", "2.35", "2.36"),
    ("/images/{image}/metadata", "2.38", "2.39"),
    ("/images/{image}/metadata/team", "2.38", "2.39"),
    ("/os-volumes", "2.35", "2.36"),
    ("/os-volumes/detail", "2.35", "2.36"),
    ("/os-snapshots", "2.35", "2.36"),
    ("/os-snapshots/detail", "2.35", "2.36"),
]


async def test_the_proxies_end_with_a_version(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, team="storage")
    for path, last, gone in ENDS:
        address = "/v2.1" + path.replace("{image}", image_id)
        assert (await demo.get("compute", address, headers=at(last))).status == 200, path
        answer = (await demo.get("compute", address, headers=at(gone))).ok(404).json
        assert answer == {"itemNotFound": {"code": 404, "message": "The resource could not be found."}}
