"""What a client gives a server besides its image: files, certificates it trusts, a key pair that is a certificate."""

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image
from support.builders.servers import SERVERS, a_server, request_server, server_action
from support.builders.volumes import a_volume
from support.cloud import Answer, JsonClient, TestCloud

KEYPAIRS = "/v2.1/os-keypairs"


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


def a_file(path: str, content: str = "hello") -> dict[str, str]:
    return {"path": path, "contents": base64.b64encode(content.encode()).decode()}


def on_the_drive(cloud: TestCloud, server_id: str) -> dict[str, str]:
    """The files on a server's config drive, by the path that the guest is told."""
    (drive,) = cloud.cloud.options.data_dir.rglob(f"{server_id}/config_drive/openstack")
    described = json.loads((drive / "latest" / "meta_data.json").read_text())["files"]
    return {each["path"]: (drive / each["content_path"].lstrip("/")).read_text() for each in described}


async def test_files_are_written_into_a_new_and_into_a_rebuilt_server(cloud: TestCloud, demo: JsonClient) -> None:
    image = await an_image(demo)
    files = [a_file("/etc/motd"), a_file("../../escape", "no")]
    server_id = await a_server(cloud, demo, imageRef=image, personality=files, version=at("2.56"))
    assert on_the_drive(cloud, server_id) == {"/etc/motd": "hello", "../../escape": "no"}
    output = (await server_action(demo, server_id, **{"os-getConsoleOutput": {}})).ok(200).json["output"]
    assert "wrote '/etc/motd', 5 bytes" in output
    rebuild = {"imageRef": image, "personality": [a_file("/other", "x")]}
    (await server_action(demo, server_id, "2.56", rebuild=rebuild)).ok(202)
    await cloud.settle()
    assert on_the_drive(cloud, server_id) == {"/other": "x"}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([{"path": "/a"}], 400), ([{"path": "/a", "contents": "Y"}], 400), (None, 400), ({}, 400),
        ([a_file("/a")] * 6, 403), ([a_file("/" + "a" * 255)], 403), ([a_file("/a", "x" * 8000)], 403),
    ],
)  # fmt: skip
async def test_files_that_are_none_or_too_many_are_refused(demo: JsonClient, files: Any, status: int) -> None:
    answer = await request_server(demo, imageRef=await an_image(demo), personality=files, version=at("2.56"))
    assert answer.status == status
    assert (await request_server(demo, imageRef=await an_image(demo), personality=[])).status == 400, "ended in 2.57"


async def keypair(client: JsonClient, version: str = "2.91", **fields: Any) -> Answer:
    return await client.post("compute", KEYPAIRS, json={"keypair": fields}, headers=at(version))


async def test_a_certificate_is_a_key_pair(demo: JsonClient) -> None:
    made = (await keypair(demo, name="win", type="x509")).ok(201).json["keypair"]
    certificate = x509.load_pem_x509_certificate(made["public_key"].encode())
    assert certificate.subject.rfc4514_string() == f"CN={made['user_id']}"
    key, inside, _ = pkcs12.load_key_and_certificates(base64.b64decode(made["private_key"]), None)
    assert (inside, key is not None) == (certificate, True)
    assert len(made["fingerprint"].split(":")) == 20
    imported = (await keypair(demo, "2.92", name="win2", type="x509", public_key=made["public_key"])).ok(201)
    assert imported.json["keypair"]["fingerprint"] == made["fingerprint"]
    assert (await keypair(demo, name="bad", type="x509", public_key="ssh-rsa AAAA")).status == 400
    assert (await keypair(demo, "2.92", name="bad", type="x509")).status == 400
    assert (await keypair(demo, "2.1", name="bad", type="x509")).status == 400
    listed = (await demo.get("compute", KEYPAIRS, headers=at("2.2"))).ok(200).json["keypairs"]
    assert {each["keypair"]["type"] for each in listed} == {"x509"}


async def test_key_pairs_are_announced(cloud: TestCloud, demo: JsonClient) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []

    def hear(record: WireRecord) -> None:
        message = unwrap(record.body, record.properties) if record.kind == "publish" else {}
        if str(message.get("event_type")).startswith("keypair."):
            heard.append((message["event_type"], message["payload"]))

    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    key = (await keypair(demo, name="mine")).ok(201).json["keypair"]
    (await demo.delete("compute", f"{KEYPAIRS}/mine")).ok(202)
    (await keypair(demo, name="again", public_key=key["public_key"])).ok(201)
    await cloud.settle()
    await watch.cancel()
    assert [name for name, _ in heard] == [
        f"keypair.{verb}.{phase}"
        for verb in ("create", "delete", "import")
        for phase in ("start", "start", "end", "end")
    ]
    assert heard[0][1] == {"tenant_id": demo.project_id, "user_id": key["user_id"], "key_name": "mine"}
    began, ended = (heard[place][1]["nova_object.data"] for place in (1, 2))
    assert (began["public_key"], began["fingerprint"]) == (None, None)
    assert (ended["public_key"], ended["fingerprint"]) == (key["public_key"], key["fingerprint"])


async def test_what_an_attachment_is_does_not_change(cloud: TestCloud, demo: JsonClient) -> None:
    admin, server_id = await cloud.http("admin"), await a_server(cloud, demo, imageRef=await an_image(demo))
    volume = await a_volume(cloud, demo)
    path = f"{SERVERS}/{server_id}/os-volume_attachments"
    shown = (await demo.post("compute", path, json={"volumeAttachment": {"volumeId": volume}})).ok(200).json
    device = shown["volumeAttachment"]["device"]
    await cloud.settle()

    async def put(client: JsonClient, version: str, **fields: Any) -> int:
        body = {"volumeAttachment": {"volumeId": volume, **fields}}
        return (await client.put("compute", f"{path}/{volume}", json=body, headers=at(version))).status

    whole = {"id": volume, "serverId": server_id, "device": device, "delete_on_termination": True}
    assert await put(demo, "2.85", **whole) == 202
    assert await put(demo, "2.85") == 202
    for changed in ({"id": server_id}, {"serverId": volume}, {"device": "/dev/vdz"}, {"device": None}, {"tag": "t"}):
        assert await put(demo, "2.85", **changed) == 400, changed
    assert (await put(demo, "2.84"), await put(admin, "2.84")) == (403, 409), "each change was a swap"
    assert await put(demo, "2.84", device=device) == 400
