"""Images of the user whom a client authenticates."""

import io
from collections.abc import AsyncIterable, Mapping
from typing import Any

from support.cloud import Answer, JsonClient

OCTETS = {"Content-Type": "application/octet-stream"}
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
IMAGE_BYTES = b"x" * 4096


async def a_queued_image(client: JsonClient, **fields: Any) -> str:
    """The id of a new raw image without data; ``fields`` are added to the request's body."""
    body = {"name": "image", "disk_format": "raw", "container_format": "bare", **fields}
    return str((await client.post("image", "/v2/images", json=body)).ok(201).json["id"])


async def an_image(client: JsonClient, data: bytes = IMAGE_BYTES, *, store: str | None = None, **fields: Any) -> str:
    """The id of a new active image; ``store`` names the backend that holds its data."""
    image_id = await a_queued_image(client, **fields)
    headers = {"x-image-meta-store": store} if store else {}
    (await upload_image(client, image_id, data, **headers)).ok(204)
    return image_id


async def get_image(client: JsonClient, image_id: str) -> Any:
    """The body of ``GET /v2/images/{id}``."""
    return (await client.get("image", f"/v2/images/{image_id}")).ok(200).json


async def upload_image(client: JsonClient, image_id: str, data: bytes | AsyncIterable[bytes], **headers: str) -> Answer:
    """The response to ``PUT /v2/images/{id}/file``."""
    return await _put(client, f"/v2/images/{image_id}/file", data, headers)


async def download_image(client: JsonClient, image_id: str, **headers: str) -> bytes:
    """The data of the image, or the part of it that a ``Range`` header names."""
    answer = await client.get("image", f"/v2/images/{image_id}/file", headers=headers)
    return answer.ok(206 if headers else 200).body


async def stage_image(client: JsonClient, image_id: str, data: bytes | AsyncIterable[bytes], **headers: str) -> Answer:
    """The response to ``PUT /v2/images/{id}/stage``."""
    return await _put(client, f"/v2/images/{image_id}/stage", data, headers)


async def _put(client: JsonClient, path: str, data: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> Answer:
    body = io.BytesIO(data) if isinstance(data, bytes) else data
    return await client.put("image", path, data=body, headers={**OCTETS, **headers})


async def a_staged_image(client: JsonClient, data: bytes = IMAGE_BYTES, **fields: Any) -> str:
    """The id of a new image whose data is staged, ready for an import by glance-direct."""
    image_id = await a_queued_image(client, **fields)
    (await stage_image(client, image_id, data)).ok(204)
    return image_id
