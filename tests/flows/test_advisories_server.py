"""Old holes of the compute service's originals that must not be here. ``support/advisories.py`` has the whole table."""

import pytest

from flows.test_server_api import VERSION, a_server, a_volume, act, an_image, from_volume, post_server, server, volume
from support.bad_input import refused
from support.cloud import ASharedCloud, JsonClient, TestCloud


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


async def test_cve_2013_0208_nobody_boots_anothers_volume(cloud: TestCloud, demo: JsonClient) -> None:
    alt = await cloud.http("alt")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    assert (await post_server(alt, block_device_mapping_v2=from_volume(volume_id))).status == 400
    shown = await volume(demo, volume_id)
    assert (shown["status"], shown["attachments"]) == ("available", [])


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


PLANTED = (b"QFI\xfb" + bytes([0, 0, 0, 3]) + (0x200).to_bytes(8, "big")).ljust(0x200, b"\0") + b"/etc/passwd"


async def test_cve_2015_7548_what_a_guest_wrote_is_the_snapshots_content_and_no_format(
    cloud: TestCloud, demo: JsonClient
) -> None:
    """The format of a disk is what is recorded, in a snapshot and through a rebuild; resize and rescue are refused."""
    image_id = await an_image(demo)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    (folder,) = cloud.cloud.options.data_dir.rglob(f"hosts/*/{server_id}")
    harmless = PLANTED[:8] + bytes(8) + PLANTED[16:]
    for bytes_, status in ((PLANTED, 404), (harmless, 200)):
        (folder / "disk").write_bytes(bytes_.ljust(4096, b"\0"))
        made = (await act(demo, server_id, createImage={"name": "snap"})).ok(202).json["image_id"]
        await cloud.settle()
        answer = await demo.get("image", f"/v2/images/{made}")
        assert answer.status == status
        if status == 200:
            assert (answer.json["disk_format"], answer.json["virtual_size"]) == ("raw", 4096)
            data = (await demo.get("image", f"/v2/images/{made}/file")).ok(200).body
            assert data == bytes_.ljust(4096, b"\0")
        assert (await server(demo, server_id))["status"] == "ACTIVE"
    (await act(demo, server_id, rebuild={"imageRef": image_id})).ok(202)
    await cloud.settle()
    assert (await server(demo, server_id))["status"] == "ACTIVE"
    assert (folder / "disk").read_bytes() == b"x" * 4096
    for action in ({"rescue": None}, {"resize": {"flavorRef": "1"}}):
        refused("compute", await act(demo, server_id, **action), 501)
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=VERSION)).ok(204)
    await cloud.settle()
