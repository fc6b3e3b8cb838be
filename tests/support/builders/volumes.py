"""Volumes of the user whom a client authenticates."""

from typing import Any

from support.cloud import Answer, JsonClient, TestCloud

VOLUMES = "/v3/{project_id}/volumes"
BACKUPS = "/v3/{project_id}/backups"
VOLUME_VERSION = {"OpenStack-API-Version": "volume 3.70"}


async def request_volume(client: JsonClient, **fields: Any) -> Answer:
    """The response to a request for a volume of 1 GiB; ``fields``: more of the request."""
    body = {"volume": {"size": 1, **fields}}
    return await client.post("volume", VOLUMES, json=body, headers=VOLUME_VERSION)


async def create_volume(cloud: TestCloud, client: JsonClient, **fields: Any) -> Any:
    """A new volume of 1 GiB as the API shows it when the work on it is finished; ``fields``: more of the request."""
    accepted = (await request_volume(client, **fields)).ok(202).json["volume"]
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


async def request_backup(client: JsonClient, volume_id: str, **fields: Any) -> Answer:
    """The response to ``POST /backups``."""
    body = {"backup": {"volume_id": volume_id, **fields}}
    return await client.post("volume", BACKUPS, json=body, headers=VOLUME_VERSION)


async def a_backup(cloud: TestCloud, client: JsonClient, volume_id: str, **fields: Any) -> Any:
    """A new available backup as the API shows it."""
    accepted = (await request_backup(client, volume_id, **fields)).ok(202).json["backup"]
    await cloud.settle()
    backup = await get_backup(client, accepted["id"])
    assert backup["status"] == "available", backup
    return backup


async def get_backup(client: JsonClient, backup_id: str) -> Any:
    """The backup as ``GET /v3/{project_id}/backups/{id}`` shows it."""
    return (await client.get("volume", f"{BACKUPS}/{backup_id}", headers=VOLUME_VERSION)).ok(200).json["backup"]


async def restore(cloud: TestCloud, client: JsonClient, backup_id: str, **fields: Any) -> Any:
    """The volume that a backup is restored to, when the work on it is finished."""
    answer = await client.post("volume", f"{BACKUPS}/{backup_id}/restore", json={"restore": fields})
    await cloud.settle()
    return await get_volume(client, answer.ok(202).json["restore"]["volume_id"])
