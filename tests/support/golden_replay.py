"""Replays the recorded journey against the simulated cloud and returns every difference, flow by flow."""

import json
from typing import Any

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.cloud import JsonClient, TestCloud
from support.golden import Names, differences, event_differences, recording, resource_of

EXCHANGES = {"glance", "cinder", "nova"}
PREFIX = {"image": "", "volume": "/v3", "compute": "/v2.1"}
POLLS = 400
ROOTS = ("server", "volume", "snapshot", "backup", "group", "group_snapshot")
SETTLE_TIMEOUT_SECONDS = 120.0  # a volume of a GiB is hashed three times on the way to its image


UNRECORDED: dict[str, list[dict[str, Any]]] = {
    # Steps of the recorded journey whose exchanges were not kept, but whose effects the flow after them shows.
    "server_attach_detach": [
        {
            "call": "POST /volumes",
            "service": "volume",
            "request": {"volume": {"size": 1, "name": "vol-clone", "source_volid": "<vol-img>"}},
            "response": {"volume": {"id": "<vol-clone>"}},
        },
        {"call": "GET /volumes/<vol-clone>", "service": "volume", "last": "available"},
    ],
    "server_snapshot_volume_after_rebuild": [
        {
            "call": "POST /servers/<srv-img2vol>/action",
            "service": "compute",
            "request": {"rebuild": {"imageRef": "<img2>"}},
        },
        {"call": "GET /servers/<srv-img2vol>", "service": "compute", "last": "ACTIVE"},
    ],
}
VERSIONS = {"volume": "volume 3.70", "compute": "compute 2.93"}


class GoldenReplay:
    """One run by ``demo``. ``run(flow)`` replays a flow and returns the differences.

    Flows build on each other: they are run in the recorded order.
    """

    journey = "golden"
    names: Names

    def __init__(self, cloud: TestCloud, demo: JsonClient, user_id: str) -> None:
        self.names = self.new_names()
        self.names.bind("<project>", demo.project_id)
        self.names.bind("<user>", user_id)
        self._cloud = cloud
        self._demo = demo
        self._events: list[dict[str, Any]] = []

    def on_wire_record(self, record: WireRecord) -> None:
        """Collects each notification as it is published."""
        if record.kind == "publish" and record.exchange in EXCHANGES and "notifications." in record.routing_key:
            message = unwrap(record.body, record.properties)
            self._events.append({**message, "exchange": record.exchange, "routing_key": record.routing_key})

    async def learn_flavors(self) -> None:
        """The recordings call flavors by their names."""
        answer = (await self._demo.get("compute", "/v2.1/flavors/detail")).ok().json
        for flavor in answer["flavors"]:
            self.names.bind(f"<flavor-{flavor['name']}>", flavor["id"])

    def new_names(self) -> Names:
        return Names()

    async def before(self, flow: str, at: int) -> None:
        """What was done before an exchange, and is none itself."""

    def client(self, exchange: dict[str, Any]) -> JsonClient:
        """Whoever made the exchange."""
        return self._demo

    async def run(self, flow: str) -> list[str]:
        recorded = recording(flow, self.journey)
        self.names.forget_strangers()
        for step in UNRECORDED.get(flow, []):
            await self._exchange("unrecorded", self._step(step))
            await self._cloud.settle(SETTLE_TIMEOUT_SECONDS)
        self._events = []
        found: list[str] = []
        for at, exchange in enumerate(recorded["rest"]):
            await self.before(flow, at)
            if self.names.unknown(exchange["call"]):
                continue  # a resource of a flow that is not replayed
            found += await self._exchange(f"rest[{at}] {exchange['call']}", exchange)
            if exchange["call"].endswith("/file"):
                await self._cloud.settle(SETTLE_TIMEOUT_SECONDS)  # image.send follows the last byte of its answer
        await self._cloud.settle(SETTLE_TIMEOUT_SECONDS)
        self._learn_events(recorded["events"])
        emitted = [self._event(event) for event in self._events]
        expected = [event for event in recorded["events"] if not self.names.unknown(resource_of(event["payload"]))]
        found += event_differences(expected, emitted)
        return found

    @staticmethod
    def _step(step: dict[str, Any]) -> dict[str, Any]:
        headers = {"OpenStack-API-Version": VERSIONS[step["service"]], "Content-Type": "application/json"}
        return {"headers": headers, "request": None, "last": None, "response": None, "status": None, **step}

    async def _exchange(self, where: str, recorded: dict[str, Any]) -> list[str]:
        status, body = await self._send(recorded)
        for _ in range(POLLS):
            if recorded["last"] is None or _state(status, body) == recorded["last"]:
                break
            await self._cloud.settle(SETTLE_TIMEOUT_SECONDS)
            status, body = await self._send(recorded)
        else:
            return [f"{where}: never became {recorded['last']}: {json.dumps(body)[:300]}"]
        if recorded["call"].endswith("/os-volume_attachments"):
            await self._learn_root_volumes(recorded)
        self.names.learn(recorded["response"], body)
        found = list(differences(f"{where}.status", recorded["status"], status))
        return found + list(differences(f"{where}.response", recorded["response"], self.names.normal(body)))

    async def _send(self, recorded: dict[str, Any]) -> tuple[int, Any]:
        method, path = self.names.fill(recorded["call"]).split(" ", 1)
        sent = recorded["request"]
        data: bytes | None = None
        if isinstance(sent, dict) and "<bytes>" in sent:
            data = self._bytes(path, sent["<bytes>"])
        elif sent is not None:
            data = json.dumps(self.names.fill(sent)).encode()
        service = recorded["service"]
        headers = recorded["headers"]
        answer = await self.client(recorded).request(
            method, service, PREFIX[service] + path, data=data, headers=headers
        )
        if answer.json is not None:
            return answer.status, answer.json
        if not answer.body:
            return answer.status, None
        octets = "octet" in answer.headers.get("Content-Type", "")
        return answer.status, {"<bytes>": len(answer.body)} if octets else answer.body.decode()[:2000]

    def _bytes(self, path: str, size: int) -> bytes:
        ident = path.split("/")[3]
        name = self.names.by_id[ident].strip("<>")
        return name.encode().ljust(16) + bytes(size - 16)

    async def _learn_root_volumes(self, recorded: dict[str, Any]) -> None:
        """The journey calls the first volume of a server ``<server>-root``; it is met first in this answer."""
        _, body = await self._send(recorded)
        self.names.learn(recorded["response"], body)

    def _event(self, event: dict[str, Any]) -> dict[str, Any]:
        return {
            "event_type": event["event_type"],
            "priority": event["priority"],
            "publisher": event["publisher_id"].split(".")[0].split(":")[0],
            "exchange": event["exchange"],
            "routing_key": event["routing_key"],
            "payload": self.names.normal(event["payload"]),
        }

    def _learn_events(self, recorded: list[dict[str, Any]]) -> None:
        """Ids that only events show are bound where the n-th event of a kind shows them in the recording."""
        for kind in {event["event_type"] for event in recorded}:
            expected = [event["payload"] for event in recorded if event["event_type"] == kind]
            emitted = [event["payload"] for event in self._events if event["event_type"] == kind]
            for recorded_payload, payload in zip(expected, emitted, strict=False):
                self.names.learn(recorded_payload, payload)


def _state(status: int, body: Any) -> str | None:
    """The status of a resource with its task, as the recordings note what they polled for."""
    if status == 404:
        return "404"
    if not isinstance(body, dict):
        return None
    resource = next((body[root] for root in ROOTS if root in body), body)
    task = resource.get("OS-EXT-STS:task_state")
    return f"{resource.get('status')}/{task}" if task else resource.get("status")


def property_rows(cloud_rows: dict[str, list[dict[str, Any]]], names: Names) -> dict[str, dict[str, dict[str, Any]]]:
    """Property rows in the recordings' form: table, owner's name, key, value."""
    by_table: dict[str, dict[str, dict[str, Any]]] = {}
    for table, rows in cloud_rows.items():
        for row in rows:
            owner = names.by_id.get(row["owner"], row["owner"]).strip("<>")
            by_table.setdefault(table, {}).setdefault(owner, {})[row["key"]] = stored_value(
                row["key"], row["value"], names
            )
    return by_table


def stored_value(key: str, value: str | None, names: Names) -> str | None:
    if value is None:
        return None
    if key.endswith("boot_roles"):
        return ",".join(sorted(value.split(",")))
    if key.endswith("block_device_mapping") and value.startswith("["):
        return json.dumps(json.loads(names.plain(value)), sort_keys=True)
    return names.plain(value)
