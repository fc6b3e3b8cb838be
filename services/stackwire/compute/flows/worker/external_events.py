"""What a host receives from elsewhere: events of other services, and requests for its consoles."""

from stackwire.compute.domain.errors import ConsoleNotAvailable
from stackwire.compute.domain.versioned_objects import data_of, uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.contracts.compute_workers import ExternalInstanceEvent, GetConsoleOutput
from stackwire.core.context import RequestContext


class ExternalEvents:
    """Of one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    async def on_external_instance_event(self, ctx: RequestContext, message: ExternalInstanceEvent) -> None:
        """Wakes who waits for each event; one that nobody waits for changes nothing."""
        for event in message.events:
            data = data_of(event)
            key = (str(data.get("instance_uuid")), str(data.get("name")), data.get("tag"))
            waiting = self._host.expected_events.get(key)
            if waiting is not None and not waiting.done():
                waiting.set_result(str(data.get("status") or "completed"))

    async def on_get_console_output(self, ctx: RequestContext, message: GetConsoleOutput) -> str:
        """The guest's console. ConsoleNotAvailable when it has none."""
        uuid = uuid_of(message.instance)
        text = await self._host.disks.console_output(uuid, message.tail_length)
        if text is None:
            raise ConsoleNotAvailable(instance_id=uuid)
        return text
