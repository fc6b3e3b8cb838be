"""How RabbitMQ is to be used, read from the URL's query: oslo.messaging's option names where it has one.

amqp://user:password@host:5672/vhost?amqp_durable_queues=true&rabbit_qos_prefetch_count=32
"""

from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from stackwire.messaging.transport import REPLY_EXPIRES_MS, Binding

_PASSED_ON = frozenset({"heartbeat", "cafile", "capath", "cadata", "certfile", "keyfile", "no_verify_ssl"})
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_SCHEMES = {"amqp": "amqp", "amqps": "amqps", "rabbit": "amqp", "rabbit+ssl": "amqps"}


@dataclass(frozen=True, slots=True)
class RabbitOptions:
    """Transient classic queues by default, as oslo.messaging declares them; all peers must use the same.

    ``dead_letter`` names the exchange (and queue) for rejected messages of quorum queues; empty for none.
    ``publish_timeout`` bounds, in seconds, a publish that waits for the broker to come back.
    """

    amqp_durable_queues: bool = False
    rabbit_quorum_queue: bool = False
    rabbit_transient_quorum_queue: bool = False
    rabbit_quorum_delivery_limit: int = 5
    rabbit_transient_queues_ttl: int = REPLY_EXPIRES_MS // 1000
    rabbit_qos_prefetch_count: int = 64
    dead_letter: str = "stackwire.dead"
    publish_timeout: int = 30

    @property
    def durable(self) -> bool:
        """Whether topic exchanges and queues are durable."""
        return self.amqp_durable_queues or self.rabbit_quorum_queue

    def queue_is_durable(self, binding: Binding) -> bool:
        """Whether the queue survives a restart of the broker."""
        return self.rabbit_transient_quorum_queue if _transient(binding) else self.durable

    def exchange_is_durable(self, binding_type: str) -> bool:
        """Whether exchanges of this type survive a restart of the broker."""
        return self.rabbit_transient_quorum_queue if binding_type == "fanout" else self.durable

    def dead_letters(self, binding: Binding) -> bool:
        """Whether rejected messages of the queue go to the dead-letter exchange."""
        return bool(self.rabbit_quorum_queue and self.dead_letter and not _transient(binding))

    def queue_arguments(self, binding: Binding) -> dict[str, Any]:
        """The ``x-`` arguments of the queue's declaration."""
        arguments: dict[str, Any] = {}
        if _transient(binding) and self.rabbit_transient_queues_ttl:
            arguments["x-expires"] = self.rabbit_transient_queues_ttl * 1000
        if self.rabbit_transient_quorum_queue if _transient(binding) else self.rabbit_quorum_queue:
            arguments["x-queue-type"] = "quorum"
            if self.rabbit_quorum_delivery_limit:
                arguments["x-delivery-limit"] = self.rabbit_quorum_delivery_limit
        if self.dead_letters(binding):
            arguments["x-dead-letter-exchange"] = self.dead_letter
        return arguments


def _transient(binding: Binding) -> bool:
    return binding.kind in ("fanout", "reply")


def parse(url: str) -> tuple[str, RabbitOptions]:
    """The URL without the options of RabbitOptions, and these.

    Raises ValueError for an unknown scheme, option or value.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("the bus is 'memory' or amqp(s)://user:password@host:port/vhost")
    types = {field.name: type(field.default) for field in fields(RabbitOptions)}
    options: dict[str, Any] = {}
    passed = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in types:
            options[name] = _value(name, value, types[name])
        elif name in _PASSED_ON:
            passed.append(f"{name}={value}")
        else:
            raise ValueError(f"unknown option of the bus: {name}")
    path = "/" if parts.path in ("", "/", "//") else parts.path
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "&".join(passed), "")), RabbitOptions(**options)


def _value(name: str, text: str, kind: type) -> bool | int | str:
    if kind is bool and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    if kind is int and text.isdecimal():
        return int(text)
    if kind is str:
        return text
    raise ValueError(f"the option {name} of the bus cannot be {text!r}")
