"""Old bugs of images."""

from typing import Any

from stackwire.cloud.bugs.scenario import scenario
from stackwire.cloud.bugs.scenario_client import ScenarioClient


@scenario(
    "lp-901534",
    "which team does the image belong to once it has its data?",
    with_bug=None,
    without_bug="storage",
    release="queens",
)
async def data_for_a_registered_image(client: ScenarioClient) -> Any:
    """An image is registered with a property; its data follow through the v1 API, with headers of their own."""
    created = await client.api.request(
        "POST",
        "image",
        "/v2/images",
        {"name": "disk", "disk_format": "raw", "container_format": "bare", "team": "storage"},
    )
    headers = {"Content-Type": "application/octet-stream", "x-image-meta-name": "disk"}
    await client.api.try_request("PUT", "image", f"/v1/images/{created['id']}", data=b"data", headers=headers)
    return (await client.get_image(created["id"])).get("team")


@scenario(
    "lp-1525915",
    "what is the status of an image whose locations were taken away?",
    with_bug="queued",
    without_bug="active",
    settings={"image": {"show_multiple_locations": True}},
)
async def an_image_without_locations(client: ScenarioClient) -> Any:
    """An active image's locations are replaced by none, where clients may change them."""
    image = await client.image()
    await client.try_change(image, {"op": "replace", "path": "/locations", "value": []})
    return (await client.get_image(image))["status"]


@scenario(
    "lp-1482371",
    "which status does an active image have whose owner sends another one?",
    with_bug="queued",
    without_bug="active",
    release="queens",
)
async def a_status_sent_as_a_header(client: ScenarioClient) -> Any:
    """The owner of an active image sends the header x-image-meta-status: queued to the v1 API."""
    image = await client.image()
    headers = {"x-image-meta-status": "queued"}
    await client.api.try_request("PUT", "image", f"/v1/images/{image}", headers=headers)
    return (await client.get_image(image))["status"]


@scenario("lp-1889676", "what does an image with a property stores answer?", with_bug=201, without_bug=403)
async def a_property_named_stores(client: ScenarioClient) -> int:
    """A client makes an image and says itself which stores have its data."""
    body = {"name": "disk", "stores": "nowhere"}
    status, _, _ = await client.api.try_request("POST", "image", "/v2/images", body)
    return status


@scenario(
    "lp-1912001",
    "may an imported image have the one property that the quota allows?",
    with_bug=413,
    without_bug=200,
    settings={"image": {"image_property_quota": 1}},
    release="2024.1",
)
async def the_quota_of_an_imported_image(client: ScenarioClient) -> int:
    """An image is imported, which leaves properties of the service itself; then its owner adds the first property."""
    image = await client.imported_image()
    status, _ = await client.try_change(image, {"op": "add", "path": "/team", "value": "storage"})
    return status
