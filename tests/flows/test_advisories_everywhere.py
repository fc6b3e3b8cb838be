"""Old holes that concern every service. ``support/advisories.py`` has the whole table."""

import pytest

from flows.test_server_api import VERSION, a_server, a_volume, an_image
from support.cloud import ASharedCloud, JsonClient, TestCloud


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


async def test_cve_2012_0030_the_project_of_a_path_is_not_believed(cloud: TestCloud, demo: JsonClient) -> None:
    alt = await cloud.http("alt")
    await a_volume(cloud, alt)
    assert (await demo.get("compute", f"/v2.1/{alt.project_id}/servers")).status == 400
    assert (await demo.get("volume", f"/v3/{alt.project_id}/volumes")).status == 400


async def test_ossn_0103_another_project_in_a_filter_shows_nothing_more(cloud: TestCloud, demo: JsonClient) -> None:
    alt = await cloud.http("alt")
    await an_image(demo)
    await a_volume(cloud, demo)
    owned = f"/v2/images?owner={demo.project_id}&visibility=private"
    assert (await alt.get("image", owned)).ok(200).json["images"] == []
    query = f"all_tenants=1&project_id={demo.project_id}"
    assert (await alt.get("volume", f"/v3/{{project_id}}/volumes/detail?{query}")).ok(200).json["volumes"] == []
    answer = await alt.get("compute", f"/v2.1/servers?tenant_id={demo.project_id}", headers=VERSION)
    assert answer.status in (400, 403) or answer.ok(200).json["servers"] == []


async def test_ossn_0102_a_part_is_found_only_in_its_whole(cloud: TestCloud, demo: JsonClient) -> None:
    """Both are the caller's own; what hangs on one is not there on the other."""
    alt = await cloud.http("alt")
    one, other = [await an_image(demo, visibility="shared", tags=[name]) for name in ("one", "other")]
    first, second = [await a_server(cloud, demo, imageRef=image) for image in (one, other)]
    volume_id = await a_volume(cloud, demo)
    attach = {"volumeAttachment": {"volumeId": volume_id}}
    path = f"/v2.1/servers/{first}/os-volume_attachments"
    (await demo.post("compute", path, json=attach, headers=VERSION)).ok(200)
    await cloud.settle()
    (await demo.post("image", f"/v2/images/{one}/members", json={"member": alt.project_id})).ok(200)
    wrong = [
        ("GET", "compute", f"/v2.1/servers/{second}/os-volume_attachments/{volume_id}", None),
        ("DELETE", "compute", f"/v2.1/servers/{second}/os-volume_attachments/{volume_id}", None),
        ("GET", "image", f"/v2/images/{other}/members/{alt.project_id}", None),
        ("PUT", "image", f"/v2/images/{other}/members/{alt.project_id}", {"status": "accepted"}),
        ("DELETE", "image", f"/v2/images/{other}/members/{alt.project_id}", None),
        ("DELETE", "image", f"/v2/images/{other}/tags/one", None),
    ]
    for verb, service, asked, body in wrong:
        client = alt if verb == "PUT" else demo
        answer = await client.request(verb, service, asked, json=body, headers=VERSION)
        assert answer.status == 404, (verb, asked, answer.body)
    assert len((await demo.get("compute", path, headers=VERSION)).ok(200).json["volumeAttachments"]) == 1
    (member,) = (await demo.get("image", f"/v2/images/{one}/members")).ok(200).json["members"]
    assert member["status"] == "pending"
    for server_id in (first, second):
        (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=VERSION)).ok(204)
    await cloud.settle()
