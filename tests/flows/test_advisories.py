"""Old holes of the originals that must not be here: each test names the advisory it stands for.

These have their tests elsewhere:

- CVE-2013-2096, 4463, 4469 (a small file that unfolds):
  test_bad_input_volume and test_bad_input_server, rows 112 and 152
- CVE-2013-4428 (the cache before the policy):
  test_image_cache: test_who_is_forbidden_to_download_is_so_though_the_bytes_are_cached
- CVE-2014-5356 (no cap): test_image_data: test_one_byte_over_the_cap_is_too_many_however_it_is_sent
- CVE-2014-9623 (deleted while it is uploaded):
  test_image_data: test_an_image_deleted_during_its_upload_takes_its_bytes_with_it
- CVE-2015-5251 (a header makes it active):
  here, and test_bad_input_image: test_headers_of_the_first_api_mean_nothing
- CVE-2017-7214, CVE-2017-2592 (tokens in errors):
  unit/messaging/test_failure: test_no_secret_leaves_in_a_failure; unit/core/test_context
- CVE-2022-47951, CVE-2024-32498, CVE-2024-40767 (what a format hides):
  test_image_bytes: test_what_bytes_may_be_called
- CVE-2026-34881 (redirects to this machine): contract/image/test_web; test_web_download
- CVE-2015-5163 (imports): test_image_import: test_content_that_would_not_be_uploaded_is_not_imported
- CVE-2016-4383 (ids taken again): test_bad_input_image: test_an_id_is_taken_for_ever
- CVE-2016-8611 (images without end):
  test_image_usage: test_what_would_be_more_than_a_limit_is_refused_and_costs_nothing
- CVE-2013-4354 (images pushed into lists), OSSN-0015, bug 1916926: test_image_isolation
- CVE-2014-1948, 7230 (passwords told): unit/messaging/test_options; unit/trace/test_redact
- OSSN-0105 (tasks): test_image_tasks: test_tasks_are_for_administrators
- OSSN-0061 (signatures): test_image_signatures
- CVE-2013-4183 (data left): test_volume_basics: test_an_empty_volume_becomes_available_and_reads_as_zeroes
- CVE-2013-1664 (XML): test_bad_input_transport, row 12
- CVE-2013-4261 (a message that kills): contract/transports/test_rpc: test_poison_is_rejected_and_the_consumer_lives
- CVE-2014-0167 (a second door): test_volume_calls: test_the_bus_is_no_back_door
- CVE-2012-2101, 2013-1838 (no quota): test_bad_input_*, rows 36, 49, 123, 158, 159
- CVE-2026-22797 (headers of identity): test_bad_input_transport: test_headers_of_a_client_give_no_standing

There is nothing here to have: shells, consoles, rescue and resize, stores with passwords, encrypted or swapped volumes.
"""

from typing import Any

import pytest

from flows.test_server_api import VERSION, a_server, a_volume, an_image, from_volume, post_server, volume
from support.bad_input import refused
from support.cloud import ASharedCloud, JsonClient, TestCloud

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


async def image(client: JsonClient, image_id: str) -> Any:
    return (await client.get("image", f"/v2/images/{image_id}")).ok(200).json


async def test_cve_2012_0030_the_project_of_a_path_is_not_believed(cloud: TestCloud, demo: JsonClient) -> None:
    alt = await cloud.http("alt")
    await a_volume(cloud, alt)
    assert (await demo.get("compute", f"/v2.1/{alt.project_id}/servers")).status == 400
    assert (await demo.get("volume", f"/v3/{alt.project_id}/volumes")).status == 400


async def test_cve_2012_4573_every_verb_asks_who_owns_the_image(cloud: TestCloud, demo: JsonClient) -> None:
    alt, admin = await cloud.http("alt"), await cloud.http("admin")
    image_id = await an_image(demo)
    before = await image(demo, image_id)
    change = [{"op": "add", "path": "/a", "value": "b"}]
    for published, status in ((False, 404), (True, 403)):
        if published:
            publish = [{"op": "replace", "path": "/visibility", "value": "public"}]
            (await admin.patch("image", f"/v2/images/{image_id}", json=publish, headers=PATCH)).ok(200)
            before = await image(demo, image_id)
        path = f"/v2/images/{image_id}"
        assert (await alt.delete("image", path)).status == status
        assert (await alt.patch("image", path, json=change, headers=PATCH)).status == status
        assert (await alt.put("image", f"{path}/file", data=b"x", headers=OCTETS)).status == status
        assert (await alt.put("image", f"{path}/tags/t")).status == status
        assert await image(demo, image_id) == before
    (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200)


async def test_cve_2013_0208_nobody_boots_anothers_volume(cloud: TestCloud, demo: JsonClient) -> None:
    alt = await cloud.http("alt")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    assert (await post_server(alt, block_device_mapping_v2=from_volume(volume_id))).status == 400
    shown = await volume(demo, volume_id)
    assert (shown["status"], shown["attachments"]) == ("available", [])


async def test_cve_2014_9493_and_2016_0757_places_of_data_are_not_the_users(demo: JsonClient) -> None:
    image_id = await an_image(demo)
    before = await image(demo, image_id)
    for change in (
        {"op": "add", "path": "/locations/-", "value": {"url": "file:///etc/passwd", "metadata": {}}},
        {"op": "remove", "path": "/locations/0"},
        {"op": "replace", "path": "/locations", "value": []},
    ):
        assert (await demo.patch("image", f"/v2/images/{image_id}", json=[change], headers=PATCH)).status == 403
    assert (await demo.put("image", f"/v2/images/{image_id}/file", data=b"y", headers=OCTETS)).status == 409
    assert await image(demo, image_id) == before


async def test_cve_2015_5251_a_header_does_not_make_an_image_active(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    image_id = await an_image(demo)
    path = f"/v2/images/{image_id}"
    (await admin.post("image", f"{path}/actions/deactivate")).ok(204)
    headers = {"x-image-meta-status": "active"}
    assert (await demo.put("image", path, headers=headers)).status in (404, 405)
    change = [{"op": "replace", "path": "/status", "value": "active"}]
    assert (await demo.patch("image", path, json=change, headers=PATCH | headers)).status == 403
    assert (await demo.get("image", f"{path}/file", headers=headers)).status == 403
    assert (await image(demo, image_id))["status"] == "deactivated"


async def test_cve_2023_2088_a_user_does_not_detach_behind_the_servers_back(cloud: TestCloud, demo: JsonClient) -> None:
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    (row,) = await cloud.rows("volume", "SELECT id FROM volume_attachment WHERE volume_id = $1", volume_id)
    newest = {"OpenStack-API-Version": "volume 3.70"}
    path = f"/v3/{{project_id}}/attachments/{row['id']}"
    assert (await demo.delete("volume", path, headers=newest)).status == 409
    for action in ("os-detach", "os-terminate_connection"):
        arguments = {"connector": {}} if action == "os-terminate_connection" else {"attachment_id": row["id"]}
        answer = await demo.post("volume", f"/v3/{{project_id}}/volumes/{volume_id}/action", json={action: arguments})
        refused("volume", answer, 409)
    shown = await volume(demo, volume_id)
    assert (shown["status"], len(shown["attachments"])) == ("in-use", 1)
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=VERSION)).ok(204)
    await cloud.settle()
    assert (await volume(demo, volume_id))["status"] == "available"


@pytest.mark.parametrize("url", ["FILE:///etc/passwd", "filesystem:///x", "file+x:///x", " file:///x", "data:,x"])
async def test_cve_2015_1195_no_scheme_is_a_way_in(demo: JsonClient, url: str) -> None:
    image_id = (await demo.post("image", "/v2/images", json={"name": "i"})).ok(201).json["id"]
    before = await image(demo, image_id)
    change = [{"op": "add", "path": "/locations/-", "value": {"url": url, "metadata": {}}}]
    refused("image", await demo.patch("image", f"/v2/images/{image_id}", json=change, headers=PATCH), 403)
    assert await image(demo, image_id) == before


async def test_cve_2015_1851_and_2014_3641_what_a_guest_wrote_is_no_format(cloud: TestCloud, demo: JsonClient) -> None:
    planted = (b"QFI\xfb" + bytes([0, 0, 0, 3]) + (0x200).to_bytes(8, "big")).ljust(0x200, b"\0") + b"/etc/passwd"
    source = await a_volume(cloud, demo)
    (disk,) = cloud.cloud.options.data_dir.rglob(f"volume-{source}")
    with disk.open("r+b") as file:
        file.write(planted)
    clone = await a_volume(cloud, demo, source_volid=source)
    assert (await volume(demo, clone))["status"] == "available"
    (copied,) = cloud.cloud.options.data_dir.rglob(f"volume-{clone}")
    with copied.open("rb") as file:
        assert file.read(len(planted) + 4) == planted + bytes(4)


async def test_cve_2017_18191_an_encrypted_volumes_image_does_not_boot(demo: JsonClient) -> None:
    image_id = await an_image(demo, cinder_encryption_key_id="11111111-1111-4111-8111-111111111111")
    refused("compute", await post_server(demo, imageRef=image_id), 400)


async def test_cve_2013_2256_a_private_flavor_is_not_there_for_others(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    flavor = {"name": "hidden", "ram": 64, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": False}
    made = (await admin.post("compute", "/v2.1/flavors", json={"flavor": flavor}, headers=VERSION)).ok(200).json
    flavor_id = made["flavor"]["id"]
    refused("compute", await demo.get("compute", f"/v2.1/flavors/{flavor_id}", headers=VERSION), 404)
    listed = (await demo.get("compute", "/v2.1/flavors", headers=VERSION)).ok(200).json["flavors"]
    assert flavor_id not in {each["id"] for each in listed}
    refused("compute", await post_server(demo, flavorRef=flavor_id, imageRef=await an_image(demo)), 400)


async def test_what_hangs_on_a_server_is_its_own_projects(cloud: TestCloud, demo: JsonClient) -> None:
    """CVE-2013-6419 (metadata by a guessed id), OSSN-0094 (a swap by hand), bug 1740950 (hosts told)."""
    alt, admin = await cloud.http("alt"), await cloud.http("admin")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    for path in ("metadata", "os-volume_attachments", f"os-volume_attachments/{volume_id}", "tags", "ips"):
        refused("compute", await alt.get("compute", f"/v2.1/servers/{server_id}/{path}", headers=VERSION), 404)
    other = await a_volume(cloud, demo)
    swap = {"volumeAttachment": {"volumeId": other}}
    path = f"/v2.1/servers/{server_id}/os-volume_attachments/{volume_id}"
    for client in (demo, admin):
        refused("compute", await client.put("compute", path, json=swap, headers=VERSION), 403)
    (attachment,) = (await volume(demo, volume_id))["attachments"]
    assert attachment["host_name"] is None
    (attachment,) = (await volume(admin, volume_id))["attachments"]
    assert attachment["host_name"]
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=VERSION)).ok(204)
    await cloud.settle()


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
