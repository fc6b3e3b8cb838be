"""The stock openstack command does its volume work against ours."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.cloud import ACloud, TestCloud


async def shown(cloud: TestCloud, *words: str, user: str = "demo") -> Any:
    return json.loads(await cloud.openstack(*words, "-f", "json", user=user))


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_the_command_makes_shows_changes_and_deletes_volumes(a_cloud: ACloud, tmp_path: Path) -> None:
    cloud = await a_cloud(services=("identity", "image", "volume"))
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"boot".ljust(100_000, b"\0"))
    await shown(
        cloud, "image", "create", "--file", str(disk), "--disk-format", "raw", "--property", "team=storage", "i"
    )
    await shown(cloud, "volume", "create", "--image", "i", "--size", "1", "--property", "purpose=cli", "v")
    await cloud.settle()
    volume = await shown(cloud, "volume", "show", "v")
    assert volume["status"] == "available"
    assert volume["volume_image_metadata"]["team"] == "storage"
    await cloud.openstack("volume", "set", "--image-property", "team=changed", "--image-property", "new=1", "v")
    await cloud.openstack("volume", "unset", "--image-property", "new", "v")
    assert (await shown(cloud, "volume", "show", "v"))["volume_image_metadata"]["team"] == "changed"
    await shown(cloud, "volume", "snapshot", "create", "--volume", "v", "s")
    await cloud.settle()
    assert [row["Status"] for row in await shown(cloud, "volume", "snapshot", "list")] == ["available"]
    await shown(cloud, "volume", "create", "--snapshot", "s", "copy")
    await cloud.settle()
    await cloud.openstack("volume", "set", "--size", "2", "copy")
    await cloud.settle()
    assert {row["Name"]: row["Size"] for row in await shown(cloud, "volume", "list")} == {"v": 1, "copy": 2}
    await shown(cloud, "image", "create", "--volume", "v", "up")
    await cloud.settle(timeout=90)
    image = await shown(cloud, "image", "show", "up")
    assert (image["status"], image["properties"]["team"]) == ("active", "changed")
    await shown(cloud, "volume", "backup", "create", "--name", "b", "--snapshot", "s", "v")
    await cloud.settle()
    backup = await shown(cloud, "volume", "backup", "show", "b")
    assert (backup["status"], backup["snapshot_id"] is not None, backup["is_incremental"]) == ("available", True, False)
    await shown(cloud, "volume", "backup", "restore", "b", "back")
    await cloud.settle()
    assert (await shown(cloud, "volume", "show", "back"))["volume_image_metadata"]["team"] == "changed"
    await cloud.openstack("volume", "delete", "back")
    await cloud.openstack("volume", "backup", "delete", "b")
    await cloud.settle()
    await cloud.openstack("volume", "delete", "copy")
    await cloud.settle()
    await cloud.openstack("volume", "snapshot", "delete", "s")
    await cloud.settle()
    await cloud.openstack("volume", "delete", "v")
    await cloud.settle()
    assert await shown(cloud, "volume", "list") == []
    assert [row["Name"] for row in await shown(cloud, "volume", "type", "list")] == ["__DEFAULT__"]
    assert (await shown(cloud, "quota", "show", "--volume"))[0]
    await shown(cloud, "volume", "type", "create", "--property", "multiattach=<is> True", "shared", user="admin")
    await cloud.openstack("volume", "type", "delete", "shared", user="admin")
