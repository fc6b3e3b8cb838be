"""Opens the transport that a URL names: the only module that knows every implementation."""

from stackwire.messaging.memory import MemoryBroker, MemoryTransport
from stackwire.messaging.signatures import NO_SIGNATURES, Signatures
from stackwire.messaging.transport import Transport


async def connect(
    amqp_url: str,
    *,
    name: str,
    broker: MemoryBroker | None = None,
    timeout_seconds: float = 10.0,
    signatures: Signatures = NO_SIGNATURES,
) -> Transport:
    """``memory`` with a broker of this process, or ``amqp(s)://user:password@host:port/vhost?option=value``.

    ``name`` is what the broker shows for the connection. A broker that does not answer is tried again until
    ``timeout_seconds`` have passed: then BusUnavailable with the URL masked. A refused login fails at once. ValueError
    for ``memory`` without a broker. ``signatures``: of what is sent and received over it.
    """
    if amqp_url == "memory":
        if broker is None:
            raise ValueError("the in-process bus joins one process only: give a broker, or the URL of a RabbitMQ")
        transport: Transport = MemoryTransport(broker, name)
        transport.signatures = signatures
        return transport
    from stackwire.messaging.rabbit import RabbitTransport  # not loaded where no RabbitMQ is used

    opened = await RabbitTransport.open(amqp_url, name=name, timeout_seconds=timeout_seconds)
    opened.signatures = signatures
    return opened
