"""Volumes of the user whom a client authenticates."""

from typing import Any

from support.cloud import Answer, JsonClient, TestCloud

VOLUMES = "/v3/{project_id}/volumes"
VOLUME_VERSION = {"OpenStack-API-Version": "volume 3.70"}


async def create_volume(cloud: TestCloud, client: JsonClient, **fields: Any) -> Any:
    """A new volume of 1 GiB as the API shows it when the work on it is finished; ``fields``: more of the request."""
    body = {"volume": {"size": 1, **fields}}
    accepted = (await client.post("volume", VOLUMES, json=body, headers=VOLUME_VERSION)).ok(202).json["volume"]
    await cloud.settle()
    return await get_volume(client, accepted["id"])


async def a_volume(cloud: TestCloud, client: JsonClient, **fields: Any) -> str:
    """The id of a new available volume of 1 GiB."""
    volume = await create_volume(cloud, client, **fields)
    assert volume["status"] == "available"
    return str(volume["id"])


async def get_volume(client: JsonClient, volume_id: str) -> Any:
    """The volume as ``GET /v3/{project_id}/volumes/{id}`` shows it."""
    return (await client.get("volume", f"{VOLUMES}/{volume_id}", headers=VOLUME_VERSION)).ok(200).json["volume"]


async def volume_action(client: JsonClient, volume_id: str, action: str, value: Any = None) -> Answer:
    """The response to an action such as ``os-extend``."""
    path = f"{VOLUMES}/{volume_id}/action"
    return await client.post("volume", path, json={action: value}, headers=VOLUME_VERSION)
