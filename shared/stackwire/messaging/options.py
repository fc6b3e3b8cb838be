"""How RabbitMQ is to be used, read from the URL's query: oslo.messaging's option names where it has one.

amqp://user:password@host:5672/vhost?amqp_durable_queues=true&rabbit_qos_prefetch_count=32
"""

import logging
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from stackwire.messaging.transport import REPLY_EXPIRES_MS, Binding

log = logging.getLogger(__name__)

_PASSED_ON = {
    **{name: name for name in ("heartbeat", "cafile", "capath", "cadata", "certfile", "keyfile", "no_verify_ssl")},
    "heartbeat_timeout_threshold": "heartbeat",
    "ssl_ca_file": "cafile",
    "ssl_cert_file": "certfile",
    "ssl_key_file": "keyfile",
}
"""Options that the AMQP library has, by oslo's names and its own."""
_UNUSED = (
    "rpc_conn_pool_size conn_pool_min_size conn_pool_ttl ssl_version ssl_enforce_hostname_verification"
    " ssl_enforce_fips_mode kombu_reconnect_delay kombu_reconnect_splay kombu_compression"
    " kombu_missing_consumer_retry_timeout kombu_failover_strategy rabbit_login_method rabbit_retry_interval"
    " rabbit_retry_backoff rabbit_interval_max rabbit_ha_queues heartbeat_rate heartbeat_in_pthread"
    " direct_mandatory_flag enable_cancel_on_failover use_queue_manager hostname processname rabbit_stream_fanout"
)
"""oslo's other options: one URL may serve a whole deployment, so that they are no reason not to start."""
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
DELIVERY_LIMIT = 20
"""Deliveries of one message of a bounded queue: the default of RabbitMQ 4."""
_SCHEMES = {"amqp": "amqp", "amqps": "amqps", "rabbit": "amqp", "rabbit+ssl": "amqps"}


@dataclass(frozen=True, slots=True)
class RabbitOptions:
    """oslo.messaging's defaults: peers that declare a queue with other arguments are refused by the broker (406).

    ``dead_letter`` is our own, for where nobody else declares these queues: the exchange (and queue) that rejected
    messages of quorum queues go to; empty for none.
    ``publish_timeout`` bounds, in seconds, a publish that waits for the broker to come back.
    """

    amqp_durable_queues: bool = False
    rabbit_quorum_queue: bool = False
    rabbit_transient_quorum_queue: bool = False
    rabbit_quorum_delivery_limit: int = 0
    rabbit_quorum_max_memory_length: int = 0
    rabbit_quorum_max_memory_bytes: int = 0
    amqp_auto_delete: bool = False
    rabbit_transient_queues_ttl: int = REPLY_EXPIRES_MS // 1000
    rabbit_qos_prefetch_count: int = 64
    dead_letter: str = ""
    publish_timeout: int = 30

    @property
    def durable(self) -> bool:
        """Whether topic exchanges and queues are durable."""
        return self.amqp_durable_queues or self.rabbit_quorum_queue

    def queue_is_durable(self, binding: Binding) -> bool:
        """Whether the queue survives a restart of the broker."""
        if binding.max_length:
            return True
        return self.rabbit_transient_quorum_queue if _transient(binding) else self.durable

    def exchange_is_durable(self, binding_type: str) -> bool:
        """Whether exchanges of this type survive a restart of the broker."""
        return self.rabbit_transient_quorum_queue if binding_type == "fanout" else self.durable

    def queue_is_auto_deleted(self, binding: Binding) -> bool:
        """Whether the queue goes with its last consumer; transient ones expire instead."""
        return self.amqp_auto_delete and not _transient(binding) and not binding.max_length

    def dead_letters(self, binding: Binding) -> bool:
        """Whether rejected messages of the queue go to the dead-letter exchange."""
        return bool(
            self.rabbit_quorum_queue and self.dead_letter and not _transient(binding) and not binding.max_length
        )

    def queue_arguments(self, binding: Binding) -> dict[str, Any]:
        """The ``x-`` arguments of the queue's declaration."""
        if binding.max_length:
            return bounded_arguments(binding)
        arguments: dict[str, Any] = {}
        if _transient(binding) and self.rabbit_transient_queues_ttl:
            arguments["x-expires"] = self.rabbit_transient_queues_ttl * 1000
        if self.rabbit_transient_quorum_queue if _transient(binding) else self.rabbit_quorum_queue:
            arguments["x-queue-type"] = "quorum"
            limits = {
                "x-delivery-limit": self.rabbit_quorum_delivery_limit,
                "x-max-in-memory-length": self.rabbit_quorum_max_memory_length,
                "x-max-in-memory-bytes": self.rabbit_quorum_max_memory_bytes,
            }
            arguments |= {name: limit for name, limit in limits.items() if limit}
        if self.dead_letters(binding):
            arguments["x-dead-letter-exchange"] = self.dead_letter
        return arguments


def bounded_arguments(binding: Binding) -> dict[str, Any]:
    """Of a consumer's own queue: replicated and on disk, and a message whose consumer keeps dying is a dead letter."""
    return {
        "x-queue-type": "quorum",
        "x-max-length": binding.max_length,
        "x-overflow": "drop-head",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": binding.dead_letters,
    }


def dead_letter_arguments(binding: Binding) -> dict[str, Any]:
    """Of the queue of a bounded queue's dead letters: the oldest are dropped."""
    return {"x-queue-type": "quorum", "x-max-length": binding.max_length, "x-overflow": "drop-head"}


def _transient(binding: Binding) -> bool:
    return binding.kind in ("fanout", "reply")


def parse(url: str) -> tuple[str, RabbitOptions]:
    """The URL without the options of RabbitOptions, and these.

    Raises ValueError for an unknown scheme, option or value; an option of oslo's that has no meaning here is warned of.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("the bus is 'memory' or amqp(s)://user:password@host:port/vhost")
    types = {field.name: type(field.default) for field in fields(RabbitOptions)}
    options: dict[str, Any] = {}
    passed = []
    scheme = _SCHEMES[parts.scheme]
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in types:
            options[name] = _value(name, value, types[name])
        elif name in _PASSED_ON:
            passed.append(f"{_PASSED_ON[name]}={value}")
        elif name == "ssl":
            scheme = "amqps" if _value(name, value, bool) else scheme
        elif name in _UNUSED.split():
            log.warning("the option %s of the bus has no meaning here", name)
        else:
            raise ValueError(f"unknown option of the bus: {name}")
    path = "/" if parts.path in ("", "/", "//") else parts.path
    return urlunsplit((scheme, parts.netloc, path, "&".join(passed), "")), RabbitOptions(**options)


def _value(name: str, text: str, kind: type) -> bool | int | str:
    if kind is bool and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    if kind is int and text.isdecimal():
        return int(text)
    if kind is str:
        return text
    raise ValueError(f"the option {name} of the bus cannot be {text!r}")
