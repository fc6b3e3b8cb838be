"""A seed: applied, a cloud has what it says; applied again, nothing is new; what is wrong is said with its line."""

from pathlib import Path
from typing import Any

import pytest

from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import Options
from stackwire.cloud.states.init_hooks import HookFailed, prepare
from stackwire.cloud.states.presets import apply_preset
from stackwire.cloud.states.seed_document import BadSeed, read_seed, read_seed_file
from stackwire.cloud.states.seeding import SeedRefused, apply_seed
from support import invariants
from support.builders.images import download_image
from support.cloud import ACloud, TestCloud

SEED = """
projects:
  - name: dev
roles:
  - name: operator
users:
  - {name: ann, password: secret, roles: {dev: [member, operator]}}
flavors:
  - {name: tiny, ram: 64, vcpus: 1, properties: {"hw:cpu_policy": shared}}
volume_types:
  - {name: gold, properties: {"vendor:tier": 1}}
images:
  - name: disk
    project: dev
    file: disk.img
    properties: {hw_disk_bus: scsi, os_distro: "cirros"}
    tags: [seeded]
  - {name: zeroes, project: dev, size: 2M}
  - {name: letters, project: dev, user: ann, size: 10, pattern: abc}
  - {name: nothing, project: dev}
volumes:
  - {name: root, project: dev, image: disk, type: gold, properties: {purpose: boot}}
  - {name: copy, project: dev, snapshot: root-1}
snapshots:
  - {name: root-1, project: dev, volume: root}
servers:
  - {name: web, project: dev, flavor: tiny, image: disk, properties: {role: web}}
  - {name: db, project: dev, flavor: tiny, volume: copy}
"""
EVERYTHING = {
    "project": 1,
    "role": 1,
    "user": 1,
    "flavor": 1,
    "volume_type": 1,
    "image": 4,
    "volume": 2,
    "snapshot": 1,
    "server": 2,
}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud()


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    (tmp_path / "disk.img").write_bytes(b"disk" * 1000)
    file = tmp_path / "seed.yaml"
    file.write_text(SEED)
    return file


async def test_a_seed_applied_twice_is_applied_once(cloud: TestCloud, seed: Path) -> None:
    document = read_seed_file(seed)
    assert await apply_seed(cloud.cloud, document) == EVERYTHING
    assert await apply_seed(cloud.cloud, document) == {}

    await cloud.settle()
    ann = await cloud.http("ann", "dev")
    images = {image["name"]: image for image in (await ann.get("image", "/v2/images")).ok(200).json["images"]}
    assert {name: image["status"] for name, image in images.items()} == {
        "disk": "active",
        "zeroes": "active",
        "letters": "active",
        "nothing": "queued",
    }
    assert (images["disk"]["hw_disk_bus"], images["disk"]["tags"]) == ("scsi", ["seeded"])
    assert await download_image(ann, images["letters"]["id"]) == b"abcabcabca"
    assert await download_image(ann, images["disk"]["id"]) == b"disk" * 1000
    volumes = {
        each["name"]: each for each in (await ann.get("volume", "/v3/{project_id}/volumes/detail")).json["volumes"]
    }
    assert volumes["copy"]["volume_image_metadata"]["hw_disk_bus"] == "scsi"
    assert (volumes["root"]["volume_type"], volumes["root"]["metadata"]) == ("gold", {"purpose": "boot"})
    servers = (await ann.get("compute", "/v2.1/servers/detail")).json["servers"]
    assert {server["name"]: server["status"] for server in servers} == {"web": "ACTIVE", "db": "ACTIVE"}
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_what_a_seed_refers_to_has_to_be_there(cloud: TestCloud) -> None:
    with pytest.raises(SeedRefused) as refused:
        await apply_seed(cloud.cloud, read_seed("servers: [{name: s, flavor: m1.tiny, image: none}]"))
    assert refused.value.message == "The seed cannot be applied: the project 'demo' has no image 'none'."
    with pytest.raises(SeedRefused, match="there is no project 'nowhere'"):
        await apply_seed(cloud.cloud, read_seed("images: [{name: i, project: nowhere}]"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imagess: []", "s.yaml:1: imagess: Extra inputs are not permitted"),
        ("images:\n  - name: a\n    sizee: 1", "s.yaml:3: images[0].sizee: Extra inputs are not permitted"),
        ("images:\n  - name: a\n\n  - {}", "s.yaml:4: images[1].name: Field required"),
        ("images:\n  - name: a\n    size: 1X", "s.yaml:3: images[0].size: '1X' is no size"),
        ("images:\n  - name: a\n    pattern: x", "s.yaml:2: images[0]: a pattern needs a size"),
        ("images:\n  - name: a\n    file: f\n    size: 1", "an image has its bytes from one of file, url and size"),
        ("images:\n  - name: a\n  - name: a", "s.yaml:3: images[1].name: there is a 'a' already"),
        ("images:\n  - name: a\n    url: ftp://x", "s.yaml:3: images[0].url: String should match pattern"),
        ("volumes:\n  - name: v\n    size: 0", "s.yaml:3: volumes[0].size: Input should be greater than 0"),
        ("servers:\n  - name: s\n    flavor: f", "s.yaml:2: servers[0]: a server boots from an image or a volume"),
        ("users:\n  - name: u", "s.yaml:2: users[0].password: Field required"),
        ("flavors: 7", "s.yaml:1: flavors: Input should be a valid list"),
        ("images: [", "s.yaml:1: this is no YAML"),
        ("- a", "s.yaml:1: Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_in_a_seed_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BadSeed) as refused:
        read_seed(text, "s.yaml")
    assert message in refused.value.message


def test_an_empty_seed_is_one(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("# nothing\n")
    assert read_seed_file(tmp_path / "s.yaml").images == []


async def test_hooks_run_once_in_the_order_of_their_names(cloud: TestCloud, tmp_path: Path) -> None:
    hooks, data = tmp_path / "hooks", tmp_path / "data"
    hooks.mkdir()
    data.mkdir()
    (hooks / "10-images.yaml").write_text("images: [{name: first, size: 10}]")
    script = hooks / "20-note.sh"
    script.write_text('#!/bin/sh\necho "$OS_CLOUD" >>"$STACKWIRE_DATA_DIR/note"\n')
    script.chmod(0o755)
    (hooks / "30-not-executable.sh").write_text("exit 1")
    (hooks / "README").write_text("none")
    options: Any = Options(data_dir=data, init_dir=hooks)
    for _ in range(2):
        await prepare(cloud.cloud, options, DataDir(data))
    assert (data / "note").read_text() == "stackwire-admin\n"
    demo = await cloud.http("demo")
    assert [image["name"] for image in (await demo.get("image", "/v2/images")).json["images"]] == ["first"]

    failing = hooks / "40-fails.sh"
    failing.write_text("#!/bin/sh\necho no luck\nexit 3\n")
    failing.chmod(0o755)
    with pytest.raises(HookFailed) as failed:
        await prepare(cloud.cloud, options, DataDir(data))
    assert failed.value.message == f"{failing}: it ended with 3: no luck."


async def test_a_busy_cloud_is_as_if_its_resources_had_been_created_one_by_one(cloud: TestCloud) -> None:
    counts = {"image": 500, "volume": 500, "server": 500}
    assert counts.items() <= (await apply_preset(cloud.cloud, "busy", 500)).items()
    assert await apply_preset(cloud.cloud, "busy", 500) == {}
    await invariants.hold_in(cloud.database.admin_url, 5.0)

    admin = await cloud.http("admin")
    images = (await admin.get("image", "/v2/images?tag=busy&limit=1000")).json["images"]
    listed = (await admin.get("volume", "/v3/{project_id}/volumes/detail?all_tenants=1")).json["volumes"]
    servers = (await admin.get("compute", "/v2.1/servers/detail?all_tenants=1")).json["servers"]
    assert (len(images), len(listed), len(servers)) == (500, 500, 500)
    assert {server["name"] for server in servers} == {f"busy-server-{number}" for number in range(500)}
    volumes = {volume["id"]: volume for volume in listed}
    server = servers[250]
    (volume_id,) = (each["id"] for each in server["os-extended-volumes:volumes_attached"])
    volume = volumes[volume_id]
    assert (volume["attachments"][0]["server_id"], volume["status"]) == (server["id"], "in-use")
    image_id = volume["volume_image_metadata"]["image_id"]
    assert volume["volume_image_metadata"]["hw_disk_bus"] == "virtio"
    assert (await download_image(admin, image_id)).startswith(b"busybusy")

    (await admin.delete("compute", f"/v2.1/servers/{server['id']}")).ok(204)
    await cloud.settle()
    (await admin.delete("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(202)
    (await admin.delete("image", f"/v2/images/{image_id}")).ok(204)
    await cloud.settle()
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_a_demo_cloud_has_something_of_everything(cloud: TestCloud) -> None:
    assert await apply_preset(cloud.cloud, "demo") == {"image": 2, "volume": 2, "snapshot": 1, "server": 2}
    assert await apply_preset(cloud.cloud, "empty") == {}
    await cloud.settle()
    await invariants.hold_in(cloud.database.admin_url, 5.0)
