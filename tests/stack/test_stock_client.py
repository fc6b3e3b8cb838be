"""The stock openstack command does a day's work: one journey of images, volumes and servers, each command a process."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from support.cloud import JsonClient, TestCloud
from support.polling import until

DISK = b"boot sector".ljust(512, b"\0") + bytes(range(256)) * 2000
LISTS = {
    "image": ("/v2/images", "images"),
    "volume": ("/v3/{project_id}/volumes/detail", "volumes"),
    "snapshot": ("/v3/{project_id}/snapshots/detail", "snapshots"),
    "server": ("/v2.1/servers/detail", "servers"),
}
SERVICES = {"server": "compute", "snapshot": "volume"}
AT_REST = {"active", "available", "in-use", "ACTIVE", "SHUTOFF"}


class Command:
    """``shown`` reads its JSON. What a command only begins is waited for by ``rest``, which costs no process."""

    def __init__(self, cloud: TestCloud, client: JsonClient) -> None:
        self._cloud = cloud
        self._client = client

    async def run(self, line: str) -> str:
        return await self._cloud.openstack(*line.split())

    async def shown(self, line: str) -> Any:
        return json.loads(await self.run(f"{line} -f json"))

    async def rest(self, kind: str, name: str) -> None:
        """Returns when nothing is under way with the resource of that name."""
        path, key = LISTS[kind]

        async def at_rest() -> bool:
            rows = (await self._client.get(SERVICES.get(kind, kind), path)).ok(200).json[key]
            (found,) = (row for row in rows if row["name"] == name)
            return found["status"] in AT_REST and not found.get("OS-EXT-STS:task_state")

        await until(at_rest, 60, interval=0.02)  # the journey's other branches compute meanwhile


def named(rows: list[dict[str, Any]], key: str = "Status") -> dict[str, Any]:
    return {row["Name"]: row[key] for row in rows}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_openstack_command_takes_an_image_to_volumes_and_servers_and_back(
    cloud: TestCloud, tmp_path: Path
) -> None:
    command = Command(cloud, await cloud.http("demo"))
    disk, other = tmp_path / "disk.raw", tmp_path / "other.raw"
    disk.write_bytes(DISK)
    other.write_bytes(DISK[::-1])
    raw = "--disk-format raw --container-format bare"
    await asyncio.gather(
        command.run(f"image create --file {disk} {raw} --property os_distro=debian --property team=storage disk"),
        command.run(f"image create --file {other} {raw} --property team=other other"),
        command.run("volume create --size 1 blank"),
    )
    await command.run("image set --property os_distro=ubuntu --property hw_disk_bus=scsi disk")
    await asyncio.gather(
        an_image_comes_down_as_it_went_up(command, tmp_path / "copy.raw"),
        a_volume_becomes_an_image_and_the_root_of_a_server(command),
        a_server_lives(command),
        command.run("server create --image disk --flavor m1.tiny --boot-from-volume 1 --wait made"),
    )
    assert named(await command.shown("server list")) == {"plain": "ACTIVE", "made": "ACTIVE", "from-volume": "ACTIVE"}
    await everything_goes(command)


async def an_image_comes_down_as_it_went_up(command: Command, copy: Path) -> None:
    image, listed, _ = await asyncio.gather(
        command.shown("image show disk"),
        command.shown("image list --property team=storage --status active"),
        command.run(f"image save --file {copy} disk"),
    )
    assert "disk" in named(listed)
    assert "other" not in named(listed)
    assert (image["properties"]["os_distro"], image["properties"]["team"]) == ("ubuntu", "storage")
    saved = copy.read_bytes()
    assert hashlib.md5(saved, usedforsecurity=False).hexdigest() == image["checksum"]
    assert hashlib.sha512(saved).hexdigest() == image["properties"]["os_hash_value"]
    assert saved == DISK


async def a_volume_becomes_an_image_and_the_root_of_a_server(command: Command) -> None:
    await command.run("volume create --image disk --size 1 --bootable root")
    await command.rest("volume", "root")
    await command.run("volume set --image-property team=changed --image-property extra=1 root")
    await command.run("volume unset --image-property extra root")
    await command.run("volume snapshot create --volume root kept")
    await command.rest("snapshot", "kept")
    await command.run("image create --volume root uploaded")
    await command.rest("volume", "root")
    volume, uploaded, kept, _ = await asyncio.gather(
        command.shown("volume show root"),
        command.shown("image show uploaded"),
        command.shown("volume snapshot list"),
        command.run("server create --volume root --flavor m1.tiny --wait from-volume"),
    )
    assert volume["volume_image_metadata"]["os_distro"] == "ubuntu"
    assert volume["volume_image_metadata"]["team"] == "changed"
    assert "extra" not in volume["volume_image_metadata"]
    assert (uploaded["status"], uploaded["properties"]["team"]) == ("active", "changed")
    assert named(kept) == {"kept": "available"}
    server = await command.shown("server show from-volume")
    assert server["image"] == "N/A (booted from volume)"
    assert len(server["volumes_attached"]) == 1
    assert server["addresses"]


async def a_server_lives(command: Command) -> None:
    """Built, made an image of, rebuilt, stopped, started, given a volume and relieved of it."""
    await command.run("server create --image disk --flavor m1.tiny --wait plain")
    await command.run("server image create --name snapshot plain")
    await command.rest("server", "plain")
    await command.run("server rebuild --image other plain")
    snapshot, disk = await asyncio.gather(command.shown("image show snapshot"), command.shown("image show disk"))
    assert (snapshot["properties"]["base_image_ref"], snapshot["properties"]["team"]) == (disk["id"], "storage")
    await command.rest("server", "plain")
    assert "other" in (await command.shown("server show plain"))["image"]
    await command.run("server stop plain")
    await command.rest("server", "plain")
    assert named(await command.shown("server list"))["plain"] == "SHUTOFF"
    await command.run("server start plain")
    await command.rest("server", "plain")
    await command.run("server add volume plain blank")
    await command.rest("volume", "blank")
    assert named(await command.shown("volume list"))["blank"] == "in-use"
    await command.run("server remove volume plain blank")
    await command.rest("volume", "blank")
    assert named(await command.shown("volume list"))["blank"] == "available"


async def everything_goes(command: Command) -> None:
    await asyncio.gather(
        command.run("server delete --wait plain made from-volume"),
        command.run("image delete disk other snapshot uploaded"),
        command.run("volume snapshot delete kept"),
        command.run("volume delete blank"),
    )
    await command.run("volume delete root")
    gone = await asyncio.gather(*(command.shown(f"{kind} list") for kind in ("server", "image", "volume")))
    assert [named(rows) for rows in gone[:2]] == [{}, {}]
    assert [row["Name"] for row in gone[2]] == [""], "the volume made for a server outlives it"
