"""The stock openstack command does a day's work: one journey of images, volumes and servers, each command a process."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from support.cloud import TestCloud

DISK = b"boot sector".ljust(512, b"\0") + bytes(range(256)) * 2000


class Command:
    """``run`` returns when the command has and the cloud has nothing to do; ``shown`` reads its JSON."""

    def __init__(self, cloud: TestCloud) -> None:
        self._cloud = cloud

    async def run(self, line: str) -> str:
        return await self._cloud.openstack(*line.split())

    async def shown(self, line: str) -> Any:
        return json.loads(await self.run(f"{line} -f json"))

    async def settled(self, line: str) -> str:
        output = await self.run(line)
        await self._cloud.settle(timeout=90)
        return output


def named(rows: list[dict[str, Any]], key: str = "Status") -> dict[str, Any]:
    return {row["Name"]: row[key] for row in rows}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_openstack_command_takes_an_image_to_volumes_and_servers_and_back(
    cloud: TestCloud, tmp_path: Path
) -> None:
    command = Command(cloud)
    run, shown, settled = command.run, command.shown, command.settled
    disk, other, copy = tmp_path / "disk.raw", tmp_path / "other.raw", tmp_path / "copy.raw"
    disk.write_bytes(DISK)
    other.write_bytes(DISK[::-1])
    raw = "--disk-format raw --container-format bare"

    # an image goes up, is changed, and comes down as it was
    await asyncio.gather(
        run(f"image create --file {disk} {raw} --property os_distro=debian --property team=storage disk"),
        run(f"image create --file {other} {raw} --property team=other other"),
        settled("volume create --size 1 blank"),
    )
    await run("image set --property os_distro=ubuntu --property hw_disk_bus=scsi disk")
    image, listed, *_ = await asyncio.gather(
        shown("image show disk"),
        shown("image list"),
        run(f"image save --file {copy} disk"),
        run("volume create --image disk --size 1 --bootable root"),
        settled("server create --image disk --flavor m1.tiny --wait plain"),
        settled("server create --image disk --flavor m1.tiny --boot-from-volume 1 --wait made"),
    )
    assert named(listed) == {"disk": "active", "other": "active"}
    assert (image["properties"]["os_distro"], image["properties"]["team"]) == ("ubuntu", "storage")
    saved = copy.read_bytes()
    assert hashlib.md5(saved, usedforsecurity=False).hexdigest() == image["checksum"]
    assert hashlib.sha512(saved).hexdigest() == image["properties"]["os_hash_value"]
    assert saved == DISK

    # a volume knows its image, is told more, is kept as it is, and becomes an image; meanwhile a server lives
    await run("volume set --image-property team=changed --image-property extra=1 root")
    await asyncio.gather(
        run("volume unset --image-property extra root"),
        settled("server image create --wait --name snapshot plain"),
    )
    await settled("volume snapshot create --volume root kept")
    volume, *_ = await asyncio.gather(
        shown("volume show root"),
        settled("image create --volume root uploaded"),
        one_life(command),
    )
    assert volume["volume_image_metadata"]["team"] == "changed"
    assert "extra" not in volume["volume_image_metadata"]

    # what became of it
    uploaded, snapshot, kept, *_ = await asyncio.gather(
        shown("image show uploaded"),
        shown("image show snapshot"),
        shown("volume snapshot list"),
        settled("server create --volume root --flavor m1.tiny --wait from-volume"),
    )
    assert (uploaded["status"], uploaded["properties"]["team"]) == ("active", "changed")
    assert snapshot["properties"]["base_image_ref"] == image["id"]
    assert snapshot["properties"]["team"] == "storage"
    assert named(kept) == {"kept": "available"}
    servers, server = await asyncio.gather(shown("server list"), shown("server show from-volume"))
    assert named(servers) == {"plain": "ACTIVE", "made": "ACTIVE", "from-volume": "ACTIVE"}
    assert server["image"] == "N/A (booted from volume)"
    assert len(server["volumes_attached"]) == 1

    # and everything goes
    await settled("server delete --wait plain made from-volume")
    await asyncio.gather(run("image delete disk other snapshot uploaded"), settled("volume snapshot delete kept"))
    await settled("volume delete root blank")
    gone = await asyncio.gather(shown("server list"), shown("image list"), shown("volume list"))
    assert [named(rows) for rows in gone[:2]] == [{}, {}]
    assert [row["Name"] for row in gone[2]] == [""], "the volume made for a server outlives it"


async def one_life(command: Command) -> None:
    """Rebuilt, stopped, started, given a volume and relieved of it."""
    await command.settled("server rebuild --image other --wait plain")
    rebuilt = await command.shown("server show plain")
    assert "other" in rebuilt["image"]
    await command.settled("server stop plain")
    assert named(await command.shown("server list"))["plain"] == "SHUTOFF"
    await command.settled("server start plain")
    await command.settled("server add volume plain blank")
    assert named(await command.shown("volume list"))["blank"] == "in-use"
    await command.settled("server remove volume plain blank")
    assert named(await command.shown("volume list"))["blank"] == "available"
