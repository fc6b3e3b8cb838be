"""Clouds that are ready to be used: ``empty``, ``demo``, and ``busy`` with thousands of resources."""

import asyncio
from typing import Literal

from stackwire.cloud.client import Refused
from stackwire.cloud.cloud import Cloud
from stackwire.cloud.states.seed_document import SeedDocument, read_seed
from stackwire.cloud.states.seeding import SeedRefused, apply_seed, resources_of
from stackwire.compute.flows.replicas import replicate_server
from stackwire.core.ids import new_id
from stackwire.image.flows.replicas import replicate_image
from stackwire.volume.flows.replicas import replicate_volume

PresetName = Literal["empty", "demo", "busy"]
BUSY_COUNT = 10_000
MOST_RESOURCES = 100_000
_DEMO = """
images:
  - {name: disk, size: 16M, pattern: stackwire, min_disk: 1,
     properties: {hw_disk_bus: scsi, hw_scsi_model: virtio-scsi, os_distro: cirros}, tags: [demo]}
  - {name: public-disk, project: admin, visibility: public, size: 1M}
volumes:
  - {name: root, image: disk, properties: {purpose: boot}}
  - {name: data}
snapshots:
  - {name: root-before, volume: root}
servers:
  - {name: web, flavor: m1.tiny, image: disk, properties: {role: web}}
  - {name: db, flavor: m1.tiny, volume: root}
"""
_BUSY = """
projects: [{name: busy}]
flavors: [{name: busy.tiny, ram: 1, vcpus: 1}]
images:
  - {name: busy-image-0, project: busy, size: 64K, pattern: busy, tags: [busy],
     properties: {hw_disk_bus: virtio, os_distro: cirros}}
volumes: [{name: busy-volume-0, project: busy, image: busy-image-0}]
servers: [{name: busy-server-0, project: busy, flavor: busy.tiny, volume: busy-volume-0}]
"""


def preset(name: PresetName) -> SeedDocument:
    """What is created through the APIs."""
    return read_seed({"empty": "", "demo": _DEMO, "busy": _BUSY}[name], f"the preset {name}")


async def apply_preset(cloud: Cloud, name: PresetName, count: int = BUSY_COUNT) -> dict[str, int]:
    """How much of each kind was created; ``count``: of images, of volumes and of servers that ``busy`` has.

    One of each of these is created through the APIs, the others are copies of it by set-based SQL. Raises SeedRefused.
    """
    created = await apply_seed(cloud, preset(name))
    if name == "busy" and created.get("server"):
        await cloud.settle()
        try:
            await _multiply(cloud, count - 1)
        except Refused as error:
            raise SeedRefused(reason=str(error)) from error
        created |= dict.fromkeys(("image", "volume", "server"), count)
    return created


async def _multiply(cloud: Cloud, count: int) -> None:
    found = await resources_of(cloud, "busy")
    ids = {kind: [new_id(kind) for _ in range(count)] for kind in ("image", "volume", "attachment", "server")}
    texts = {found[kind]: ids[kind] for kind in ids}
    texts |= {
        f"busy-{noun}-0": [f"busy-{noun}-{number}" for number in range(1, count + 1)]
        for noun in ("image", "volume", "server")
    }
    image, volume, compute = (cloud.services[name] for name in ("image", "volume", "compute"))
    await asyncio.gather(
        replicate_image(image.database, list(image.kept.folders.values()), found["image"], texts),
        replicate_volume(volume.database, list(volume.kept.folders.values()), found["volume"], texts),
        replicate_server(compute.database, found["server"], texts),
    )
