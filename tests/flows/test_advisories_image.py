"""Old holes of the image service's originals that must not be here. ``support/advisories.py`` has the whole table."""

import asyncio
import io
import tarfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.test_image_locations import settings
from stackwire.core.tokens import TokenSigner
from support.bad_input import refused
from support.builders.images import an_image, upload_image
from support.builders.servers import get_server, request_server
from support.builders.volumes import create_volume, get_volume
from support.cloud import TOKEN_KEY, ACloud, Answer, ASharedCloud, JsonClient, TestCloud
from support.polling import until
from support.web import a_mirror

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
TWO = ("identity", "image")


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def image(client: JsonClient, image_id: str) -> Any:
    return (await client.get("image", f"/v2/images/{image_id}")).ok(200).json


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


@pytest.mark.parametrize("url", ["FILE:///etc/passwd", "filesystem:///x", "file+x:///x", " file:///x", "data:,x"])
async def test_cve_2015_1195_no_scheme_is_a_way_in(demo: JsonClient, url: str) -> None:
    image_id = (await demo.post("image", "/v2/images", json={"name": "i"})).ok(201).json["id"]
    before = await image(demo, image_id)
    change = [{"op": "add", "path": "/locations/-", "value": {"url": url, "metadata": {}}}]
    refused("image", await demo.patch("image", f"/v2/images/{image_id}", json=change, headers=PATCH), 403)
    assert await image(demo, image_id) == before


def files(cloud: TestCloud) -> list[Path]:
    """Every file of the image service."""
    return sorted(path for path in (cloud.cloud.options.data_dir / "image").rglob("*") if path.is_file())


async def a_queued_image(client: JsonClient, **fields: Any) -> str:
    wish = {"disk_format": "raw", "container_format": "bare", **fields}
    return str((await client.post("image", "/v2/images", json=wish)).ok(201).json["id"])


def tells_of_no_place(answer: Answer, cloud: TestCloud) -> None:
    """Neither the body nor a header names a store, a file of the machine or a URL that is not the service's own."""
    own = [cloud.urls["image"].encode(), cloud.urls["identity"].encode()]
    for text in (answer.body, *(value.encode() for value in answer.headers.values())):
        for url in own:
            text = text.replace(url, b"")
        for word in (b"://", b"file:", b"incoming", str(cloud.cloud.options.data_dir).encode(), b".py", b"Errno"):
            assert word not in text, (word, text[:500])


async def test_cve_2013_0212_a_store_that_fails_reveals_nothing_of_itself(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO)
    demo = await cloud.http("demo")
    lost, image_id = await an_image(demo), await a_queued_image(demo)
    store = cloud.cloud.options.data_dir / "image" / "images"
    incoming = store.with_name("incoming")
    for path in store.iterdir():
        path.unlink()
    answer = await demo.get("image", f"/v2/images/{lost}/file")
    assert answer.status in (404, 500, 503)
    tells_of_no_place(answer, cloud)
    incoming.rmdir()
    incoming.touch()  # nothing can be written into it, whoever writes
    answer = await upload_image(demo, image_id, b"data")
    assert answer.status in (500, 503)
    tells_of_no_place(answer, cloud)
    assert (await image(demo, image_id))["status"] == "queued"
    incoming.unlink()
    incoming.mkdir()
    (await upload_image(demo, image_id, b"data")).ok(204)


async def test_cve_2013_1840_no_answer_reveals_where_the_data_is(a_shared_cloud: ASharedCloud) -> None:
    cloud = await a_shared_cloud(settings={"image": {"image_cache": True}})
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    image_id = await an_image(demo)
    path = f"/v2/images/{image_id}"
    await cloud.settle()
    for client in (demo, alt, admin):
        for asked in (path, f"{path}/file", f"{path}/file", "/v2/images", "/v2/schemas/image", "/v2/info/stores",
                      f"{path}/members", "/v2/nothing", "/v2/images/x"):  # fmt: skip
            tells_of_no_place(await client.get("image", asked), cloud)
        tells_of_no_place(await upload_image(client, image_id, b"again"), cloud)
        tells_of_no_place(await client.patch("image", path, json=[{"op": "no"}], headers=PATCH), cloud)
        tells_of_no_place(await client.post("image", f"{path}/import", json={"method": {"name": "web"}}), cloud)
    shown = await image(demo, image_id)
    assert not {"locations", "direct_url", "location"} & shown.keys()
    assert shown["file"] == f"{path}/file"


async def test_cve_2011_4596_names_are_no_paths(cloud: TestCloud, demo: JsonClient) -> None:
    """Nor are properties, nor the names inside an archive: files are called after the image's id."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("../../escaped.ovf", "/tmp/escaped.vmdk", "link/escaped"):
            member = tarfile.TarInfo(name)
            member.size = 7
            tar.addfile(member, io.BytesIO(b"escaped"))
    refused("image", await demo.post("image", "/v2/images", json={"kernel_id": "../../escaped"}), 400)
    before = set(files(cloud))
    for name in ("../../escaped", "/etc/escaped", "a/../../escaped", "~/escaped"):
        image_id = await a_queued_image(demo, name=name, path=name, container_format="ova", disk_format="vmdk")
        (await upload_image(demo, image_id, archive.getvalue())).ok(204)
        shown = await image(demo, image_id)
        assert (shown["name"], shown["path"], shown["status"]) == (name, name, "active")
        (made,) = set(files(cloud)) - before
        assert made.parent == cloud.cloud.options.data_dir / "image" / "images"
        assert made.name.startswith(image_id)
        assert made.read_bytes() == archive.getvalue()
        (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)
        await cloud.settle()
        assert set(files(cloud)) == before
    assert not list(cloud.cloud.options.data_dir.parent.rglob("*escaped*"))


async def test_cve_2014_9684_an_image_deleted_while_it_is_imported_leaves_nothing(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO)
    demo = await cloud.http("demo")

    async def deleted_after(looks: int) -> None:
        image_id = await a_queued_image(demo)
        path, data = f"/v2/images/{image_id}", io.BytesIO(b"x" * 300_000)
        (await demo.put("image", f"{path}/stage", data=data, headers=OCTETS)).ok(204)
        (await demo.post("image", f"{path}/import", json={"method": {"name": "glance-direct"}})).ok(202)
        for _ in range(looks):
            await image(demo, image_id)
        (await demo.delete("image", path)).ok(204)

    for _ in range(5):
        await asyncio.gather(*(deleted_after(looks) for looks in range(10)))
    await cloud.settle()
    assert files(cloud) == []
    usage = (await demo.get("image", "/v2/info/usage")).ok(200).json["usage"]
    assert {kind: figures["usage"] for kind, figures in usage.items()} == dict.fromkeys(usage, 0)


async def test_cve_2015_5286_a_token_that_ends_during_an_upload_leaves_no_half_image(
    cloud: TestCloud, demo: JsonClient
) -> None:
    """The token is asked for when the upload begins, which is enough: the image is there, whole."""
    signer, goes_on = TokenSigner(TOKEN_KEY), asyncio.Event()
    claims = signer.verify(demo.token)
    short = signer.issue(
        replace(claims, expires_at=claims.issued_at.fromtimestamp(time.time() + 2, tz=None).astimezone())
    )
    headers = {**OCTETS, "X-Auth-Token": short}
    image_id = await a_queued_image(demo)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        await goes_on.wait()
        yield b"y"

    path = f"/v2/images/{image_id}"
    sending = asyncio.create_task(demo.put("image", f"{path}/file", data=slowly(), headers=headers))

    async def expired() -> bool:
        return (await demo.get("image", path, headers=headers)).status == 401

    await until(expired, 30, interval=0.05)
    assert (await image(demo, image_id))["status"] == "saving"
    goes_on.set()
    (await sending).ok(204)
    shown = await image(demo, image_id)
    assert (shown["status"], shown["size"]) == ("active", 100_001)
    assert (await upload_image(demo, image_id, b"more")).status == 409


async def test_cve_2022_4134_data_swapped_under_a_checksum_is_used_by_nobody(a_cloud: ACloud) -> None:
    """Where the operator lets owners set locations, one may put other data before the image's own: what makes volumes
    and servers of it compares it with the checksum of what was uploaded."""
    async with a_mirror() as mirror:
        cloud = await a_cloud(settings=settings(mirror))
        demo = await cloud.http("demo")
        image_id = await an_image(demo)
        before = await image(demo, image_id)
        mirror.pages["/evil"] = b"e" * before["size"]
        change = [{"op": "add", "path": "/locations/0", "value": {"url": f"{mirror.url}/evil", "metadata": {}}}]
        path = f"/v2/images/{image_id}"
        (await demo.patch("image", path, json=change, headers=PATCH)).ok(200)
        for remove in ("/locations/0", "/locations/1"):
            wish = [{"op": "remove", "path": remove}]
            assert (await demo.patch("image", path, json=wish, headers=PATCH)).status == 403
        shown = await image(demo, image_id)
        assert (shown["checksum"], shown["os_hash_value"]) == (before["checksum"], before["os_hash_value"])
        volume_id = (await create_volume(cloud, demo, imageRef=image_id))["id"]
        assert (await get_volume(demo, volume_id))["status"] == "error"
        made = (await request_server(demo, imageRef=image_id)).ok(202).json["server"]["id"]
        await cloud.settle()
        assert (await get_server(demo, made))["status"] == "ERROR"
        assert "/evil" in mirror.asked
        small = [
            path for path in cloud.cloud.options.data_dir.rglob("*") if path.is_file() and path.stat().st_size < 9999
        ]
        assert not [path for path in small if b"eeee" in path.read_bytes()]
