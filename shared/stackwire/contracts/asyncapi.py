"""Every message of the house as an AsyncAPI 3 document, generated from the contracts.

``python -m stackwire.contracts.asyncapi`` prints it. Payloads are what stands inside oslo.messaging's envelope: a
request has ``method``, ``args`` and the protocol's own keys beside ``_context_*``; a notification has its event.
"""

import json
from importlib import import_module
from typing import Any

from stackwire.contracts import http_leg, lineage
from stackwire.contracts.base import Call, Contract, Fanout, Message
from stackwire.contracts.schema import modules

DEFS = "#/components/schemas/"
_REQUEST = {
    "oslo.version": "2.0 outside; inside it the keys below",
    "_msg_id": "of a call: what its reply names",
    "_reply_q": "of a call: the queue its reply goes to",
    "_unique_id": "a message sent twice has one",
    "_context_*": "who asks, in which request, with which rights (oslo.context)",
}
NOTIFICATIONS = (
    ("glance", "notifications"),
    ("cinder", "notifications"),
    ("nova", "notifications"),
    ("nova", "versioned_notifications"),
)
"""Exchange and topic; the routing key is the topic and the priority."""


def document() -> dict[str, Any]:
    """The whole document, in an order that does not change."""
    schemas: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for kind in _messages():
        _add_request(kind, schemas, channels, operations)
    _add_event(lineage.EXCHANGE, lineage.TOPIC, "properties.crossed", lineage.Crossing, schemas, channels, operations)
    _add_event(http_leg.EXCHANGE, http_leg.TOPIC, http_leg.SERVED, http_leg.Legs, schemas, channels, operations)
    for exchange, topic in NOTIFICATIONS:
        _add_event(exchange, topic, None, None, schemas, channels, operations)
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
            **{key: {"description": says} for key, says in _REQUEST.items()},
        },
        "required": ["method", "args"],
    }
    fanout = issubclass(kind, Fanout)
    address = f"{target.topic}_fanout" if fanout else f"{target.exchange}/{target.topic}"
    _add_message(channels, address, name, exchange_type="fanout" if fanout else "topic")
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
        _add_message(channels, "reply", answer, exchange_type="direct")
        operation["reply"] = _on("reply", answer)
    operations[name] = operation


def _add_event(
    exchange: str,
    topic: str,
    event_type: str | None,
    payload: type[Contract] | None,
    schemas: dict[str, Any],
    channels: dict[str, Any],
    operations: dict[str, Any],
) -> None:
    name = payload.__name__ if payload is not None else f"{exchange.capitalize()}_{topic}"
    schemas[f"{name}Event"] = {
        "type": "object",
        "properties": {
            "message_id": {"type": "string", "format": "uuid"},
            "publisher_id": {"type": "string"},
            "event_type": {"type": "string"} if event_type is None else {"const": event_type},
            "priority": {"enum": ["INFO", "ERROR"]},
            "timestamp": {"type": "string"},
            "payload": {"type": ["object", "string"]} if payload is None else _schema(payload, schemas),
        },
        "required": ["message_id", "publisher_id", "event_type", "priority", "timestamp", "payload"],
    }
    address = f"{exchange}/{topic}.info"
    _add_message(channels, address, f"{name}Event", exchange_type="topic")
    operations[f"{name}Told"] = {"action": "send", **_on(address, f"{name}Event")}


def _schema(kind: type[Contract], schemas: dict[str, Any]) -> dict[str, Any]:
    return _placed(kind.model_json_schema(ref_template=DEFS + "{model}"), schemas)


def _placed(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema, with what it defines moved where every schema stands."""
    schemas.update(schema.pop("$defs", {}))
    return schema


def _add_message(channels: dict[str, Any], address: str, name: str, *, exchange_type: str) -> None:
    exchange, _, key = address.rpartition("/")
    channel = channels.setdefault(
        _id(address),
        {
            "address": key,
            "messages": {},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": exchange, "type": exchange_type}}},
        },
    )
    channel["messages"][name] = {"name": name, "payload": {"$ref": DEFS + name}}


def _on(address: str, name: str) -> dict[str, Any]:
    channel = f"#/channels/{_id(address)}"
    return {"channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/{name}"}]}


def _id(address: str) -> str:
    """JSON pointers mind slashes."""
    return address.replace("/", "-")


if __name__ == "__main__":
    print(json.dumps(document(), indent=2, ensure_ascii=False))  # noqa: T201
