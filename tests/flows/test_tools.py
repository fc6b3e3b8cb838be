"""A day's work of the tools that other people's programs are written with, each unmodified.

apache-libcloud, novaclient, glanceclient and keystoneclient are installed here. cloudbridge, which brings clients
of services along that are not here, has an environment of its own, and pkgcloud its modules, beside these packages:
``make test-tools`` makes them, and without them ``make test`` leaves these two out.
"""

import asyncio
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from glanceclient.client import Client as Glance
from glanceclient.exc import HTTPNotFound
from keystoneclient.v3.client import Client as Keystone
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider
from novaclient.client import Client as Nova
from novaclient.exceptions import NotFound

from support.builders.images import an_image
from support.cloud import ASharedCloud, TestCloud
from support.polling import shortened_sleep
from support.postgres import skip_or_fail

DATA = Path(__file__).parents[1] / "data"
SHARE = Path(sys.prefix) / "share"
DISK = random.Random(1).randbytes(300_000)
CLOUDBRIDGE = "cloudbridge[openstack]==4.4.2"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


def until(condition: Callable[[], Any]) -> Any:
    """What the condition answers as soon as that is true of it."""
    deadline = time.monotonic() + 60
    while not (answer := condition()):
        assert time.monotonic() < deadline
        shortened_sleep(1)
    return answer


def driver(cloud: TestCloud) -> Any:
    return get_driver(Provider.OPENSTACK)(
        "demo",
        "secret",
        api_version="2.2",
        ex_force_auth_url=cloud.urls["identity"],
        ex_force_auth_version="3.x_password",
        ex_tenant_name="demo",
        ex_domain_name="Default",
        ex_force_service_region="RegionOne",
    )


async def test_libcloud_runs_nodes_with_volumes(cloud: TestCloud) -> None:
    image_id = await an_image(await cloud.http("demo"))

    def day() -> None:
        client = driver(cloud)
        size = next(each for each in client.list_sizes() if each.name == "m1.tiny")
        image = next(each for each in client.list_images() if each.id == image_id)
        node = client.create_node(name="libcloud", size=size, image=image, ex_metadata={"a": "b"})
        node = until(lambda: next(iter(each for each in client.list_nodes() if each.state == NodeState.RUNNING), None))
        assert (node.extra["imageId"], node.private_ips) == (image_id, ["10.0.0.2"])
        assert client.ex_get_metadata(node) == {"a": "b"}
        volume = client.create_volume(1, "libcloud")
        until(lambda: client.ex_get_volume(volume.id).state == "available")
        assert client.attach_volume(node, volume)
        until(lambda: client.ex_get_volume(volume.id).state == "inuse")
        assert client.detach_volume(client.ex_get_volume(volume.id))
        until(lambda: client.ex_get_volume(volume.id).state == "available")
        snapshot = client.create_volume_snapshot(volume, "libcloud")
        until(lambda: [each.extra["status"] for each in client.list_volume_snapshots(volume)] == ["available"])
        assert client.destroy_volume_snapshot(snapshot)
        until(lambda: not client.list_volume_snapshots(volume))
        assert client.destroy_volume(client.ex_get_volume(volume.id))
        saved = client.create_image(node, "saved")
        until(lambda: client.get_image(saved.id).extra["status"] == "active")
        assert client.delete_image(client.get_image(saved.id))
        key = client.create_key_pair("libcloud")
        assert client.get_key_pair("libcloud").fingerprint == key.fingerprint
        assert client.delete_key_pair(key)
        assert client.reboot_node(node)
        assert client.destroy_node(node)
        until(lambda: not client.list_nodes())

    await asyncio.to_thread(day)


async def test_novaclient_runs_servers(cloud: TestCloud) -> None:
    image_id = await an_image(await cloud.http("demo"))

    def day(connection: Any) -> None:
        client = Nova("2.93", session=connection.session, region_name="RegionOne")
        flavor = client.flavors.find(name="m1.tiny")
        group = client.server_groups.create(name="apart", policy="anti-affinity")
        key = client.keypairs.create("nova", key_type="ssh", public_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== a")
        server = client.servers.create(
            "nova",
            image_id,
            flavor,
            nics="none",
            key_name=key.name,
            meta={"a": "b"},
            scheduler_hints={"group": group.id},
        )
        until(lambda: client.servers.get(server.id).status == "ACTIVE")
        assert (client.servers.get(server.id).metadata, client.servers.get(server.id).key_name) == ({"a": "b"}, "nova")
        client.servers.set_meta(server, {"c": "d"})
        client.servers.delete_meta(server, ["a"])
        client.servers.add_tag(server, "blue")
        assert (client.servers.get(server.id).metadata, client.servers.tag_list(server)) == ({"c": "d"}, ["blue"])
        for act, status in ((client.servers.stop, "SHUTOFF"), (client.servers.start, "ACTIVE"),
                            (client.servers.pause, "PAUSED"), (client.servers.unpause, "ACTIVE")):  # fmt: skip
            act(server)
            until(lambda status=status: client.servers.get(server.id).status == status)
        actions = [each.action for each in client.instance_action.list(server)]
        assert actions == ["unpause", "pause", "start", "stop", "create"]
        client.servers.delete(server)
        until(lambda: not client.servers.list())
        with pytest.raises(NotFound):
            client.servers.get(server.id)
        client.keypairs.delete("nova")
        client.server_groups.delete(group.id)

    await cloud.sdk(day)


async def test_glanceclient_keeps_images(cloud: TestCloud) -> None:
    other = (await cloud.http("alt")).project_id

    def day(connection: Any) -> None:
        client = Glance("2", session=connection.session, region_name="RegionOne", interface="public")
        had = client.info.get_usage()["image_count_total"]["usage"]
        image = client.images.create(
            name="day", disk_format="raw", container_format="bare", os_distro="debian", team="a"
        )
        client.images.upload(image.id, io.BytesIO(DISK), image_size=len(DISK))
        found = client.images.get(image.id)
        assert (found.status, found.size, found.os_hash_value) == (
            "active",
            len(DISK),
            hashlib.sha512(DISK).hexdigest(),
        )
        assert b"".join(client.images.data(image.id)) == DISK  # it checks the hash, too
        client.images.update(image.id, remove_props=["team"], name="night", hw_disk_bus="scsi")
        client.image_tags.update(image.id, "blue")
        (listed,) = client.images.list(filters={"hw_disk_bus": "scsi", "tag": ["blue"]}, page_size=1)
        assert (listed.id, listed.name, listed.tags, "team" in listed) == (image.id, "night", ["blue"], False)
        client.image_tags.delete(image.id, "blue")

        client.images.update(image.id, visibility="shared")
        client.image_members.create(image.id, other)
        assert [each.status for each in client.image_members.list(image.id)] == ["pending"]
        client.image_members.delete(image.id, other)

        later = client.images.create(name="later", disk_format="raw", container_format="bare")
        assert "glance-direct" in client.images.get_import_info()["import-methods"]["value"]
        client.images.stage(later.id, io.BytesIO(DISK))
        client.images.image_import(later.id, "glance-direct")
        until(lambda: client.images.get(later.id).status == "active")
        (task,) = client.images.get_associated_image_tasks(later.id)["tasks"]
        assert task["status"] == "success"
        assert client.info.get_usage()["image_count_total"]["usage"] == had + 2

        for each in (image.id, later.id):
            client.images.delete(each)
        with pytest.raises(HTTPNotFound):
            client.images.get(image.id)

    def night(connection: Any) -> None:
        client = Glance("2", session=connection.session, region_name="RegionOne", interface="public")
        client.metadefs_namespace.create(namespace="works", visibility="private")
        client.metadefs_object.create("works", name="rack", properties={"row": {"title": "Row", "type": "integer"}})
        assert [each["name"] for each in client.metadefs_object.list("works")] == ["rack"]
        client.metadefs_namespace.delete("works")
        assert [each.status for each in client.tasks.list()] == ["success"]

    await cloud.sdk(day)
    await cloud.sdk(night, user="admin")


async def test_keystoneclient_manages_people_and_what_they_log_in_with(cloud: TestCloud) -> None:
    def day(connection: Any) -> None:
        client = Keystone(session=connection.session, region_name="RegionOne", interface="public")
        project = client.projects.create("works", domain="default", description="d")
        user = client.users.create("worker", domain="default", password="secret", default_project=project)
        role = client.roles.find(name="member")
        client.roles.grant(role, user=user, project=project)
        assert [each.id for each in client.projects.list(user=user)] == [project.id]
        assert client.role_assignments.list(user=user, project=project)[0].role["id"] == role.id
        keys = client.ec2.create(user_id=user.id, project_id=project.id)
        assert [each.access for each in client.ec2.list(user_id=user.id)] == [keys.access]
        credential = client.credentials.create(user, "cert", "blob")
        assert credential.blob == "blob"
        me = connection.current_user_id
        trust = client.trusts.create(user, me, role_names=["member"], project=connection.current_project_id)
        assert [each.id for each in client.trusts.list(trustee_user=user)] == [trust.id]
        tool = client.application_credentials.create("tool", user=me)
        assert tool.secret
        client.application_credentials.delete(tool, user=me)
        service = client.services.create("key-manager", type="key-manager")
        endpoint = client.endpoints.create(service, "http://secrets/", interface="public", region="RegionOne")
        assert client.endpoints.update(endpoint, url="http://other/").url == "http://other/"
        limit = client.registered_limits.create(service, "secrets", 10, region="RegionOne")
        assert [each.default_limit for each in client.registered_limits.list(service=service)] == [10]
        client.registered_limits.delete(limit)
        client.services.delete(service)
        client.trusts.delete(trust)
        client.users.delete(user)
        client.projects.delete(project)
        assert client.credentials.list(user_id=user.id) == []

    await cloud.sdk(day, user="admin")


async def run(*command: str | Path, **environment: str) -> str:
    """What the program prints; the test fails with its errors."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONWARNINGS": "ignore", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, f"{out.decode()}{err.decode()[-3000:]}"
    return out.decode()


def installed(folder: Path, proof: str, *commands: Sequence[str | Path]) -> Path:
    """The folder, made by these commands where it is missing."""
    if not (folder / proof).exists():
        try:
            for command in commands:
                subprocess.run([*map(str, command)], check=True, timeout=240, capture_output=True, cwd=folder.parent)
        except (subprocess.SubprocessError, OSError) as error:
            skip_or_fail(f"it cannot be installed: {error}")
    return folder


@pytest.mark.installs
async def test_cloudbridge_runs_servers_with_volumes(a_shared_cloud: ASharedCloud) -> None:
    SHARE.mkdir(exist_ok=True)
    folder = SHARE / CLOUDBRIDGE.replace("==", "-").replace("[openstack]", "")
    python = folder / "bin" / "python"
    install: Sequence[str | Path] = (python, "-m", "pip", "install", "--quiet", CLOUDBRIDGE)
    make = (sys.executable, "-m", "venv", folder)
    await asyncio.to_thread(
        installed, folder, "bin/cloudbridge-done", make, install, ("touch", folder / "bin" / "cloudbridge-done")
    )
    cloud = await a_shared_cloud()
    image_id = await an_image(await cloud.http("demo"))
    out = await run(python, DATA / "cloudbridge_day.py", cloud.auth_url, image_id)
    assert out.splitlines()[-1] == "destroyed"


@pytest.mark.installs
async def test_pkgcloud_runs_servers_and_volumes(a_shared_cloud: ASharedCloud) -> None:
    """Its volumes are those of a service of type ``volume``, which an administrator adds to the catalogue."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        skip_or_fail("there is no node and no npm")
    SHARE.mkdir(exist_ok=True)
    folder = SHARE / "pkgcloud-2.2.0"
    copy = ("cp", "-r", DATA / "pkgcloud", folder)
    ci = (npm, "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund")
    await asyncio.to_thread(installed, folder, "node_modules/.package-lock.json", copy, ci)
    cloud = await a_shared_cloud()
    admin, image_id = await cloud.http("admin"), await an_image(await cloud.http("demo"))
    body = {"service": {"type": "volume", "name": "cinder"}}
    service = (await admin.post("identity", "/v3/services", json=body)).ok(201).json["service"]["id"]
    url = f"{cloud.urls['volume']}/v3/%(project_id)s"
    endpoint = {"service_id": service, "interface": "public", "region": "RegionOne", "url": url}
    (await admin.post("identity", "/v3/endpoints", json={"endpoint": endpoint})).ok(201)
    out = await run(
        node, DATA / "pkgcloud" / "day.js", cloud.urls["identity"], image_id, NODE_PATH=str(folder / "node_modules")
    )
    assert out.splitlines()[-1] == "destroyed"
