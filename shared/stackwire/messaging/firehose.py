"""RabbitMQ's firehose: the records it publishes of every message, as WireRecords like those of the in-process bus.

https://www.rabbitmq.com/docs/firehose
"""

import time
from collections.abc import Mapping
from typing import Any

from stackwire.messaging.transport import Delivery, Properties, WireRecord

FIREHOSE = "amq.rabbitmq.trace"


def read_record(delivery: Delivery) -> WireRecord:
    """The message a firehose record is about. The routing key is ``publish.<exchange>`` or ``deliver.<queue>``."""
    headers: Mapping[str, Any] = delivery.properties.headers
    properties: Mapping[str, Any] = headers.get("properties") or {}
    exchange, routing_key = str(headers.get("exchange_name") or ""), str((headers.get("routing_keys") or [""])[0])
    event, _, queue = delivery.routing_key.partition(".")
    if event != "publish":
        redelivered = bool(headers.get("redelivered"))
        return WireRecord(
            "deliver", exchange, routing_key, (queue,), delivery.body, _properties(properties), time.time(), redelivered
        )
    queues = tuple(str(name) for name in headers.get("routed_queues") or ())
    return WireRecord(
        "publish" if queues else "drop",
        exchange,
        routing_key,
        queues,
        delivery.body,
        _properties(properties),
        time.time(),
        redelivered=bool(headers.get("redelivered")),
        sender=str(properties.get("app_id") or ""),
    )


def _properties(properties: Mapping[str, Any]) -> Properties:
    expiration = properties.get("expiration")
    return Properties(
        content_type=properties.get("content_type"),
        content_encoding=properties.get("content_encoding"),
        headers=properties.get("headers") or {},
        delivery_mode=properties.get("delivery_mode"),
        priority=properties.get("priority"),
        expiration=int(expiration) if expiration else None,
        user_id=properties.get("user_id"),
    )
