"""RabbitMQ's firehose: what the broker tells of every message, as the records the in-process bus tells by itself."""

import time
from collections.abc import Mapping
from typing import Any

from stackwire.messaging.transport import Delivery, Properties, WireRecord

FIREHOSE = "amq.rabbitmq.trace"


def traced(delivery: Delivery) -> WireRecord:
    """A firehose record: what it is about stands in its headers."""
    headers: Mapping[str, Any] = delivery.properties.headers
    what, _, queue = delivery.routing_key.partition(".")
    routed = tuple(str(name) for name in headers.get("routed_queues") or ())
    published = what == "publish"
    properties = headers.get("properties") or {}
    keys = headers.get("routing_keys") or [""]
    expiration = properties.get("expiration")
    return WireRecord(
        ("publish" if routed else "drop") if published else "deliver",
        str(headers.get("exchange_name") or ""),
        str(keys[0]),
        routed if published else (queue,),
        delivery.body,
        Properties(
            content_type=properties.get("content_type"),
            content_encoding=properties.get("content_encoding"),
            headers=properties.get("headers") or {},
            delivery_mode=properties.get("delivery_mode"),
            priority=properties.get("priority"),
            expiration=int(expiration) if expiration else None,
            user_id=properties.get("user_id"),
        ),
        time.time(),
        bool(headers.get("redelivered")),
        str(properties.get("app_id") or "") if published else "",
    )
