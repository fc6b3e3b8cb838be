"""Volumes in Ceph: a volume of an image that lies there is a clone, and so are snapshots, and volumes of them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from stackwire.object_store.place import MIB
from support.builders.images import an_image
from support.builders.servers import a_server
from support.builders.volumes import a_volume, get_volume
from support.ceph import APool, Ceph
from support.cloud import ASharedCloud, JsonClient, TestCloud
from support.ear import Ear

GIBIBYTE = 1 << 30
DATA = bytes(range(251)) * 50000  # more than two objects


@pytest.fixture(scope="module")
def pools(ceph: Ceph) -> tuple[APool, APool]:
    """Of the images and of the volumes, in one cluster. Every test leaves them empty."""
    return ceph.a_pool(), ceph.a_pool()


@pytest.fixture
def a_pool(pools: tuple[APool, APool]) -> APool:
    return pools[0]


@pytest.fixture
def volumes_pool(pools: tuple[APool, APool]) -> APool:
    return pools[1]


@pytest.fixture(scope="module")
async def cloud(
    a_shared_cloud: ASharedCloud, pools: tuple[APool, APool], tmp_path_factory: pytest.TempPathFactory
) -> TestCloud:
    images, volumes = pools
    path = tmp_path_factory.mktemp("ceph") / "backends.toml"
    path.write_text(
        f'[backends.ceph]\ndriver = "rbd"\nrbd_pool = "{volumes.name}"\nrbd_ceph_conf = "{images.ceph.conf}"\n'
        "rados_connect_timeout = 1\n"
        "[backends.files]\n"
    )
    stores = {"enabled_backends": "ceph:rbd, near:file", "default_backend": "ceph", **images.options()}
    return await a_shared_cloud(settings={"image": stores, "volume": {"backends": path}})


async def type_of(cloud: TestCloud, backend: str) -> str:
    admin = await cloud.http("admin")
    wish = {"volume_type": {"name": backend, "extra_specs": {"volume_backend_name": backend}}}
    (await admin.post("volume", "/v3/{project_id}/types", json=wish)).ok(200, 409)
    return backend


async def act(cloud: TestCloud, client: JsonClient, volume_id: str, **wish: Any) -> Any:
    answer = (await client.post("volume", f"/v3/{{project_id}}/volumes/{volume_id}/action", json=wish)).ok(200, 202)
    await cloud.settle()
    return answer.json


async def gone(cloud: TestCloud, client: JsonClient, kind: str, ident: str) -> None:
    (await client.delete("volume", f"/v3/{{project_id}}/{kind}/{ident}")).ok(202)
    await cloud.settle()


async def a_snapshot(cloud: TestCloud, client: JsonClient, volume_id: str) -> str:
    wish = {"snapshot": {"volume_id": volume_id, "name": "s"}}
    made = (await client.post("volume", "/v3/{project_id}/snapshots", json=wish)).ok(202).json["snapshot"]
    await cloud.settle()
    return str(made["id"])


def content(pool: APool, name: str) -> bytes:
    """Without the zeroes at the end."""
    return pool.beginning(name).rstrip(b"\0")


async def test_a_volume_of_an_image_in_the_same_ceph_is_a_clone_and_no_byte_is_copied(
    cloud: TestCloud, a_pool: APool, volumes_pool: APool
) -> None:
    client, ceph = await cloud.http(), await type_of(cloud, "ceph")
    image_id = await an_image(client, DATA, name="disk", team="blue")
    await cloud.settle()
    ear = Ear(cloud, "image.")
    volume_id = await a_volume(cloud, client, imageRef=image_id, size=1, volume_type=ceph)
    await ear.watch.cancel()
    [image], name = a_pool.names(), f"volume-{volume_id}"
    assert volumes_pool.parent(name) == (a_pool.name, image, "snap")
    assert volumes_pool.own_bytes(name) == 0
    assert ear.heard == []
    assert volumes_pool.size(name) == GIBIBYTE
    assert content(volumes_pool, name) == DATA
    shown = await get_volume(client, volume_id)
    assert (shown["status"], shown["bootable"]) == ("available", "true")
    assert shown["volume_image_metadata"]["team"] == "blue"

    (await client.delete("image", f"/v2/images/{image_id}")).ok(409)
    await gone(cloud, client, "volumes", volume_id)
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert (a_pool.names(), volumes_pool.names()) == ([], [])


async def test_an_image_that_lies_elsewhere_or_is_not_raw_is_copied(
    cloud: TestCloud, volumes_pool: APool, a_pool: APool
) -> None:
    client, ceph = await cloud.http(), await type_of(cloud, "ceph")
    image_id = await an_image(client, DATA, store="near")
    volume_id = await a_volume(cloud, client, imageRef=image_id, size=1, volume_type=ceph)
    assert volumes_pool.parent(f"volume-{volume_id}") is None
    assert content(volumes_pool, f"volume-{volume_id}") == DATA
    assert volumes_pool.own_bytes(f"volume-{volume_id}") < len(DATA) + 8 * MIB  # holes stay holes
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    await gone(cloud, client, "volumes", volume_id)


async def test_snapshots_and_copies_are_clones_and_whatever_goes_first_the_rest_is_whole(
    cloud: TestCloud, volumes_pool: APool
) -> None:
    client, ceph = await cloud.http(), await type_of(cloud, "ceph")
    image_id = await an_image(client, DATA, store="near")
    first = await a_volume(cloud, client, imageRef=image_id, size=1, volume_type=ceph)
    snapshot = await a_snapshot(cloud, client, first)
    second = await a_volume(cloud, client, snapshot_id=snapshot, size=2)
    third = await a_volume(cloud, client, source_volid=first, size=1)
    for name in (f"snapshot-{snapshot}", f"volume-{second}", f"volume-{third}"):
        assert volumes_pool.own_bytes(name) == 0, name
        assert content(volumes_pool, name) == DATA
    assert volumes_pool.size(f"volume-{second}") == 2 * GIBIBYTE
    await act(cloud, client, third, **{"os-extend": {"new_size": 3}})
    assert volumes_pool.size(f"volume-{third}") == 3 * GIBIBYTE

    await gone(cloud, client, "snapshots", snapshot)
    await gone(cloud, client, "volumes", first)
    for name in (f"volume-{second}", f"volume-{third}"):
        assert content(volumes_pool, name) == DATA
    for ident in (second, third):
        await gone(cloud, client, "volumes", ident)
    assert volumes_pool.names() == []


async def test_a_volume_is_reverted_uploaded_backed_up_and_moved_between_ceph_and_files(
    cloud: TestCloud, volumes_pool: APool, tmp_path: Path
) -> None:
    client, ceph, files = await cloud.http(), await type_of(cloud, "ceph"), await type_of(cloud, "files")
    image_id = await an_image(client, DATA, store="near")
    volume_id = await a_volume(cloud, client, imageRef=image_id, size=1, volume_type=ceph)
    snapshot, newest = await a_snapshot(cloud, client, volume_id), {"OpenStack-API-Version": "volume 3.40"}
    volumes_pool.write(f"volume-{volume_id}", b"scribble")
    assert content(volumes_pool, f"volume-{volume_id}") != DATA
    path, revert = f"/v3/{{project_id}}/volumes/{volume_id}/action", {"revert": {"snapshot_id": snapshot}}
    (await client.post("volume", path, json=revert, headers=newest)).ok(202)
    await cloud.settle()
    assert content(volumes_pool, f"volume-{volume_id}") == DATA

    form = "qcow2" if shutil.which("qemu-img") else "raw"  # which has no gibibyte to send
    wish = {"os-volume_upload_image": {"image_name": "up", "disk_format": form, "container_format": "bare"}}
    copy = (await act(cloud, client, volume_id, **wish))["os-volume_upload_image"]["image_id"]
    sent, raw = tmp_path / "sent", tmp_path / "raw"
    sent.write_bytes((await client.get("image", f"/v2/images/{copy}/file")).ok(200).body)
    if form == "qcow2":
        subprocess.run(["qemu-img", "convert", "-f", form, "-O", "raw", str(sent), str(raw)], check=True, timeout=60)
    with (raw if form == "qcow2" else sent).open("rb") as file:
        assert file.read(len(DATA) + MIB).rstrip(b"\0") == DATA
    (await client.delete("image", f"/v2/images/{copy}")).ok(204)
    made = {"backup": {"volume_id": volume_id, "name": "b"}}
    backup = (await client.post("volume", "/v3/{project_id}/backups", json=made)).ok(202).json["backup"]["id"]
    await cloud.settle()
    restored = await client.post("volume", f"/v3/{{project_id}}/backups/{backup}/restore", json={"restore": {}})
    other = restored.ok(202).json["restore"]["volume_id"]
    await cloud.settle()
    assert (await get_volume(client, other))["status"] == "available"

    await gone(cloud, client, "snapshots", snapshot)
    for new_type, there in ((files, False), (ceph, True)):
        retype = {"os-retype": {"new_type": new_type, "migration_policy": "on-demand"}}
        await act(cloud, client, volume_id, **retype)
        shown = await get_volume(client, volume_id)
        assert (shown["status"], shown["volume_type"]) == ("available", new_type)
        names = [name for name in volumes_pool.names() if not name.startswith(f"volume-{other}")]
        assert bool(names) is there
        if there:
            assert content(volumes_pool, names[0]) == DATA
    for ident in (volume_id, other):
        await gone(cloud, client, "volumes", ident)
    assert volumes_pool.names() == []


async def test_a_server_reads_such_a_volume_over_the_network(cloud: TestCloud, volumes_pool: APool) -> None:
    client, ceph = await cloud.http(), await type_of(cloud, "ceph")
    image_id = await an_image(client, DATA)
    volume_id = await a_volume(cloud, client, imageRef=image_id, size=1, volume_type=ceph)
    disk = {"uuid": volume_id, "source_type": "volume", "destination_type": "volume", "boot_index": 0}
    server_id = await a_server(cloud, client, block_device_mapping_v2=[disk])
    [row] = await cloud.rows(
        "compute", "SELECT connection_info FROM block_device_mapping WHERE instance_uuid::text = $1", server_id
    )
    found = row["connection_info"]
    connected = json.loads(found) if isinstance(found, str) else found
    data = connected["data"]
    assert data["name"] == f"{volumes_pool.name}/volume-{volume_id}"
    assert (connected["driver_volume_type"], data["hosts"]) == ("rbd", ["127.0.0.1"])
    admin = await cloud.http("admin")
    guest = (await admin.get("compute", f"/v2.1/servers/{server_id}/os-stackwire-guest")).ok(200).json["guest"]
    source = ElementTree.fromstring(guest["domain_xml"]).find("devices/disk[@type='network']/source")
    assert source is not None
    assert source.attrib == {"protocol": "rbd", "name": data["name"]}
    assert [host.attrib for host in source] == [{"name": "127.0.0.1", "port": data["ports"][0]}]
    (await client.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()
    await gone(cloud, client, "volumes", volume_id)
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)


async def test_a_ceph_that_is_away_fails_what_needs_it_and_nothing_else(cloud: TestCloud, volumes_pool: APool) -> None:
    client, ceph, files = await cloud.http(), await type_of(cloud, "ceph"), await type_of(cloud, "files")
    with volumes_pool.ceph.away():
        kept = await a_volume(cloud, client, size=1, volume_type=files)
        wish = {"volume": {"size": 1, "volume_type": ceph}}
        lost = (await client.post("volume", "/v3/{project_id}/volumes", json=wish)).ok(202).json["volume"]["id"]
        await cloud.settle(90)
        assert (await get_volume(client, lost))["status"] == "error"
        assert (await get_volume(client, kept))["status"] == "available"
    await gone(cloud, client, "volumes", lost)
    assert volumes_pool.names() == []
