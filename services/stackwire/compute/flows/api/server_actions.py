"""Actions on a server: power, pauses, its console, an administrator's reset."""

from collections.abc import Callable, Mapping

from stackwire.compute.db import instance_actions, instances
from stackwire.compute.domain import policy
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ServerStates
from stackwire.compute.domain.versioned_objects import NovaObject, instance_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.contracts.base import Cast
from stackwire.contracts.compute_workers import (
    GetConsoleOutput,
    PauseInstance,
    RebootInstance,
    ResumeInstance,
    StartInstance,
    StopInstance,
    SuspendInstance,
    UnpauseInstance,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict, Unavailable
from stackwire.db.transitions import transition

Message = Callable[[NovaObject], Cast]

# action -> (policy rule, the name it is recorded under, the message to the host)
POWER_ACTIONS: Mapping[str, tuple[str, str, Message]] = {
    "os-start": (policy.START, "start", lambda instance: StartInstance(instance=instance)),
    "os-stop": (policy.STOP, "stop", lambda instance: StopInstance(instance=instance)),
    "pause": (policy.PAUSE, "pause", lambda instance: PauseInstance(instance=instance)),
    "unpause": (policy.UNPAUSE, "unpause", lambda instance: UnpauseInstance(instance=instance)),
    "suspend": (policy.SUSPEND, "suspend", lambda instance: SuspendInstance(instance=instance)),
    "resume": (policy.RESUME, "resume", lambda instance: ResumeInstance(instance=instance)),
}


class ServerActions(ApiFlow):
    """``nova/compute/api.py: start, stop, reboot, pause, ...``."""

    async def request_action(self, ctx: RequestContext, uuid: str, name: str) -> None:
        """One of ``POWER_ACTIONS``; a Conflict when the server's state does not allow it."""
        rule, recorded, message = POWER_ACTIONS[name]
        server = await self._deps.find(ctx, uuid, rule)
        await self._send(ctx, server, name, recorded, message)

    async def request_reboot(self, ctx: RequestContext, uuid: str, reboot_type: str) -> None:
        """``reboot_type``: SOFT or HARD; a hard reboot also ends a soft one that hangs."""
        server = await self._deps.find(ctx, uuid, policy.REBOOT)
        name = "reboot-hard" if reboot_type == "HARD" else "reboot"
        await self._send(
            ctx, server, name, "reboot", lambda instance: RebootInstance(instance=instance, reboot_type=reboot_type)
        )

    async def _send(self, ctx: RequestContext, server: Server, name: str, recorded: str, message: Message) -> None:
        verb = check_allowed(ctx, server, name)
        host = require_host(server)
        async with self._deps.database.work(ctx) as uow:
            after = await claim(uow, server, verb)
            await instance_actions.start(uow, ctx, server.uuid, recorded)
            self._deps.announce(uow, server, after)
            uow.cast(message(instance_object(after)), server=host)

    async def reset_state(self, ctx: RequestContext, uuid: str, vm_state: str) -> None:
        """``active`` or ``error``, without a task, whatever the server was doing."""
        server = await self._deps.find(ctx, uuid, policy.RESET_STATE)
        async with self._deps.database.work(ctx) as uow:
            updated = await transition(uow, instances.TABLE, ServerStates.reset_state, uuid, vm_state=vm_state)
            await instance_actions.start(uow, ctx, uuid, "resetState")
            if updated is not None:
                self._deps.announce(uow, server, server.with_instance(updated))

    async def get_console_output(self, ctx: RequestContext, uuid: str, length: int | None) -> str:
        """The last ``length`` lines of the console (None and -1: all); ConsoleNotAvailable before there is one."""
        server = await self._deps.find(ctx, uuid, policy.CONSOLE)
        check_allowed(ctx, server, "console")
        host = require_host(server)
        tail = None if length is None or length < 0 else length
        message = GetConsoleOutput(instance=instance_object(server), tail_length=tail)
        try:
            return await self._deps.rpc.call(ctx, message, server=host)
        except Unavailable:
            raise Conflict(f"Instance {uuid} is not ready: its host does not answer.") from None
