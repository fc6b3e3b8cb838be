"""Every message of the services as an AsyncAPI 3 document, generated from the contracts.

``python -m stackwire.contracts.asyncapi`` prints it. Payloads are the content of oslo.messaging's envelope: a
request has ``method``, ``args`` and the protocol's own keys beside ``_context_*``; a notification has its event.
"""

import json
from importlib import import_module
from typing import Any

from stackwire.contracts.base import Call, Contract, Fanout, Message
from stackwire.contracts.events import EVENTS, EventContract
from stackwire.contracts.schema import modules

DEFS = "#/components/schemas/"
_REQUEST = {
    "oslo.version": "2.0 outside; inside it the keys below",
    "_msg_id": "of a call: its reply has the same",
    "_reply_q": "of a call: the queue its reply goes to",
    "_unique_id": "the same for a message that is sent again",
    "_context_*": "the caller, the request and the caller's rights (oslo.context)",
}
_NOTIFICATION = {
    "type": "object",
    "properties": {
        "message_id": {"type": "string", "format": "uuid"},
        "publisher_id": {"type": "string", "description": "the service and its host"},
        "event_type": {"type": "string"},
        "priority": {"enum": ["INFO", "ERROR"]},
        "timestamp": {"type": "string", "description": "UTC: 2026-11-20 21:23:39.123456"},
        "payload": {},
        "_unique_id": {"type": "string", "description": _REQUEST["_unique_id"]},
    },
    "patternProperties": {"^_context_": {"description": _REQUEST["_context_*"]}},
    "required": ["message_id", "publisher_id", "event_type", "priority", "timestamp", "payload"],
}


def document() -> dict[str, Any]:
    """The whole document, in an order that does not change."""
    schemas: dict[str, Any] = {"Notification": _NOTIFICATION}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for kind in _messages():
        _add_request(kind, schemas, channels, operations)
    for event in EVENTS:
        for priority in event.priorities:
            _add_event(event, priority, schemas, channels, operations)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Stackwire's messages",
            "version": "1",
            "description": "oslo.messaging's wire format, version 2.0, over RabbitMQ or in process.",
        },
        "defaultContentType": "application/json",
        "servers": {"bus": {"host": "localhost:5672", "protocol": "amqp"}},
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }


def _messages() -> list[type[Message]]:
    found = {
        value
        for module in modules()
        for value in vars(import_module(f"stackwire.contracts.{module}")).values()
        if isinstance(value, type) and issubclass(value, Message) and hasattr(value, "target")
    }
    return sorted(found, key=lambda kind: (kind.target.exchange, kind.target.topic, kind.method))


def _add_request(
    kind: type[Message], schemas: dict[str, Any], channels: dict[str, Any], operations: dict[str, Any]
) -> None:
    target, name = kind.target, kind.__name__
    schemas[name] = {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "properties": {
            "method": {"const": kind.method},
            "args": _schema(kind, schemas),
            **{key: {"description": text} for key, text in _REQUEST.items()},
        },
        "required": ["method", "args"],
    }
    fanout = issubclass(kind, Fanout)
    address = f"{target.topic}_fanout" if fanout else f"{target.exchange}/{target.topic}"
    _add_message(channels, address, name, {"$ref": DEFS + name}, exchange_type="fanout" if fanout else "topic")
    operation: dict[str, Any] = {"action": "receive", **_on(address, name)}
    if issubclass(kind, Call):
        answer = f"{name}Reply"
        schemas[answer] = {
            "type": "object",
            "properties": {
                "result": _placed(
                    kind.result.json_schema(mode="serialization", ref_template=DEFS + "{model}"), schemas
                ),
                "failure": {"type": ["string", "null"], "description": "JSON: class, module, message, args, kwargs"},
                "ending": {"const": True},
                "_msg_id": {"type": "string"},
            },
        }
        _add_message(channels, "reply", answer, {"$ref": DEFS + answer}, exchange_type="direct")
        operation["reply"] = _on("reply", answer)
    operations[name] = operation


def _add_event(
    event: EventContract, priority: str, schemas: dict[str, Any], channels: dict[str, Any], operations: dict[str, Any]
) -> None:
    """A channel is a routing key: the topic and the priority. Its consumers receive every event of the channel."""
    payload: dict[str, Any] = {"type": "string"}
    if not issubclass(event.payload, str):
        schemas[event.payload.__name__] = _schema(event.payload, schemas)
        payload = {"$ref": DEFS + event.payload.__name__}
    own = {"event_type": {"const": event.event_type}, "priority": {"const": priority}, "payload": payload}
    schema = {"allOf": [{"$ref": f"{DEFS}Notification"}], "properties": own}
    address = f"{event.exchange}/{event.topic}.{priority.lower()}"
    _add_message(channels, address, event.event_type, schema, exchange_type="topic")
    here = _on(address, event.event_type)
    operation = operations.setdefault(f"{_id(address)}-emitted", {"action": "send", **here, "messages": []})
    operation["messages"] += here["messages"]


def _schema(kind: type[Contract], schemas: dict[str, Any]) -> dict[str, Any]:
    return _placed(kind.model_json_schema(ref_template=DEFS + "{model}"), schemas)


def _placed(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema, its own definitions moved into ``schemas``."""
    schemas.update(schema.pop("$defs", {}))
    return schema


def _add_message(
    channels: dict[str, Any], address: str, name: str, payload: dict[str, Any], *, exchange_type: str
) -> None:
    exchange, _, key = address.rpartition("/")
    channel = channels.setdefault(
        _id(address),
        {
            "address": key,
            "messages": {},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": exchange, "type": exchange_type}}},
        },
    )
    channel["messages"][name] = {"name": name, "payload": payload}


def _on(address: str, name: str) -> dict[str, Any]:
    channel = f"#/channels/{_id(address)}"
    return {"channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/{name}"}]}


def _id(address: str) -> str:
    """Without slashes, which separate the parts of a JSON pointer."""
    return address.replace("/", "-")


if __name__ == "__main__":
    print(json.dumps(document(), indent=2, ensure_ascii=False))  # noqa: T201  # the program's output
