"""In which order a server's events and its volumes' are heard, as a real Nova and Cinder send them."""

import pytest

from stackwire.contracts.volume_workers import BACKEND, HOST, POOL
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, a_server
from support.cloud import JsonClient, TestCloud

UPDATE = "compute.instance.update"


class Heard:
    """The unversioned notifications of servers and volumes, and the fanouts, in their order."""

    def __init__(self, cloud: TestCloud) -> None:
        self.messages: list[dict] = []
        assert cloud.cloud.broker is not None
        self._watch = cloud.cloud.broker.watch(self._hear)

    def _hear(self, record: WireRecord) -> None:
        if record.kind == "publish" and record.exchange in ("nova", "cinder", "scheduler_fanout"):
            message = unwrap(record.body, record.properties)
            if record.routing_key.startswith("notifications.") or record.exchange == "scheduler_fanout":
                self.messages.append(message)

    def steps(self) -> list[str]:
        """Methods and event types; of an update of a server, its new task."""
        return [
            each["payload"]["new_task_state"] or ""
            if each.get("event_type") == UPDATE
            else each.get("event_type") or each["method"]
            for each in self.messages
        ]


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


def on_a_new_volume(image_id: str) -> dict:
    device = {
        "boot_index": 0, "uuid": image_id, "source_type": "image", "destination_type": "volume", "volume_size": 1,
        "delete_on_termination": True,
    }  # fmt: skip
    return {"block_device_mapping_v2": [device]}


async def test_a_root_volume_is_written_over_before_the_devices_are_attached(cloud, demo):
    """``nova/compute/manager.py: _rebuild_default_impl, _rebuild_volume_backed_instance, _do_rebuild_instance``."""
    first, second = await an_image(demo), await an_image(demo, hw_disk_bus="scsi")
    server_id = await a_server(cloud, demo, **on_a_new_volume(first))
    heard = Heard(cloud)
    rebuild = {"rebuild": {"imageRef": second}}
    (await demo.post("compute", f"/v2.1/servers/{server_id}/action", json=rebuild, headers=SERVER_VERSION)).ok(202)
    await cloud.settle()
    assert heard.steps() == [
        "rebuilding", "rebuilding", "scheduler.select_destinations.start", "scheduler.select_destinations.end",
        "compute.instance.rebuild.scheduled", "compute.instance.exists", "compute.instance.rebuild.start", "rebuilding",
        "volume.detach.start", "volume.detach.end", "rebuild_block_device_mapping", "volume.attach.start",
        "volume.attach.end", "rebuild_spawning", "", "update_instance_info", "compute.instance.rebuild.end", "",
    ]  # fmt: skip
    exists = next(message for message in heard.messages if message.get("event_type") == "compute.instance.exists")
    assert exists["payload"]["image_ref_url"].endswith(f"/images/{first}")


async def test_a_volume_that_is_deleted_with_its_server_is_deleted_before_the_server_is_gone(cloud, demo):
    """Each service says its own in this order; which of two services is heard first, nobody promises."""
    server_id = await a_server(cloud, demo, **on_a_new_volume(await an_image(demo)))
    heard = Heard(cloud)
    (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()
    assert [step for step in heard.steps() if not step.startswith("volume.")] == [
        "deleting", "compute.instance.delete.start", "compute.instance.shutdown.start",
        "compute.instance.shutdown.end", "", "delete_instance_info", "compute.instance.delete.end",
    ]  # fmt: skip
    assert [step for step in heard.steps() if step.startswith("volume.")] == [
        "volume.detach.start", "volume.detach.end", "volume.delete.start", "volume.delete.end",
    ]  # fmt: skip


async def test_a_server_that_no_host_has_is_said_to_be_deleted_too(cloud, demo):
    """``nova/compute/api.py: _local_delete``, whose versioned notifications are the API's."""
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    for action in ("shelve", "shelveOffload"):
        body = {action: None}
        await demo.post("compute", f"/v2.1/servers/{server_id}/action", json=body, headers=SERVER_VERSION)
        await cloud.settle()
    assert await cloud.rows("compute", "SELECT host FROM instances WHERE NOT deleted") == [{"host": None}]
    heard = Heard(cloud)
    (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()
    assert heard.steps() == ["deleting", "compute.instance.delete.start", "", "compute.instance.delete.end"]
    assert heard.messages[-1]["payload"]["state"] == "deleted"
    said = "SELECT address->>'publisher_id' AS sender FROM outbox WHERE name = 'instance.delete.end'"
    assert [row["sender"].partition(":")[0] for row in await cloud.rows("compute", said)] == ["nova-api"]


async def test_each_part_of_the_volume_service_names_itself_as_publisher(cloud, demo):
    """As recorded: ``volume.HOST`` for the API, ``HOST@BACKEND`` for the daemon, the pool for what creates a volume."""
    heard = Heard(cloud)
    server_id = await a_server(cloud, demo, **on_a_new_volume(await an_image(demo)))
    (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()
    found = {
        each["event_type"]: each["publisher_id"] for each in heard.messages if "volume." in each.get("event_type", "")
    }
    assert found == {
        "volume.create.start": f"volume.{POOL}",
        "volume.create.end": f"volume.{POOL}",
        "volume.attach.start": f"volume.{BACKEND}",
        "volume.attach.end": f"volume.{HOST}",
        "volume.detach.start": f"volume.{BACKEND}",
        "volume.detach.end": f"volume.{HOST}",
        "volume.delete.start": f"volume.{BACKEND}",
        "volume.delete.end": f"volume.{BACKEND}",
    }
