"""Images imported from the web: fetched by the service, guarded, and nothing of a failure is kept."""

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flows.test_image_import import files, said, tasks_of
from support.builders.images import a_queued_image, get_image
from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud
from support.web import Mirror, a_mirror

QCOW2 = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 30).ljust(65536, b"\0")
LEAKS = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0x200, 1, 16, 1 << 30).ljust(65536, b"\0")


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    async with a_mirror() as made:
        yield made


@pytest.fixture
async def cloud(a_cloud: ACloud, mirror: Mirror) -> TestCloud:
    """It may fetch from the mirror."""
    settings = {
        "import_filtering_allowed_hosts": "[127.0.0.1, other.example]",
        "import_filtering_allowed_ports": f"{mirror.port}",
        "web_download_stall_seconds": 0.5,
        "image_size_cap": 2_000_000,
    }
    return await a_cloud(services=("identity", "image"), settings={"image": settings})


async def ask(client: JsonClient, image_id: str, uri: Any) -> Answer:
    return await client.post(
        "image", f"/v2/images/{image_id}/import", json={"method": {"name": "web-download", "uri": uri}}
    )


async def test_an_image_comes_from_the_web(cloud: TestCloud, mirror: Mirror) -> None:
    demo = await cloud.http("demo")
    mirror.pages |= {"/old": "new", "/new": QCOW2}
    image_id = await a_queued_image(demo, disk_format="qcow2", os_distro="debian")
    (await ask(demo, image_id, f"{mirror.url}/old")).ok(202)
    await cloud.settle()
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(QCOW2), 1 << 30)
    assert image["os_distro"] == "debian"
    assert mirror.asked == ["/old", "/new"]
    assert files(cloud) == [image_id]
    (task,) = await tasks_of(demo, image_id)
    assert (task["status"], task["result"]) == ("success", {"image_id": image_id})
    assert await said(cloud, image_id) == [
        "image.create",
        "image.update", "image.prepare", "image.upload", "image.activate", "image.update", "image.update",
    ]  # fmt: skip
    assert (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200).body == QCOW2


async def test_nothing_is_kept_of_a_download_that_fails(cloud: TestCloud, mirror: Mirror) -> None:
    demo = await cloud.http("demo")
    mirror.pages |= {
        "/broken": None,
        "/silent": (b"x" * 100_000, "..."),
        "/forbidden": 403,
        "/away": "http://169.254.169.254/latest/meta-data/",
        "/inside": f"http://localhost:{mirror.port}/inside",
        "/long": b"x" * 2_000_001,
        "/endless": (b"x" * 1_000_000,) * 3,
        "/leaks": LEAKS,
        "/raw": b"no image",
    }
    reasons = {
        "/broken": "broke off", "/silent": "broke off", "/forbidden": "answered 403", "/away": "Redirect to disallowed",
        "/inside": "Redirect to disallowed", "/long": "too large", "/endless": "too large", "/leaks": "unsafe",
        "/raw": "not acceptable", "/nothing": "answered 404",
    }  # fmt: skip
    for path, reason in reasons.items():
        image_id = await a_queued_image(demo, disk_format="qcow2")
        (await ask(demo, image_id, mirror.url + path)).ok(202)
        await cloud.settle()
        image = await get_image(demo, image_id)
        assert (image["status"], image["size"], image["os_glance_failed_import"]) == ("queued", None, "file"), path
        (task,) = await tasks_of(demo, image_id)
        assert task["status"] == "failure"
        assert reason in task["message"], path
    assert files(cloud) == []


async def test_an_image_deleted_while_it_is_fetched_leaves_nothing(cloud: TestCloud, mirror: Mirror) -> None:
    demo = await cloud.http("demo")
    mirror.pages["/slow"] = (b"x" * 1_000_000, "...")
    image_id = await a_queued_image(demo)
    (await ask(demo, image_id, f"{mirror.url}/slow")).ok(202)
    await mirror.silent.wait()
    assert (await get_image(demo, image_id))["status"] == "importing"
    (await ask(demo, image_id, f"{mirror.url}/slow")).ok(409)
    (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)
    await cloud.settle()
    assert files(cloud) == []
    (row,) = await cloud.rows("image", "SELECT status FROM tasks")
    assert row["status"] == "failure"


async def test_formats_cannot_be_changed_behind_the_inspection(cloud: TestCloud, mirror: Mirror) -> None:
    demo = await cloud.http("demo")
    mirror.pages["/slow"] = (QCOW2[:1000], "...", QCOW2[1000:])
    image_id = await a_queued_image(demo)
    (await ask(demo, image_id, f"{mirror.url}/slow")).ok(202)
    await mirror.silent.wait()
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    patch = [{"op": "replace", "path": "/disk_format", "value": "vmdk"}]
    (await demo.patch("image", f"/v2/images/{image_id}", json=patch, headers=headers)).ok(200)
    mirror.go_on.set()
    await cloud.settle()
    image = await get_image(demo, image_id)
    assert (image["status"], image["disk_format"]) == ("queued", "vmdk")
    (task,) = await tasks_of(demo, image_id)
    assert "formats of image" in task["message"]
    assert files(cloud) == []


@pytest.mark.parametrize(
    "uri",
    [
        None, 5, "", "http://", "file:///etc/passwd", "ftp://example.org/", "http://a:99999/", "http://2130706433/",
        "http://0x7f.1/", "http://0177.0.0.1/", "http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
        "http://127.0.0.1.nip.io/", "http://localhost/", "http://169.254.169.254/latest/meta-data/", "http://0/",
        "http://user:word@example.org/", "http://there.is.no.such.name.invalid/", "http://example.org:5432/",
        "http://a/" + "x" * 500_000,
    ],
    ids=lambda uri: str(uri)[:30],
)  # fmt: skip
async def test_what_must_not_be_fetched_is_refused_at_once(a_shared_cloud: ASharedCloud, uri: Any) -> None:
    cloud = await a_shared_cloud()
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    (await ask(demo, image_id, uri)).ok(400)
    assert (await get_image(demo, image_id))["status"] == "queued"
    assert await tasks_of(demo, image_id) == []


async def test_this_machine_is_not_connected_to(a_shared_cloud: ASharedCloud, mirror: Mirror) -> None:
    cloud = await a_shared_cloud()
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    image_id = await a_queued_image(demo)
    answers = await asyncio.gather(
        *(
            ask(demo, image_id, f"http://{host}:{mirror.port}/")
            for host in ("127.0.0.1", "localhost", "[::1]", "0x7f.1")
        )
    )
    assert [answer.status for answer in answers] == [400] * 4
    assert mirror.asked == []
    (await ask(alt, image_id, "http://127.0.0.1/")).ok(404)
    (await ask(alt, await a_queued_image(demo, visibility="community"), "http://a.invalid/")).ok(403)
