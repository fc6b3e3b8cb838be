"""What can go wrong on the bus.

All have oslo.messaging's names: the dispatch errors because they are sent over the wire, the others because operators
of the originals know them.
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
    """A malformed message, which is rejected: redelivery would not help. Raised inside this package only."""
