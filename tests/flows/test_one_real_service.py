"""A single real service beside ours: Glance, which volumes and servers ask over HTTP; Keystone, whose tokens ours take.

They come with an installation of OpenStack 2026.2 with uwsgi, which ``OPENSTACK_PYTHON`` names by its interpreter.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from stackwire.cloud.options import free_ports
from support.builders.images import an_image, get_image
from support.builders.servers import a_server
from support.builders.volumes import create_volume
from support.cloud import ACloud, log_in
from support.polling import until

PEER = Path(__file__).parent.parent / "contract" / "oslo" / "peers" / "real_service.py"
START_SECONDS = 300
Start = Callable[..., Awaitable[None]]


@pytest.fixture
async def start(openstack_python: str, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts the real service of that name on the port; returns when it answers."""
    assert Path(openstack_python).with_name("uwsgi").exists(), "OPENSTACK_PYTHON: its services need uwsgi beside it"
    log = tmp_path / "log"
    started: list[asyncio.subprocess.Process] = []

    async def answers(session: aiohttp.ClientSession, port: int) -> bool:
        assert started[-1].returncode is None, log.read_text()[-2000:]
        try:
            async with session.get(f"http://127.0.0.1:{port}/") as answer:
                return answer.status in (200, 300)
        except aiohttp.ClientError:
            return False

    async def begin(service: str, port: int, *arguments: str) -> None:
        with log.open("wb") as output:
            words = (openstack_python, str(PEER), service, str(tmp_path), str(port), *arguments)
            started.append(await asyncio.create_subprocess_exec(*words, stdout=output, stderr=output))
        async with aiohttp.ClientSession() as session:
            await until(lambda: answers(session, port), START_SECONDS)

    yield begin
    for process in started:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.timeout(600)
async def test_properties_travel_between_a_real_glance_and_our_volumes_and_servers(
    a_cloud: ACloud, start: Start
) -> None:
    port = free_ports(("glance",))["glance"]
    url = f"http://127.0.0.1:{port}"
    settings = {"volume": {"image_api": "http", "image_url": url}, "compute": {"image_api": "v2", "image_url": url}}
    cloud = await a_cloud(services=("identity", "volume", "compute"), settings=settings)
    await start("glance", port, cloud.urls["identity"])
    async with aiohttp.ClientSession() as session:
        demo = await log_in(session, {**cloud.urls, "image": url})
        image_id = await an_image(demo, hw_disk_bus="scsi", team="storage")
        volume = await create_volume(cloud, demo, imageRef=image_id)
        assert (volume["status"], volume["volume_image_metadata"]["team"]) == ("available", "storage")
        server_id = await a_server(cloud, demo, imageRef=image_id)
        snapshot = {"createImage": {"name": "snapshot"}}
        done = (await demo.post("compute", f"/v2.1/servers/{server_id}/action", json=snapshot)).ok(202)
        await cloud.settle(120.0)
        taken = await get_image(demo, done.headers["Location"].rsplit("/", 1)[1])
        assert (taken["status"], taken["team"], taken["base_image_ref"]) == ("active", "storage", image_id)


@pytest.mark.timeout(600)
async def test_our_services_take_the_tokens_of_a_real_keystone(a_cloud: ACloud, start: Start) -> None:
    port = free_ports(("keystone",))["keystone"]
    url = f"http://127.0.0.1:{port}"
    await start("keystone", port)
    keystone = {"keystone_url": url, "keystone_user": "admin", "keystone_password": "secret"}
    services = ("image", "volume", "compute")
    cloud = await a_cloud(services=services, settings=dict.fromkeys(services, keystone))
    async with aiohttp.ClientSession() as session:
        admin = await log_in(session, {**cloud.urls, "identity": url}, "admin", "service")
        image_id = await an_image(admin, hw_disk_bus="scsi", team="storage")
        volume = await create_volume(cloud, admin, imageRef=image_id)
        assert (volume["status"], volume["volume_image_metadata"]["team"]) == ("available", "storage")
        await a_server(cloud, admin, imageRef=image_id)
        (await admin.delete("identity", "/v3/auth/tokens", headers={"X-Subject-Token": admin.token})).ok(204)
