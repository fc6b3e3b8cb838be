"""Servers of the user whom a client authenticates."""

from collections.abc import Mapping
from typing import Any

from support.cloud import Answer, JsonClient, TestCloud

SERVERS = "/v2.1/servers"
SERVER_VERSION = {"OpenStack-API-Version": "compute 2.93"}
TINY_FLAVOR = "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01"
"""The id of m1.tiny, as it is seeded."""
SMALL_FLAVOR = "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e02"
"""And of m1.small."""


async def request_server(client: JsonClient, *, version: Mapping[str, str] = SERVER_VERSION, **fields: Any) -> Answer:
    """The response to a request for a tiny server without networks; ``fields`` say what it boots from."""
    body = {"server": {"name": "srv", "flavorRef": TINY_FLAVOR, "networks": "none", **fields}}
    return await client.post("compute", SERVERS, json=body, headers=version)


async def create_server(cloud: TestCloud, client: JsonClient, **fields: Any) -> Any:
    """A new server as the API shows it when the work on it is finished: active, or in error."""
    accepted = (await request_server(client, **fields)).ok(202).json["server"]
    await cloud.settle()
    return await get_server(client, accepted["id"])


async def a_server(cloud: TestCloud, client: JsonClient, **fields: Any) -> str:
    """The id of a new active server."""
    server = await create_server(cloud, client, **fields)
    assert server["status"] == "ACTIVE", server.get("fault")
    return str(server["id"])


async def get_server(client: JsonClient, server_id: str, version: str = "2.93") -> Any:
    """The server as ``GET /v2.1/servers/{id}`` shows it in a microversion."""
    headers = {"OpenStack-API-Version": f"compute {version}"}
    return (await client.get("compute", f"{SERVERS}/{server_id}", headers=headers)).ok(200).json["server"]


async def server_action(client: JsonClient, server_id: str, version: str = "2.93", **action: Any) -> Answer:
    """The response to an action such as ``rebuild={"imageRef": ...}``."""
    headers = {"OpenStack-API-Version": f"compute {version}"}
    return await client.post("compute", f"{SERVERS}/{server_id}/action", json=action, headers=headers)


def from_volume(volume_id: str, **fields: Any) -> list[dict[str, Any]]:
    """A ``block_device_mapping_v2`` whose root device is the volume."""
    device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume_id}
    return [{**device, **fields}]


async def finish_action(cloud: TestCloud, client: JsonClient, server_id: str, **action: Any) -> Answer:
    """The response to an action, after the work that it started."""
    answer = await server_action(client, server_id, **action)
    await cloud.settle()
    return answer
