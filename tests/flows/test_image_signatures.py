"""Signed images: what is kept is what was signed, by a certificate that may be believed; else nothing is kept."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from support.builders.images import get_image, upload_image
from support.cloud import ASharedCloud, JsonClient, TestCloud
from support.signatures import DATA, HASHES, certificate, signed_as

OCTETS = {"Content-Type": "application/octet-stream"}


class Barbican:
    """A key manager: what a secret's id gives, as bytes of a form or as a status; and who asked for it."""

    def __init__(self) -> None:
        self.secrets: dict[str, tuple[str, bytes] | int] = {}
        self.asked: list[tuple[str, str]] = []

    async def payload(self, request: web.Request) -> web.Response:
        self.asked.append((request.match_info["id"], request.headers["X-Auth-Token"]))
        secret = self.secrets.get(request.match_info["id"], 404)
        if isinstance(secret, int):
            return web.Response(status=secret, headers={"Location": "/elsewhere"})
        if request.headers["Accept"] != secret[0]:
            return web.Response(status=406)
        return web.Response(body=secret[1], headers={"Content-Type": secret[0]})


Believing = tuple[TestCloud, JsonClient, Path, Barbican]


@pytest.fixture(scope="module")
async def believing(a_shared_cloud: ASharedCloud, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Believing]:
    """A cloud that looks for certificates in a folder and at a Barbican."""
    folder, manager, app = tmp_path_factory.mktemp("certificates"), Barbican(), web.Application()
    app.router.add_get("/v1/secrets/{id}/payload", manager.payload)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    cloud = await a_shared_cloud(settings={"image": {"certificate_dir": folder, "barbican_url": url}})
    yield cloud, await cloud.http("demo"), folder, manager
    await runner.cleanup()


async def a_signed_image(client: JsonClient, kind: str, method: str, named: str, **more: Any) -> str:
    wish = {"disk_format": "raw", "container_format": "bare", **signed_as(kind, method, named), **more}
    asked = {name: value for name, value in wish.items() if value is not None}
    return str((await client.post("image", "/v2/images", json=asked)).ok(201).json["id"])


def kept(cloud: TestCloud) -> list[str]:
    root = Path(cloud.cloud.options.data_dir) / "image"
    return sorted(path.name for path in root.rglob("*") if path.is_file())


async def test_each_kind_of_key_with_each_hash(believing: Believing) -> None:
    cloud, demo, folder, _ = believing
    for kind in ("RSA-PSS", "DSA", "ECC_SECP384R1", "ECC_SECP521R1"):
        named = str(uuid4())
        (folder / f"{named}.pem").write_bytes(certificate(kind))
        for method in HASHES:
            image_id = await a_signed_image(demo, kind, method, named)
            before = kept(cloud)
            refused = (await upload_image(demo, image_id, DATA[:-1] + b"!")).ok(400)
            assert b"The data is not what was signed" in refused.body
            image = await get_image(demo, image_id)
            assert (image["status"], image["size"], kept(cloud)) == ("queued", None, before), (kind, method)
            (await upload_image(demo, image_id, DATA)).ok(204)
            assert (await get_image(demo, image_id))["status"] == "active"
            assert (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200).body == DATA


NAMED, LATE, EARLY, ROTTEN, HUGE, NOWHERE = (f"0a0b0c0d-0000-4000-8000-00000000000{n}" for n in range(6))


@pytest.mark.parametrize(
    ("kind", "method", "named", "more", "why"),
    [
        ("RSA-PSS", "MD5", NAMED, {}, "Invalid signature hash method: MD5"),
        ("RSA-PSS", "SHA-1", NAMED, {}, "Invalid signature hash method"),
        ("RSA-PSS", "SHA-256", LATE, {}, "not valid at this time"),
        ("RSA-PSS", "SHA-256", EARLY, {}, "not valid at this time"),
        ("RSA-PSS", "SHA-256", ROTTEN, {}, "Invalid certificate format"),
        ("RSA-PSS", "SHA-256", HUGE, {}, "Invalid certificate format"),
        ("RSA-PSS", "SHA-256", NOWHERE, {}, "Certificate not found"),
        ("RSA-PSS", "SHA-256", "../" + NAMED, {}, "Certificate not found"),
        ("RSA-PSS", "SHA-256", NAMED, {"img_signature_key_type": "RSA"}, "Invalid signature key type: RSA"),
        ("RSA-PSS", "SHA-256", NAMED, {"img_signature_key_type": "DSA"}, "Invalid public key type"),
        ("RSA-PSS", "SHA-256", NAMED, {"img_signature_key_type": "ECC_SECP384R1"}, "Invalid public key type"),
        ("RSA-PSS", "SHA-256", NAMED, {"img_signature": "no base64!"}, "not properly encoded"),
        ("RSA-PSS", "SHA-256", NAMED, {"img_signature": ""}, "not what was signed"),
        ("RSA-PSS", "SHA-256", NAMED, {"img_signature_hash_method": "SHA-512"}, "not what was signed"),
        ("ECC_SECP384R1", "SHA-256", NAMED, {"img_signature_key_type": "RSA-PSS"}, "not what was signed"),
    ],
)
async def test_what_cannot_be_believed_is_not_kept(
    believing: Believing,
    kind: str, method: str, named: str, more: dict[str, str], why: str,
) -> None:  # fmt: skip
    cloud, demo, folder, _ = believing
    (folder / NAMED).write_bytes(certificate("RSA-PSS", form=serialization.Encoding.DER))
    (folder / LATE).write_bytes(certificate("RSA-PSS", begins=-9, ends=-1))
    (folder / EARLY).write_bytes(certificate("RSA-PSS", begins=1, ends=9))
    (folder / ROTTEN).write_bytes(b"-----BEGIN CERTIFICATE-----\nno\n")
    (folder / HUGE).write_bytes(b"x" * 100_000)
    image_id, before = await a_signed_image(demo, kind, method, named, **more), kept(cloud)
    answer = (await upload_image(demo, image_id, DATA)).ok(400)
    assert why in answer.body.decode()
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"], image["checksum"], kept(cloud)) == ("queued", None, None, before)


async def test_an_image_that_is_not_wholly_signed_is_not_signed(believing: Believing) -> None:
    _, demo, _, _ = believing
    image_id = await a_signed_image(demo, "RSA-PSS", "SHA-256", str(uuid4()), img_signature=None)
    (await upload_image(demo, image_id, DATA)).ok(204)


async def test_certificates_are_fetched_from_barbican_with_the_users_token(believing: Believing) -> None:
    cloud, demo, _, barbican = believing
    alt = await cloud.http("alt")
    pem, der, shut, moved = (str(uuid4()) for _ in range(4))
    barbican.secrets = {
        pem: ("text/plain", certificate("RSA-PSS")),
        der: ("application/octet-stream", certificate("RSA-PSS", form=serialization.Encoding.DER)),
        shut: 403,
        moved: 302,
    }
    for named, status in ((pem, 204), (der, 204), (shut, 400), (moved, 400), (str(uuid4()), 400)):
        (await upload_image(demo, await a_signed_image(demo, "RSA-PSS", "SHA-256", named), DATA)).ok(status)
    (await upload_image(alt, await a_signed_image(alt, "RSA-PSS", "SHA-256", pem), DATA)).ok(204)
    assert {token for named, token in barbican.asked if named == der} == {demo.token}
    assert {token for named, token in barbican.asked if named == pem} == {demo.token, alt.token}


async def test_an_import_is_verified_too(believing: Believing) -> None:
    cloud, demo, _, barbican = believing
    named, before = str(uuid4()), kept(cloud)
    barbican.secrets[named] = ("text/plain", certificate("ECC_SECP521R1"))
    for data, status in ((DATA, "active"), (DATA[1:], "queued")):
        image_id = await a_signed_image(demo, "ECC_SECP521R1", "SHA-512", named)
        path = f"/v2/images/{image_id}"
        (await demo.put("image", f"{path}/stage", data=io.BytesIO(data), headers=OCTETS)).ok(204)
        (await demo.post("image", f"{path}/import", json={"method": {"name": "glance-direct"}})).ok(202)
        await cloud.settle()
        assert (await get_image(demo, image_id))["status"] == status
    tasks = (await demo.get("image", f"{path}/tasks")).ok(200).json["tasks"]
    assert "not what was signed" in tasks[0]["message"]
    assert len(kept(cloud)) == len(before) + 1


async def test_without_a_place_for_certificates_no_signature_is_believed(a_shared_cloud: ASharedCloud) -> None:
    cloud = await a_shared_cloud()
    demo = await cloud.http("demo")
    image_id = await a_signed_image(demo, "RSA-PSS", "SHA-256", str(uuid4()))
    (await upload_image(demo, image_id, DATA)).ok(400)
    assert (await get_image(demo, image_id))["status"] == "queued"
