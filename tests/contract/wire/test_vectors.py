"""Messages captured from oslo.messaging 18.3.1: all are read, and those of the kinds we send are written the same."""

import asyncio
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest

from stackwire.contracts.base import Event, Target
from stackwire.messaging import failure
from stackwire.messaging.client import RpcClient
from stackwire.messaging.envelope import context_of, unwrap, wrap
from stackwire.messaging.memory import MemoryBroker, MemoryTransport
from stackwire.messaging.notify import Notifier, read_notification
from stackwire.messaging.server import _reply, read_request
from stackwire.messaging.transport import Properties, WireRecord, topic_queue
from support.polling import until

VECTORS = {
    path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).parents[2].glob("data/wire/*.json"))
}
WHOLE = {name: vector for name, vector in VECTORS.items() if "body_utf8" in vector}
REQUESTS = [name for name in WHOLE if name.endswith("_request")]
REPLIES = [name for name in WHOLE if name.endswith("_reply") or "heartbeat" in name]
NOTIFICATIONS = [name for name in WHOLE if "notify" in name]


def properties_of(vector: dict[str, Any]) -> Properties:
    given = dict(vector["properties"])
    if "expiration" in given:
        given["expiration"] = int(given["expiration"])
    return Properties(**given)


class Received:
    """A delivery that has nobody behind it."""

    redelivered = False

    def __init__(self, vector: dict[str, Any]) -> None:
        self.body = vector["body_utf8"].encode()
        self.properties = properties_of(vector)
        self.exchange = vector["publish"]["exchange"]
        self.routing_key = self.queue = vector["publish"]["routing_key"]

    async def ack(self) -> None: ...

    async def reject(self, *, requeue: bool = False) -> None: ...


def ordered(value: Any) -> str:
    """Text in which key order counts."""
    return json.dumps(value)


def payload_of(body: bytes) -> Any:
    envelope = json.loads(body)
    assert list(envelope) == ["oslo.version", "oslo.message"]
    assert envelope["oslo.version"] == "2.0"
    return json.loads(envelope["oslo.message"])


def test_there_are_vectors() -> None:
    assert len(REQUESTS) >= 11
    assert len(REPLIES) >= 8
    assert len(NOTIFICATIONS) == 4


@pytest.mark.parametrize("name", WHOLE)
def test_every_body_is_read(name: str) -> None:
    vector = WHOLE[name]
    assert ordered(unwrap(vector["body_utf8"].encode(), properties_of(vector))) == ordered(vector["message"])


@pytest.mark.parametrize("name", WHOLE)
def test_every_payload_is_written_in_the_same_order(name: str) -> None:
    message = WHOLE[name]["message"]
    assert ordered(payload_of(wrap(message))) == ordered(message)


@pytest.mark.parametrize("name", REQUESTS)
def test_every_request_is_understood(name: str) -> None:
    message = WHOLE[name]["message"]
    request = read_request(Received(WHOLE[name]))
    assert (request.method, request.args) == (message["method"], message["args"])
    assert (request.version, request.namespace) == (message["version"], message.get("namespace"))
    assert (request.msg_id, request.reply_to) == (message.get("_msg_id"), message.get("_reply_q"))
    assert (request.monitor, request.unique_id) == (message.get("_timeout"), message["_unique_id"])
    assert request.context == context_of(message)


class Bus(MemoryTransport):
    """A bus that shows what was published on it."""

    def __init__(self) -> None:
        super().__init__(MemoryBroker())
        self.seen: list[WireRecord] = []
        self.broker.watch(self.seen.append)


def as_sent(record: WireRecord) -> dict[str, Any]:
    given = {field.name: getattr(record.properties, field.name) for field in fields(Properties)}
    given = {key: value for key, value in given.items() if value is not None}
    if "expiration" in given:
        given["expiration"] = str(given["expiration"])
    return given


VOLATILE = {"_msg_id", "_reply_q", "_unique_id"}


def without_volatile(message: dict[str, Any]) -> str:
    return ordered({key: "*" if key in VOLATILE else value for key, value in message.items()})


@pytest.mark.parametrize("name", REQUESTS)
async def test_our_requests_are_those_of_the_real_client(name: str) -> None:
    vector = WHOLE[name]
    message, publish = vector["message"], vector["publish"]
    fanout = publish["exchange"].endswith("_fanout")
    topic, _, server = publish["routing_key"].partition(".")
    exchange = "vx"
    target = Target(exchange, "vtopic" if fanout else topic, message.get("namespace"), message["version"])

    bus = Bus()
    rpc, context, method, args = RpcClient(bus), context_of(message), message["method"], message["args"]
    if "_msg_id" in message:
        await bus.declare(topic_queue(exchange, topic, server or None))
        seconds, monitor = int(vector["properties"]["expiration"]) / 1000, message["_timeout"]
        call = asyncio.ensure_future(
            rpc.request(context, target, method, args, server=server or None, timeout=seconds, monitor=monitor)
        )
        await until(lambda: bus.seen)
        call.cancel()
    else:
        await rpc.send(context, target, method, args, server=server or None, fanout=fanout)
    record = bus.seen[0]
    assert (record.exchange, record.routing_key) == (publish["exchange"], publish["routing_key"])
    assert as_sent(record) == vector["properties"]
    assert without_volatile(payload_of(record.body)) == without_volatile(message)


@pytest.mark.parametrize("name", REPLIES)
def test_our_replies_are_those_of_the_real_server(name: str) -> None:
    vector = WHOLE[name]
    message = vector["message"]
    request = read_request(
        Received(
            {
                "body_utf8": json.dumps(
                    {"method": "m", "_msg_id": message["_msg_id"], "_reply_q": vector["publish"]["routing_key"]}
                ),
                "properties": vector["properties"],
                "publish": vector["publish"],
            }
        )
    )
    reply = _reply(request, message["result"], message["failure"], ending=message["ending"])
    assert without_volatile(payload_of(wrap(reply))) == without_volatile(message)
    assert len(reply["_unique_id"]) == len(message["_unique_id"])


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if "failure_decoded" in vector])
def test_failures_have_the_real_ones_shape_and_are_understood(name: str) -> None:
    real = VECTORS[name]["failure_decoded"]
    try:
        raise ValueError("bad size")
    except ValueError as error:
        ours = orjson.loads(failure.encode(error))
    assert list(ours) == list(real)
    assert ours["class"] == "ValueError"
    assert ours["module"] == "builtins"
    assert ours["tb"][0] == "Traceback (most recent call last):\n"
    assert ours["tb"][-1] == "ValueError: bad size\n"
    decoded = failure.decode(json.dumps(real))
    assert decoded.params.get("exc_type", real["class"]) == real["class"]


@pytest.mark.parametrize("name", NOTIFICATIONS)
def test_every_notification_is_understood(name: str) -> None:
    message = WHOLE[name]["message"]
    got = read_notification(Received(WHOLE[name]))
    assert (got.message_id, got.publisher_id, got.event_type) == (
        message["message_id"],
        message["publisher_id"],
        message["event_type"],
    )
    assert (got.priority, got.payload, got.timestamp) == (message["priority"], message["payload"], message["timestamp"])
    assert got.context == context_of(message)


@pytest.mark.parametrize("name", [name for name in NOTIFICATIONS if name.endswith("v2")])
async def test_our_notifications_are_those_of_the_real_notifier(name: str) -> None:
    vector = WHOLE[name]
    message, publish = vector["message"], vector["publish"]
    event = Event(
        exchange=publish["exchange"],
        event_type=message["event_type"],
        publisher_id=message["publisher_id"],
        payload=message["payload"],
        priority=message["priority"],
    )

    bus = Bus()
    await Notifier(bus).send(event, context_of(message), message["message_id"], message["timestamp"])
    record = bus.seen[0]
    assert record.queues == (publish["routing_key"],)
    assert (record.exchange, record.routing_key) == (publish["exchange"], publish["routing_key"])
    assert as_sent(record) == vector["properties"]
    # The real context also has a service catalogue, empty; ours never carries one out of the house.
    expected = {key: value for key, value in message.items() if key != "_context_service_catalog"}
    assert without_volatile(payload_of(record.body)) == without_volatile(expected)
