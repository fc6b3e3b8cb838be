"""The stock command line against the image service alone."""

import json
from pathlib import Path

from support.cloud import ACloud


async def test_the_openstack_command_makes_changes_saves_and_deletes_an_image(a_cloud: ACloud, tmp_path: Path) -> None:
    cloud = await a_cloud(services=("identity", "image"))
    data, copy = tmp_path / "disk.raw", tmp_path / "copy.raw"
    data.write_bytes(b"some bytes" * 20_000)

    made = json.loads(
        await cloud.openstack(
            "image", "create", "one", "--file", str(data), "--disk-format", "raw", "--container-format", "bare",
            "--property", "os_distro=debian", "--property", "team=storage", "--tag", "t1", "-f", "json",
        )
    )  # fmt: skip
    assert (made["status"], made["size"]) == ("active", 200_000)
    await cloud.openstack("image", "set", "one", "--property", "os_distro=ubuntu", "--min-disk", "3", "--name", "two")
    await cloud.openstack("image", "unset", "two", "--property", "team", "--tag", "t1")
    shown = json.loads(await cloud.openstack("image", "show", "two", "-f", "json"))
    assert (shown["properties"]["os_distro"], shown["min_disk"], shown["tags"]) == ("ubuntu", 3, [])
    assert "team" not in shown["properties"]
    listed = json.loads(await cloud.openstack("image", "list", "--property", "os_distro=ubuntu", "-f", "json"))
    assert [row["Name"] for row in listed] == ["two"]
    await cloud.openstack("image", "save", "two", "--file", str(copy))
    assert copy.read_bytes() == data.read_bytes()
    await cloud.openstack("image", "delete", "two")
    assert json.loads(await cloud.openstack("image", "list", "-f", "json")) == []


async def test_the_stock_command_accepts_an_image_that_is_shared(a_cloud: ACloud) -> None:
    """openstacksdk names the member in the body as well."""
    cloud = await a_cloud(services=("identity", "image"))
    image = (await cloud.openstack("image", "create", "shared", "--shared", "-f", "value", "-c", "id")).strip()
    alt = (await cloud.http("alt")).project_id
    await cloud.openstack("image", "add", "project", image, alt)
    await cloud.openstack("image", "set", "--accept", image, user="alt")
    assert "accepted" in await cloud.openstack("image", "member", "list", image, "-f", "value")
