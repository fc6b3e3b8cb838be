"""Old holes that data which lies elsewhere could open again. ``support/advisories.py`` has the whole table."""

from collections.abc import AsyncIterator

import pytest

from flows.test_image_location_import import settings
from stackwire.messaging.transport import WireRecord
from support.builders.images import a_queued_image, get_image
from support.builders.servers import SERVER_VERSION, get_server, request_server
from support.builders.volumes import create_volume, get_volume
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.web import Mirror, a_mirror
from unit.image.test_inspection import qcow2

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
DATA = bytes(range(256)) * 16


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    async with a_mirror() as made:
        made.pages |= {"/image": DATA, "/leaks": qcow2(features=0x4), "/backed": qcow2(backing=0x200)}
        yield made


@pytest.fixture
async def cloud(a_cloud: ACloud, mirror: Mirror) -> TestCloud:
    return await a_cloud(settings=settings(mirror))


async def add(client: JsonClient, image_id: str, url: str) -> Answer:
    return await client.post("image", f"/v2/images/{image_id}/locations", json={"url": url})


async def used_in_vain(cloud: TestCloud, client: JsonClient, image_id: str) -> None:
    volume_id = (await create_volume(cloud, client, imageRef=image_id))["id"]
    assert (await get_volume(client, volume_id))["status"] == "error"
    made = (await request_server(client, imageRef=image_id)).ok(202).json["server"]["id"]
    await cloud.settle()
    assert (await get_server(client, made))["status"] == "ERROR"
    (await client.delete("compute", f"/v2.1/servers/{made}", headers=SERVER_VERSION)).ok(204)
    (await client.delete("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(202)
    await cloud.settle()


@pytest.mark.parametrize("page", ["/leaks", "/backed"])
@pytest.mark.parametrize("declared", ["qcow2", "raw"])
async def test_cve_2024_32498_an_unsafe_image_elsewhere_is_used_by_nobody(
    cloud: TestCloud, mirror: Mirror, page: str, declared: str
) -> None:
    """The image service does not look into what it does not keep; whoever makes something of it does."""
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo, disk_format=declared)
    (await add(demo, image_id, f"{mirror.url}{page}")).ok(202)
    await cloud.settle()
    assert (await get_image(demo, image_id))["status"] == "active"
    await used_in_vain(cloud, demo, image_id)


async def test_cve_2022_4134_what_changed_elsewhere_is_used_by_nobody(cloud: TestCloud, mirror: Mirror) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    (await add(demo, image_id, f"{mirror.url}/image")).ok(202)
    await cloud.settle()
    before = await get_image(demo, image_id)
    assert before["os_hash_value"]
    mirror.pages["/image"] = DATA[::-1]
    await used_in_vain(cloud, demo, image_id)
    assert await get_image(demo, image_id) == before


@pytest.mark.parametrize("allowed", [True, False])
async def test_cve_2026_34881_a_location_leads_to_no_inner_host(a_cloud: ACloud, mirror: Mirror, allowed: bool) -> None:
    """Neither at once nor by a redirect, of a host that may be asked, to one that may not."""
    chosen = (
        settings(mirror) if allowed else {"image": {"enabled_backends": "own:file,web:http", "default_backend": "own"}}
    )
    cloud = await a_cloud(services=("identity", "image"), settings=chosen)
    demo = await cloud.http("demo")
    away = ["http://169.254.169.254/latest", "http://2130706433/", "http://0x7f.1/", "http://[::1]/", "file:///etc/passwd",
            "http://user:word@example.org/", "gopher://127.0.0.1/"]  # fmt: skip
    if not allowed:
        away += [f"{mirror.url}/image", f"http://localhost:{mirror.port}/image"]
    for url in away:
        image_id = await a_queued_image(demo)
        change = [{"op": "add", "path": "/locations/-", "value": {"url": url, "metadata": {}}}]
        answers = [
            await add(demo, image_id, url),
            await demo.patch("image", f"/v2/images/{image_id}", json=change, headers=PATCH),
        ]
        await cloud.settle()
        assert {answer.status for answer in answers} <= {202, 400, 403}, url  # a worker may be the one who refuses
        told = await get_image(demo, image_id)
        assert (told["status"], told["size"]) == ("queued", None), url
    assert mirror.asked == []
    if allowed:
        mirror.pages["/moved"] = "http://169.254.169.254/latest"
        image_id = await a_queued_image(demo)
        answer = await add(demo, image_id, f"{mirror.url}/moved")
        await cloud.settle()
        assert answer.status in (202, 400)
        assert (await get_image(demo, image_id))["status"] == "queued"


async def test_cve_2013_1840_where_data_lies_is_revealed_to_nobody_but_services(
    cloud: TestCloud, mirror: Mirror
) -> None:
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    heard: list[WireRecord] = []
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(heard.append)
    image_id = await a_queued_image(demo, visibility="shared")
    path = f"/v2/images/{image_id}"
    (await add(demo, image_id, f"{mirror.url}/image")).ok(202)
    await cloud.settle()
    (await demo.post("image", f"{path}/members", json={"member": alt.project_id})).ok(200)
    for page in (DATA, 500, 404):
        mirror.pages["/image"] = page
        for client in (demo, alt, admin):
            for asked in (path, f"{path}/file", "/v2/images", f"{path}/locations"):
                answer = await client.get("image", asked)
                text = answer.body + str(dict(answer.headers)).encode()
                assert str(mirror.port).encode() not in text.replace(cloud.urls["image"].encode(), b""), (asked, text)
    await watch.cancel()
    told = [record.body for record in heard if b"event_type" in record.body]
    assert told
    assert not [body for body in told if mirror.url.encode() in body and b"image." in body]
