"""What can go wrong on the bus.

The two dispatch errors bear oslo.messaging's names, because that is what goes over the wire; a timeout and a delivery
failure never do, but are known by the names an operator of the originals knows them by.
"""

from stackwire.core.errors import ServiceError, Unavailable


class BusUnavailable(Unavailable, wire="oslo_messaging.exceptions.MessageDeliveryFailure"):
    """The message bus at {url} cannot be used: {reason}."""


class Undeliverable(Unavailable, wire="oslo_messaging.exceptions.MessageUndeliverable"):
    """No queue takes a message for {routing_key!r} on exchange {exchange!r}."""


class CallTimeout(Unavailable, wire="oslo_messaging.exceptions.MessagingTimeout"):
    """No reply from {topic}.{method} within {seconds} seconds."""


class NoSuchMethod(ServiceError, wire="oslo_messaging.rpc.dispatcher.NoSuchMethod"):
    """The endpoint does not offer the method {method}."""


class UnsupportedVersion(ServiceError, wire="oslo_messaging.rpc.dispatcher.UnsupportedVersion"):
    """No endpoint serves version {version} of namespace {namespace}; method {method}."""


class PoisonMessage(ValueError):
    """A body that cannot be read, however often it is delivered: the message is rejected. Stays inside this package."""
