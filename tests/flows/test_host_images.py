"""The images that compute hosts keep: dropped when the image service says that they are gone, or a pass finds it."""

import os
from pathlib import Path

import pytest

from stackwire.compute.flows.worker.host_service import HostService
from stackwire.contracts.base import Event
from stackwire.messaging.notification_listener import NotificationListener
from stackwire.messaging.notify import Notifier
from support.builders.images import PATCH, a_queued_image, an_image
from support.builders.servers import a_server, server_action
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until

WHEN = "2026-01-02 03:04:05.678901"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(settings={"compute": {"hosts": "only-one"}})


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


def kept(cloud: TestCloud) -> set[str]:
    """The images in the host's cache."""
    return {path.name[:36] for path in folder(cloud).iterdir()}


def folder(cloud: TestCloud) -> Path:
    return cloud.cloud.options.data_dir / "compute" / "hosts" / "only-one" / "_base"


def listener(cloud: TestCloud) -> NotificationListener:
    (found,) = (each for each in cloud.cloud.services["compute"]._servers if isinstance(each, NotificationListener))
    return found


async def run_manager_pass(cloud: TestCloud) -> None:
    service = next(each for each in cloud.cloud.services["compute"]._resources if isinstance(each, HostService))
    await service.run_image_cache_manager_pass()


async def tell(cloud: TestCloud, event_type: str, payload: dict[str, object] | str) -> None:
    """A notification as from the image service."""
    event = Event(
        exchange="glance", event_type=event_type, publisher_id="image.localhost", payload=payload, context=False
    )
    await Notifier(cloud.cloud._transports["image"]).send(event, {}, os.urandom(16).hex(), WHEN)
    await cloud.settle()


async def test_a_host_drops_a_deleted_image_at_once_and_its_servers_keep_their_disks(
    cloud: TestCloud, demo: JsonClient
) -> None:
    image, other = await an_image(demo), await an_image(demo)
    server = await a_server(cloud, demo, imageRef=image)
    await a_server(cloud, demo, imageRef=other)
    assert kept(cloud) == {image, other}
    (await demo.delete("image", f"/v2/images/{image}")).ok(204)
    await cloud.settle()
    assert kept(cloud) == {other}
    (await server_action(demo, server, reboot={"type": "HARD"})).ok(202)
    await cloud.settle()
    assert (await demo.get("compute", f"/v2.1/servers/{server}")).json["server"]["status"] == "ACTIVE"
    assert (folder(cloud).parent / server / "disk").stat().st_size == 4096
    # told once more, and what happened before told late
    for event_type in ("image.delete", "image.update", "image.delete"):
        await tell(cloud, event_type, {"id": image})
    assert (kept(cloud), listener(cloud).rejected) == ({other}, 0)


async def test_a_new_property_drops_nothing_but_a_copy_of_other_bytes(cloud: TestCloud, demo: JsonClient) -> None:
    """An image has other bytes only in releases that take its location away (until Glance 11.0.1)."""
    image = await an_image(demo)
    await a_server(cloud, demo, imageRef=image)
    (now,) = folder(cloud).iterdir()
    (folder(cloud) / f"{image}.{'0' * 32}").write_bytes(b"what it had before")
    change = [{"op": "add", "path": "/team", "value": "storage"}]
    (await demo.patch("image", f"/v2/images/{image}", json=change, headers=PATCH)).ok(200)
    await cloud.settle()
    assert list(folder(cloud).iterdir()) == [now]


async def test_a_notification_that_was_lost_is_mended_by_the_periodic_pass(cloud: TestCloud, demo: JsonClient) -> None:
    image, other = await an_image(demo), await an_image(demo)
    for used in (image, other):
        await a_server(cloud, demo, imageRef=used)
    copies = {path: path.read_bytes() for path in folder(cloud).iterdir()}
    (await demo.delete("image", f"/v2/images/{image}")).ok(204)
    await cloud.settle()
    for path, data in copies.items():
        path.write_bytes(data)
    await run_manager_pass(cloud)
    assert kept(cloud) == {other}


async def test_an_image_that_was_being_fetched_when_it_was_deleted_does_not_stay(
    cloud: TestCloud, demo: JsonClient
) -> None:
    image = await a_queued_image(demo)
    (folder(cloud) / f".{image}.half.part").write_bytes(b"half")
    (folder(cloud) / f"{image}.half").write_bytes(b"whole")
    await tell(cloud, "image.delete", {"id": image})
    assert not (folder(cloud) / f"{image}.half").exists()


async def test_a_notification_of_no_image_is_a_dead_letter_and_hosts_go_on(
    cloud: TestCloud, demo: JsonClient, caplog: pytest.LogCaptureFixture
) -> None:
    hears = listener(cloud)
    hears._listener._retry_after = 0.0
    for payload in ({}, {"id": 7}, "a text", {"id": ""}):
        await tell(cloud, "image.delete", payload)  # type: ignore[arg-type]  # which is the point
    await until(lambda: hears.rejected == 4)
    assert (await hears.status()).dead_letters == 4
    image = await an_image(demo)
    await a_server(cloud, demo, imageRef=image)
    (await demo.delete("image", f"/v2/images/{image}")).ok(204)
    await cloud.settle()
    assert kept(cloud) == set()
