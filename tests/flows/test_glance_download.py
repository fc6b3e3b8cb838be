"""Images imported from another Glance: their bytes, their formats, and those properties the operator lets through."""

from typing import Any

import pytest

from flows.test_image_import import DIRECT, ask, files, tasks_of
from support.builders.images import a_queued_image, a_staged_image, get_image
from support.cloud import ASharedCloud, JsonClient, TestCloud

NOBODY = "36d4b546-64a2-4bb9-bdd0-ba676aa48f2c"


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


def from_glance(image_id: Any, region: Any = "regionone", **more: Any) -> dict[str, Any]:
    return {"method": {"name": "glance-download", "glance_region": region, "glance_image_id": image_id, **more}}


async def an_original(cloud: TestCloud, client: JsonClient, data: bytes = b"data", **wish: Any) -> str:
    image_id = await a_staged_image(client, data, **wish)
    (await ask(client, image_id, DIRECT)).ok(202)
    await cloud.settle()
    return image_id


async def test_an_image_takes_over_what_the_operator_lets_through(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    properties = {"hw_cpu_cores": "5", "trait:STORAGE_DISK_SSD": "required", "os_distro": "rhel", "speed": "88mph"}
    original = await an_original(cloud, demo, **properties)
    image_id = await a_queued_image(demo, disk_format="iso", container_format="ovf", os_distro="windows", colour="red")
    (await ask(demo, image_id, from_glance(original, glance_service_interface="public"))).ok(202)
    await cloud.settle()
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"]) == ("active", 4)
    assert image["checksum"] == (await get_image(demo, original))["checksum"]
    assert (image["disk_format"], image["container_format"]) == ("raw", "bare")
    assert {name for name, value in properties.items() if image.get(name) != value} == {"speed"}
    assert image["colour"] == "red"
    assert (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200).body == b"data"
    (task,) = await tasks_of(demo, image_id)
    assert (task["status"], task["result"]) == ("success", {"image_id": image_id})
    (told,) = await cloud.rows(
        "image",
        "SELECT payload FROM outbox WHERE name = 'properties.crossed' AND payload ->> 'rule' = 'image.glance_download'",
    )
    crossing = told["payload"]
    assert (crossing["from_id"], crossing["to_id"]) == (original, image_id)
    assert crossing["before"].items() >= properties.items()
    assert crossing["after"].keys() == {"hw_cpu_cores", "trait:STORAGE_DISK_SSD", "os_distro"}


async def test_what_cannot_be_taken_over_leaves_the_image_as_it_was(cloud: TestCloud) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    hidden = await an_original(cloud, alt, hw_cpu_cores="5")
    queued = await a_queued_image(demo, hw_cpu_cores="5")
    for wish, why in (
        (from_glance(NOBODY), "does not show it (404)"),
        (from_glance(hidden), "does not show it (404)"),
        (from_glance(queued), "active instead of queued"),
        (from_glance(NOBODY, "not a region"), "no such region"),
        (from_glance(NOBODY, glance_service_interface="not an interface"), "no such interface"),
    ):
        image_id = await a_queued_image(demo, disk_format="qcow2", hw_cpu_cores="1", os_distro="windows")
        (await ask(demo, image_id, wish)).ok(202)
        await cloud.settle()
        image = await get_image(demo, image_id)
        assert (image["status"], image["disk_format"]) == ("queued", "qcow2")
        assert (image["hw_cpu_cores"], image["os_distro"]) == ("1", "windows")
        (task,) = await tasks_of(demo, image_id)
        assert task["status"] == "failure"
        assert why in task["message"]
        assert image_id not in files(cloud)


@pytest.mark.parametrize(
    "wish",
    [
        from_glance("foo"), from_glance(5), from_glance(None), from_glance(NOBODY, 5),
        from_glance(NOBODY, glance_service_interface=5), {"method": {"name": "glance-download", "glance_region": "x"}},
        {"method": {"name": "glance-download", "glance_image_id": NOBODY}},
        from_glance("../../v2/images"), from_glance(f"{NOBODY}/file"),
    ],
    ids=str,
)  # fmt: skip
async def test_a_request_that_names_no_image_is_refused(cloud: TestCloud, wish: Any) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    answer = (await ask(demo, image_id, wish)).ok(400)
    if wish == from_glance("foo"):
        assert b"image id does not look like a UUID" in answer.body
    assert await tasks_of(demo, image_id) == []
