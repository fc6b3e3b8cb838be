"""What belongs to a server beside its view: rows of the system's metadata, its actions, what was told about it."""

from typing import Any

from stackwire.compute.flows.worker.host_service import HostService
from support.builders.servers import SERVER_VERSION, SERVERS
from support.cloud import JsonClient, TestCloud


def host_services(cloud: TestCloud) -> list[HostService]:
    """One of each process."""
    resources = [each for process in cloud.processes("compute") for each in process._resources]
    return [each for each in resources if isinstance(each, HostService)]


async def system_metadata(cloud: TestCloud, server_id: str) -> dict[str, str]:
    """``instance_system_metadata``."""
    sql = "SELECT key, value FROM instance_system_metadata WHERE instance_uuid = $1"
    return {row["key"]: row["value"] for row in await cloud.rows("compute", sql, server_id)}


async def action_events(client: JsonClient, server_id: str) -> list[tuple[str, str | None, list[str]]]:
    """Each action with its message and its events, the latest first."""
    path = f"{SERVERS}/{server_id}/os-instance-actions"
    listed = (await client.get("compute", path, headers=SERVER_VERSION)).ok(200).json["instanceActions"]
    found: list[tuple[str, str | None, list[str]]] = []
    for each in listed:
        shown = (await client.get("compute", f"{path}/{each['request_id']}", headers=SERVER_VERSION)).ok(200).json
        events = [event["event"] for event in shown["instanceAction"]["events"]]
        found.append((each["action"], each["message"], events))
    return found


async def told(cloud: TestCloud, *words: str) -> list[str]:
    """Event types of the compute service that have one of these words, in the order in which they were sent."""
    sent = await cloud.rows("compute", "SELECT name FROM outbox WHERE kind = 'notify' ORDER BY seq")
    return [row["name"] for row in sent if any(word in row["name"] for word in words)]


async def crossings(cloud: TestCloud) -> list[tuple[str, str, str]]:
    """Each transfer of properties in the compute service: its rule, from what and to what, in order."""
    sql = "SELECT payload FROM outbox WHERE name = 'properties.crossed' ORDER BY seq"
    found = [row["payload"] for row in await cloud.rows("compute", sql)]
    return [(each["rule"], each["from_kind"], each["to_kind"]) for each in found]


async def guest_xml(cloud: TestCloud, server_id: str) -> str:
    """The libvirt domain as it is defined now."""
    (row,) = await cloud.rows("compute", "SELECT guest_xml FROM instance_extra WHERE instance_uuid = $1", server_id)
    return str(row["guest_xml"])


async def change_image(client: JsonClient, image_id: str, **properties: str) -> Any:
    """The image after these properties of it were added or replaced."""
    patch = [{"op": "add", "path": f"/{name}", "value": value} for name, value in properties.items()]
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    return (await client.request("PATCH", "image", f"/v2/images/{image_id}", json=patch, headers=headers)).ok(200).json
