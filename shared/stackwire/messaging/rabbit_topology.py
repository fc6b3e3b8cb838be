"""Exchanges, queues and bindings on RabbitMQ, with the options' durability and type."""

from collections.abc import Sequence
from typing import Any

from aiormq.channel import Channel as Frames

from stackwire.messaging.options import RabbitOptions, dead_letter_arguments
from stackwire.messaging.transport import Binding

_MAX_OBSERVED = 10_000  # records the broker keeps for a slow observer


class Topology:
    """Declares on the given channel. Other properties than the existing ones raise ChannelPreconditionFailed, which
    closes
    the channel."""

    def __init__(self, options: RabbitOptions) -> None:
        self._options = options

    async def exchange(self, frames: Frames, name: str, kind: str) -> None:
        """Declares an exchange; the default exchange and the broker's own are left out."""
        if not name or name.startswith("amq."):
            return
        auto_delete = kind == "fanout" or self._options.amqp_auto_delete
        durable = self._options.exchange_is_durable(kind)
        await frames.exchange_declare(name, exchange_type=kind, durable=durable, auto_delete=auto_delete)

    async def queue(self, frames: Frames, bindings: Sequence[Binding]) -> None:
        """The bindings of one queue, the queue itself, and their exchanges."""
        first = bindings[0]
        watch = first.kind == "watch"
        arguments: dict[str, Any] = {"x-max-length": _MAX_OBSERVED} if watch else self._options.queue_arguments(first)
        if self._options.dead_letters(first):
            await self._dead_letter_queue(frames)
        if first.max_length:
            await self.dead_letters(frames, first)
        for binding in bindings:
            await self.exchange(frames, binding.exchange, binding.exchange_type)
        await frames.queue_declare(
            first.queue,
            durable=not watch and self._options.queue_is_durable(first),
            exclusive=watch,
            auto_delete=watch or self._options.queue_is_auto_deleted(first),
            arguments=arguments,
        )
        for binding in bindings:
            if binding.exchange:
                await frames.queue_bind(binding.queue, binding.exchange, binding.routing_key)

    async def probe(self, frames: Frames) -> None:
        """A question that changes nothing: each broker has this exchange."""
        await frames.exchange_declare("amq.topic", exchange_type="topic", passive=True)

    async def depth(self, frames: Frames, queue: str) -> int:
        """How many messages wait in a queue. Raises AMQPChannelError, which closes the channel, where there is none."""
        declared = await frames.queue_declare(queue, passive=True)
        return declared.message_count or 0 if declared is not None else 0

    async def dead_letters(self, frames: Frames, binding: Binding) -> int:
        """Declares the dead-letter queue of a bounded queue, and answers how many messages wait in it."""
        arguments = dead_letter_arguments(binding)
        declared = await frames.queue_declare(binding.dead_letters, durable=True, arguments=arguments)
        return declared.message_count or 0

    async def _dead_letter_queue(self, frames: Frames) -> None:
        name = self._options.dead_letter
        await frames.exchange_declare(name, exchange_type="fanout", durable=True)
        await frames.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
        await frames.queue_bind(name, name, "")
