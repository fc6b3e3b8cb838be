"""Signed images on hosts: what a server boots from is what was signed, by whom its client trusts."""

from pathlib import Path
from typing import Any

import pytest

from support.builders.images import an_image, upload_image
from support.builders.servers import a_server, create_server, from_volume, get_server, request_server, server_action
from support.builders.volumes import a_volume
from support.cloud import ASharedCloud, JsonClient, TestCloud
from support.signatures import DATA, authority, signed_as

OWN, MIDDLE, ROOT, NOWHERE = (f"0a0b0c0d-0000-4000-8000-00000000001{n}" for n in range(4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The signer's certificate, and the two that lead to a root."""
    found = tmp_path_factory.mktemp("certificates")
    (found / OWN).write_bytes(authority("RSA-PSS", "signer", "middle", "ECC_SECP384R1", usage=False))
    (found / MIDDLE).write_bytes(authority("ECC_SECP384R1", "middle", "root", "ECC_SECP521R1"))
    (found / ROOT).write_bytes(authority("ECC_SECP521R1", "root", "root", "ECC_SECP521R1"))
    return found


@pytest.fixture(scope="module")
async def cloud(a_shared_cloud: ASharedCloud, folder: Path) -> TestCloud:
    settings = {name: {"certificate_dir": folder} for name in ("image", "compute")}
    cloud = await a_shared_cloud(settings=settings)
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    quotas = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{demo.project_id}", json=quotas)).ok(200)
    return cloud


async def a_signed_image(client: JsonClient, **more: str) -> str:
    wish = {"disk_format": "raw", "container_format": "bare", **signed_as("RSA-PSS", "SHA-256", OWN), **more}
    image_id = str((await client.post("image", "/v2/images", json=wish)).ok(201).json["id"])
    (await upload_image(client, image_id, DATA)).ok(204)
    return image_id


async def changed(client: JsonClient, image_id: str, name: str, value: str) -> None:
    patch = [{"op": "replace", "path": f"/{name}", "value": value}]
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    (await client.patch("image", f"/v2/images/{image_id}", json=patch, headers=headers)).ok(200)


async def failure(cloud: TestCloud, client: JsonClient, image_id: str, *trusted: str) -> str:
    """What the fault says of a server that may not boot from the image."""
    server = await create_server(cloud, client, imageRef=image_id, trusted_image_certificates=list(trusted))
    assert (server["status"], server["fault"]["code"]) == ("ERROR", 500)
    prefix, _, why = server["fault"]["message"].partition(" aborted: ")
    assert prefix == f"Build of instance {server['id']}"
    assert server["trusted_image_certificates"] == list(trusted)
    return str(why)


async def test_a_chain_of_trusted_certificates_leads_to_the_signer(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image = await a_signed_image(demo)
    server = await a_server(cloud, demo, imageRef=image, trusted_image_certificates=[ROOT, NOWHERE, MIDDLE])
    assert "trusted_image_certificates" not in await get_server(demo, server, "2.62")
    for given, then in (
        ({}, [ROOT, NOWHERE, MIDDLE]),
        ({"trusted_image_certificates": [MIDDLE, ROOT]}, [MIDDLE, ROOT]),
        ({"trusted_image_certificates": None}, None),
    ):
        rebuilt = (await server_action(demo, server, rebuild={"imageRef": image, **given})).ok(202).json["server"]
        assert rebuilt["trusted_image_certificates"] == then
        await cloud.settle()
        assert (await get_server(demo, server))["status"] == "ACTIVE"
    rebuild = {"imageRef": image, "trusted_image_certificates": [ROOT]}
    (await server_action(demo, server, rebuild=rebuild)).ok(202)
    await cloud.settle()
    lost = await get_server(demo, server)
    assert (lost["status"], lost["fault"]["message"].partition(". ")[0]) == (
        "ERROR", f"Image signature certificate validation failed for certificate: {OWN}"
    )  # fmt: skip


async def test_a_server_does_not_boot_from_what_its_client_does_not_trust(cloud: TestCloud, folder: Path) -> None:
    demo = await cloud.http("demo")
    signed = await a_signed_image(demo)
    for trusted in ([MIDDLE], [ROOT], [OWN], [NOWHERE], ["../secret"]):
        why = await failure(cloud, demo, signed, *trusted)
        assert why.startswith(f"Image signature certificate validation failed for certificate: {OWN}. "), trusted
    unsigned = await failure(cloud, demo, await an_image(demo), MIDDLE, ROOT)
    assert unsigned.startswith("Signature verification for the image failed: Required image properties")
    other = signed_as("RSA-PSS", "SHA-256", OWN, b"other data")["img_signature"]
    for name, value, why in (
        ("img_signature", other, "The data is not what was signed"),
        ("img_signature_certificate_uuid", NOWHERE, "Certificate not found with ID"),
    ):
        image = await a_signed_image(demo)
        await changed(demo, image, name, value)
        assert why in await failure(cloud, demo, image, MIDDLE, ROOT), name
        await a_server(cloud, demo, imageRef=image)  # nobody asks: nobody looks


async def test_a_snapshot_is_unsigned_and_so_no_rescue_and_no_shelved_image(cloud: TestCloud) -> None:
    """As in Nova: what a server of trusted certificates boots from later must be signed, too."""
    demo = await cloud.http("demo")
    image = await a_signed_image(demo)
    server = await a_server(cloud, demo, imageRef=image, trusted_image_certificates=[MIDDLE, ROOT])
    rescue = {"rescue_image_ref": await an_image(demo)}
    (await server_action(demo, server, rescue=rescue)).ok(200)
    await cloud.settle()
    assert "Required image properties" in (await get_server(demo, server))["fault"]["message"]
    server = await a_server(cloud, demo, imageRef=image, trusted_image_certificates=[MIDDLE, ROOT])
    (await server_action(demo, server, shelve=None)).ok(202)
    await cloud.settle()
    (await server_action(demo, server, "2.76", unshelve=None)).ok(202)
    await cloud.settle()
    lost = await get_server(demo, server)
    faults = await cloud.rows("compute", f"SELECT message FROM instance_faults WHERE instance_uuid = '{server}'")
    assert (lost["status"], lost["OS-EXT-STS:task_state"]) == ("SHELVED_OFFLOADED", None)
    assert "Required image properties" in faults[0]["message"]


async def test_certificates_that_cannot_be_meant_are_refused(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image = await an_image(demo)
    for bad in ([], ["a", "a"], [""], ["a"] * 51):
        assert (await request_server(demo, imageRef=image, trusted_image_certificates=bad)).status == 400, bad
    early: Any = {"OpenStack-API-Version": "compute 2.62"}
    assert (await request_server(demo, imageRef=image, trusted_image_certificates=["a"], version=early)).status == 400
    devices = {"block_device_mapping_v2": from_volume(await a_volume(cloud, demo, imageRef=image))}
    assert (await request_server(demo, **devices, trusted_image_certificates=["a"])).status == 400


async def test_what_the_settings_trust_counts_where_the_client_names_nothing(
    a_shared_cloud: ASharedCloud, folder: Path
) -> None:
    own = {"verify_glance_signatures": True, "enable_certificate_validation": True, "certificate_dir": folder,
           "default_trusted_certificate_ids": (MIDDLE, ROOT)}  # fmt: skip
    cloud = await a_shared_cloud(settings={"image": {"certificate_dir": folder}, "compute": own})
    demo = await cloud.http("demo")
    server = await a_server(cloud, demo, imageRef=await a_signed_image(demo))
    assert (await get_server(demo, server))["trusted_image_certificates"] == [MIDDLE, ROOT]
    lost = await create_server(cloud, demo, imageRef=await an_image(demo))
    assert (lost["status"], lost["trusted_image_certificates"]) == ("ERROR", [MIDDLE, ROOT])
    volume = await a_volume(cloud, demo, imageRef=await an_image(demo))
    refused = (await request_server(demo, block_device_mapping_v2=from_volume(volume))).ok(400)
    assert "Image certificate validation is not supported" in refused.body.decode()
