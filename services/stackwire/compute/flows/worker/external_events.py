"""What a host hears from elsewhere: events of other services, and questions about its consoles."""

from stackwire.compute.domain.errors import ConsoleNotAvailable
from stackwire.compute.domain.versioned_objects import data_of, uuid_of
from stackwire.compute.flows.worker.compute_host import Hosting
from stackwire.contracts.compute_workers import ExternalInstanceEvent, GetConsoleOutput
from stackwire.core.context import RequestContext


class Ears:
    def __init__(self, hosting: Hosting) -> None:
        self._on = hosting

    async def hear(self, ctx: RequestContext, message: ExternalInstanceEvent) -> None:
        """Wakes who waits for it; an event nobody waits for is no news."""
        for event in message.events:
            data = data_of(event)
            key = (str(data.get("instance_uuid")), str(data.get("name")), data.get("tag"))
            waiting = self._on.heard.get(key)
            if waiting is not None and not waiting.done():
                waiting.set_result(str(data.get("status") or "completed"))

    async def console(self, ctx: RequestContext, order: GetConsoleOutput) -> str:
        """The guest's console. ConsoleNotAvailable when it has none."""
        uuid = uuid_of(order.instance)
        text = await self._on.disks.lines(uuid, order.tail_length)
        if text is None:
            raise ConsoleNotAvailable(instance_id=uuid)
        return text
