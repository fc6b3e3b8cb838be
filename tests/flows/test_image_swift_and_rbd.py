"""What goes wrong in Swift and in Ceph alone: the API's own errors, and the image as it was."""

from typing import Any

from support.builders.images import a_queued_image, an_image, get_image
from support.ceph import APool
from support.cloud import ACloud, JsonClient
from support.swift import ASwift

TWO = ("identity", "image")
OCTETS = {"Content-Type": "application/octet-stream"}
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
DATA = bytes(range(251)) * 17000  # more than four segments


def both(kind: str, **options: Any) -> dict[str, Any]:
    named = {"enabled_backends": f"far:{kind}, near:file", "default_backend": "far"}
    return {"image": {**named, "show_multiple_locations": True, **options}}


async def located(client: JsonClient, url: str, status: int) -> str:
    queued = await a_queued_image(client)
    wish = [{"op": "add", "path": "/locations/-", "value": {"url": url, "metadata": {}}}]
    (await client.patch("image", f"/v2/images/{queued}", json=wish, headers=PATCH)).ok(status)
    return queued


async def test_an_image_that_lost_a_segment_is_not_sent_and_stays(a_cloud: ACloud, a_swift: ASwift) -> None:
    cloud = await a_cloud(services=TWO, settings=both("swift", **a_swift.options()))
    client, account = await cloud.http(), await a_swift.account()
    image_id = await an_image(client, DATA)
    [name] = [key for key in await account.keys(a_swift.container) if "-0000" not in key]
    await account.delete(a_swift.container, f"{name}-00003")
    answer = (await client.get("image", f"/v2/images/{image_id}/file")).ok(503)
    assert name.encode() not in answer.body
    assert (await get_image(client, image_id))["status"] == "active"
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert await account.keys(a_swift.container) == []


async def test_an_upload_into_a_container_that_does_not_exist_is_refused_and_makes_none(
    a_cloud: ACloud, a_swift: ASwift
) -> None:
    options = a_swift.options(swift_store_create_container_on_put=False)
    cloud = await a_cloud(services=TWO, settings=both("swift", **options))
    client = await cloud.http()
    queued = await a_queued_image(client)
    (await client.put("image", f"/v2/images/{queued}/file", data=DATA, headers=OCTETS)).ok(503)
    assert (await get_image(client, queued))["status"] == "queued"
    assert await (await a_swift.account()).containers(a_swift.container) == []


async def test_locations_of_no_store_that_is_configured_are_refused(a_cloud: ACloud, a_swift: ASwift) -> None:
    cloud = await a_cloud(services=TWO, settings=both("swift", **a_swift.options()))
    admin, address = await cloud.http("admin"), a_swift.identity.auth_url.removeprefix("http://")
    for url in (
        "rbd://pool", "swift+http://elsewhere/v3/c/o", "swift+config://ref1/c/o", "vmware://host/folder/disk",
        f"swift+http://{address}/none/o", f"swift+http://{address}/{a_swift.container}",
    ):  # fmt: skip
        await located(admin, url, 400)
    account = await a_swift.account()
    await account.put(f"{a_swift.container}-others", "disk", b"of somebody else")
    image_id = await located(admin, f"swift+http://{address}/{a_swift.container}-others/disk", 200)
    assert (await admin.get("image", f"/v2/images/{image_id}/file")).ok(200).body == b"of somebody else"
    (await admin.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert await account.keys(f"{a_swift.container}-others") == ["disk"]


async def test_an_image_of_which_volumes_are_clones_stays_where_it_is(a_cloud: ACloud, a_pool: APool) -> None:
    cloud = await a_cloud(services=TWO, settings=both("rbd", **a_pool.options()))
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await an_image(client, DATA)
    copy = {"method": {"name": "copy-image"}, "stores": ["near"]}
    (await admin.post("image", f"/v2/images/{image_id}/import", json=copy)).ok(202)
    await cloud.settle()
    before = await get_image(client, image_id)
    [name] = a_pool.names()
    assert before["locations"][0]["url"].endswith(f"/{a_pool.name}/{name}/snap")
    a_pool.rbd("clone", f"@{name}@snap", "@volume")

    answer = (await client.delete("image", f"/v2/images/{image_id}")).ok(409)
    assert f"Image {image_id} could not be deleted because it is in use".encode() in answer.body
    (await admin.delete("image", f"/v2/stores/far/{image_id}")).ok(409)
    wish = [{"op": "remove", "path": "/locations/0"}]
    (await admin.patch("image", f"/v2/images/{image_id}", json=wish, headers=PATCH)).ok(409)
    assert await get_image(client, image_id) == before
    assert (await client.get("image", f"/v2/images/{image_id}/file")).ok(200).body == DATA

    with a_pool.ceph.away():
        (await client.delete("image", f"/v2/images/{image_id}")).ok(503)
    assert await get_image(client, image_id) == before
    a_pool.rbd("rm", "@volume")
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert a_pool.names() == []


async def test_images_of_rbd_that_are_not_there_are_no_locations(a_cloud: ACloud, a_pool: APool) -> None:
    cloud = await a_cloud(services=TWO, settings=both("rbd", **a_pool.options()))
    admin, fsid = await cloud.http("admin"), a_pool.ceph.fsid
    for url in ("rbd://none", "rbd://a/b", f"rbd://{fsid}/elsewhere/disk/snap", f"rbd://{fsid}//disk/snap"):
        await located(admin, url, 400)
