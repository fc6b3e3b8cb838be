"""What the properties of its image do to a server in each use: its guest, its host, its rows, the images made of it.

The first question of the article, use by use (``golden2`` facts 1 to 8).
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.builders.servers import SMALL_FLAVOR
from support.cloud import ASharedCloud, TestCloud
from support.polling import until
from support.user_actions import UserActions

UPLOADED = "given-by-the-uploader"
PROPERTIES: dict[str, Any] = {
    "hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi", "hw_machine_type": "q35", "team": "storage",
    "base_image_ref": UPLOADED, "min_disk": 1, "min_ram": 64,
}  # fmt: skip
BASE = "image_base_image_ref"
DISK = re.compile(r"<source file=['\"][^'\"]*?([^/'\"]+)['\"].*?<target [^>]*bus=['\"](\w+)['\"]", re.DOTALL)


@dataclass
class Seen:
    """A server as the cloud knows it: ``disks`` are bus and file of each disk of the guest."""

    host: str
    rows: dict[str, str | None]
    disks: list[tuple[str, str]]
    machine: str
    memory: int

    @property
    def base(self) -> str | None:
        return self.rows[BASE]

    @property
    def image_rows(self) -> dict[str, str | None]:
        """What the image left on the server, but for its origin."""
        return {key: value for key, value in self.rows.items() if key.startswith("image_") and key != BASE}


class Story:
    """One server of one image, whose user and whose administrator act in turn."""

    def __init__(self, cloud: TestCloud, user: UserActions, admin: UserActions) -> None:
        self.cloud, self.user, self.admin = cloud, user, admin
        self.image_id = self.server_id = ""

    async def begin(self, **more: Any) -> Seen:
        self.image_id = await self.user.image(**{**PROPERTIES, **more})
        self.server_id = await self.user.server(imageRef=self.image_id)
        return await self.seen()

    async def act(self, *, by_admin: bool = False, **action: Any) -> None:
        actor = self.admin if by_admin else self.user
        (await actor.server_action(self.server_id, **action)).ok(200, 202, 204)

    async def seen(self) -> Seen:
        (row,) = await self.cloud.rows("compute", "SELECT host FROM instances WHERE uuid = $1", self.server_id)
        guest = await self.user.guest(self.server_id)
        disks = DISK.findall(guest)
        machine = re.search(r"machine=['\"]([^'\"]+)['\"]", guest)
        memory = re.search(r"<memory[^>]*>(\d+)<", guest)
        assert machine is not None
        assert memory is not None
        return Seen(
            host=row["host"],
            rows=await self.user.system_metadata(self.server_id),
            disks=[(bus, name) for name, bus in disks],
            machine=machine[1],
            memory=int(memory[1]),
        )


@pytest.fixture
async def story(a_shared_cloud: ASharedCloud) -> AsyncIterator[Story]:
    cloud = await a_shared_cloud()
    story = Story(cloud, await UserActions.of(cloud), await UserActions.of(cloud, "admin"))
    yield story
    await story.user.delete_server(story.server_id)


async def test_a_resize_keeps_the_hardware_and_makes_the_servers_image_its_base(story: Story) -> None:
    before = await story.begin()
    assert (before.base, before.machine, [bus for bus, _ in before.disks]) == (UPLOADED, "q35", ["scsi"])
    await story.act(resize={"flavorRef": SMALL_FLAVOR})
    resized = await story.seen()
    assert (resized.host != before.host, resized.memory > before.memory) == (True, True)
    assert (resized.base, resized.rows["old_vm_state"]) == (story.image_id, "active")
    await story.act(confirmResize=None)
    after = await story.seen()
    assert (after.image_rows, after.machine, after.disks) == (before.image_rows, before.machine, before.disks)
    assert "old_vm_state" not in after.rows
    snapshot = await story.user.snapshot(story.server_id)
    assert (snapshot["base_image_ref"], snapshot["hw_disk_bus"]) == (story.image_id, "scsi")
    assert (snapshot["min_disk"], after.rows["image_min_disk"]) == (1, "1"), "of the image, whatever the flavor"


async def test_a_reverted_resize_brings_the_hardware_back_but_not_the_base(story: Story) -> None:
    before = await story.begin()
    await story.act(resize={"flavorRef": SMALL_FLAVOR})
    await story.act(revertResize=None)
    after = await story.seen()
    assert (after.host, after.memory, after.disks) == (before.host, before.memory, before.disks)
    assert (before.base, after.base, after.image_rows) == (UPLOADED, story.image_id, before.image_rows)


async def test_a_flavor_below_the_images_min_disk_is_none_for_a_resize(story: Story) -> None:
    await story.begin(min_disk=1, min_ram=64)
    tiny = {"name": f"tiny-{story.server_id}", "ram": 32, "vcpus": 1, "disk": 1}
    made = (await story.admin.client.post("compute", "/v2.1/flavors", json={"flavor": tiny})).ok(200).json["flavor"]
    before = await story.seen()
    refused = await story.user.server_action(story.server_id, resize={"flavorRef": made["id"]})
    assert refused.status == 400
    assert await story.seen() == before


async def test_a_cold_migration_keeps_the_guest_and_makes_the_servers_image_its_base(story: Story) -> None:
    before = await story.begin()
    await story.act(by_admin=True, migrate=None)
    await story.act(confirmResize=None)
    after = await story.seen()
    assert (after.host != before.host, after.base, after.image_rows) == (True, story.image_id, before.image_rows)
    assert (after.machine, after.memory, after.disks) == (before.machine, before.memory, before.disks)


async def test_a_live_migration_changes_the_host_and_nothing_else(story: Story) -> None:
    before = await story.begin()
    await story.act(by_admin=True, **{"os-migrateLive": {"host": None, "block_migration": "auto"}})
    after = await story.seen()
    assert after.host != before.host
    assert (after.rows, after.machine, after.disks) == (before.rows, before.machine, before.disks)


async def test_a_rescue_by_an_image_with_a_stable_device_adds_its_disk_on_the_bus_it_names(story: Story) -> None:
    before = await story.begin()
    rescue = await story.user.image(hw_rescue_device="disk", hw_rescue_bus="virtio", hw_disk_bus="ide", team="rescue")
    await story.act(rescue={"rescue_image_ref": rescue})
    rescued = await story.seen()
    assert rescued.disks == [*before.disks, ("virtio", "disk.rescue")]
    assert (rescued.rows, rescued.machine) == (before.rows, "q35"), "nothing of the rescue image stays"
    assert (await story.user.server_action(story.server_id, createImage={"name": "x"})).status == 409
    await story.act(unrescue=None)
    assert await story.seen() == before


async def test_a_rescue_by_a_plain_image_boots_the_hardware_of_that_image(story: Story) -> None:
    before = await story.begin()
    await story.act(rescue={"rescue_image_ref": await story.user.image(hw_disk_bus="ide", team="rescue")})
    rescued = await story.seen()
    assert rescued.disks[0] == ("ide", "disk.rescue")
    assert rescued.rows == before.rows
    await story.act(unrescue=None)
    assert await story.seen() == before


async def test_a_rescue_without_an_image_boots_the_base_which_is_there_only_after_a_move(story: Story) -> None:
    before = await story.begin()
    await story.act(rescue={})
    assert (await story.user.get_server(story.server_id))["status"] == "ACTIVE", "there is no image of that name"
    assert await story.seen() == before
    await story.act(resize={"flavorRef": SMALL_FLAVOR})
    await story.act(confirmResize=None)
    await story.act(rescue={})
    assert (await story.user.get_server(story.server_id))["status"] == "RESCUE"
    assert (await story.seen()).disks[0][1] == "disk.rescue"
    await story.act(unrescue=None)


async def test_a_shelved_server_leaves_an_image_of_its_properties_and_comes_back_with_its_hardware(
    story: Story,
) -> None:
    before = await story.begin()
    await story.act(shelve=None)
    path = f"/v2/images?instance_uuid={story.server_id}"
    (image,) = (await story.user.client.get("image", path)).ok(200).json["images"]
    assert (image["hw_disk_bus"], image["team"], image["image_type"]) == ("scsi", "storage", "snapshot")
    assert image["base_image_ref"] == story.image_id
    assert (await story.user.system_metadata(story.server_id))["shelved_image_id"] == image["id"]
    await story.act(unshelve=None)
    after = await story.seen()
    assert (after.base, after.image_rows) == (story.image_id, before.image_rows)
    assert (after.machine, after.memory, after.disks) == (before.machine, before.memory, before.disks)
    assert not [key for key in after.rows if key.startswith("shelved_")]


async def test_a_backup_is_an_image_of_the_properties_with_the_base_as_it_was(story: Story) -> None:
    before = await story.begin()
    await story.act(createBackup={"name": "b", "backup_type": "daily", "rotation": 1})
    path = f"/v2/images?instance_uuid={story.server_id}"
    (image,) = (await story.user.client.get("image", path)).ok(200).json["images"]
    assert (image["image_type"], image["backup_type"], image["base_image_ref"]) == ("backup", "daily", UPLOADED)
    assert (image["hw_disk_bus"], image["team"], image["min_disk"]) == ("scsi", "storage", 1)
    assert await story.seen() == before


async def test_an_evacuated_server_has_its_rows_and_its_hardware_on_another_host(story: Story) -> None:
    before = await story.begin()
    version = {"OpenStack-API-Version": "compute 2.53"}
    query = f"/v2.1/os-services?binary=nova-compute&host={before.host}"
    (service,) = (await story.admin.client.get("compute", query, headers=version)).ok(200).json["services"]

    async def forced_down(down: bool) -> bool:
        path, body = f"/v2.1/os-services/{service['id']}", {"forced_down": down}
        return (await story.admin.client.put("compute", path, json=body, headers=version)).status == 200

    assert await forced_down(True)
    await story.act(by_admin=True, evacuate={})
    after = await story.seen()
    assert after.host != before.host
    assert (after.rows, after.machine, after.disks) == (before.rows, before.machine, before.disks)
    await story.cloud.cloud.restart("compute")  # the host comes back, and gives up what it had
    await until(lambda: forced_down(False), 15.0)
