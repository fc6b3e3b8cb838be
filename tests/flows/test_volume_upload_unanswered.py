"""An image is asked for, and whoever asked does not hear of it: it does not stay queued for ever."""

import pytest

from stackwire.core.fault_rules import FaultRule
from stackwire.core.faults import FaultRules
from support.builders.images import a_queued_image
from support.builders.volumes import a_volume, get_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud

UPLOAD = {"image_name": "unheard", "disk_format": "raw", "container_format": "bare", "protected": True}
LOST_REPLY = {"kind": "bus.drop", "match": {"service": "image", "message": "reply"}, "count": 1}

pytestmark = pytest.mark.one_process


async def statuses(client: JsonClient) -> list[str]:
    """Of the images."""
    return [image["status"] for image in (await client.get("image", "/v2/images")).ok(200).json["images"]]


async def a_cloud_with(a_cloud: ACloud, rules: FaultRules) -> TestCloud:
    settings = {"volume": {"sweep_seconds": 3600.0}}
    return await a_cloud(services=("identity", "image", "volume"), settings=settings, faults=rules)


async def test_what_the_image_service_made_for_nobody_is_deleted(a_cloud: ACloud) -> None:
    rules = FaultRules()
    cloud = await a_cloud_with(a_cloud, rules)
    demo = await cloud.http("demo")
    volume = await a_volume(cloud, demo)
    rules.add(FaultRule.model_validate(LOST_REPLY))
    assert (await volume_action(demo, volume, "os-volume_upload_image", UPLOAD)).status == 503
    assert (await get_volume(demo, volume))["status"] == "available"
    assert await statuses(demo) == ["queued"]
    await cloud.cloud.restart("volume")
    await cloud.settle()
    assert await statuses(demo) == []
    assert await cloud.rows("volume", "SELECT noun, id FROM leases") == []


async def test_a_protected_image_that_a_dead_worker_left_unfinished_goes_too(a_cloud: ACloud) -> None:
    cloud = await a_cloud_with(a_cloud, FaultRules())
    demo = await cloud.http("demo")
    volume, image = await a_volume(cloud, demo), await a_queued_image(demo, protected=True)
    await cloud.rows(
        "volume",
        "WITH lease AS (INSERT INTO leases (noun, id, owner, expires_at) VALUES ('volume', $1, 'a dead one', now()))"
        " UPDATE volumes SET status = 'uploading', previous_status = 'available', upload_image = $2 WHERE id = $1"
        " RETURNING id",
        volume,
        image,
    )
    await cloud.cloud.restart("volume")
    await cloud.settle()
    assert (await get_volume(demo, volume))["status"] == "available"
    assert await statuses(demo) == []
