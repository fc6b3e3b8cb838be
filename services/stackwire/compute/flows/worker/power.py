"""Power and pauses: one table of what each operation does. ``nova/compute/manager.py: start_instance, ...``."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from stackwire.compute.backends import guest_console
from stackwire.compute.db import instance_actions, instances, server_metadata
from stackwire.compute.domain import shelving
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, ServerStates, ServerVerb
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, StateChanged
from stackwire.contracts.compute_workers import RebootInstance
from stackwire.contracts.events_compute import InstanceAction
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition


class PowerMessage(Protocol):
    """``stop_instance``, ``start_instance``, ...: which server."""

    @property
    def instance(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class PowerTransition:
    """``event``: the notification; ``action_event``: what it is recorded as among the server's actions."""

    event: InstanceAction
    power_state: str
    action_event: str


POWER_TRANSITIONS: Mapping[ServerVerb, PowerTransition] = {
    ServerStates.finish_stop: PowerTransition("power_off", "shutdown", "compute_stop_instance"),
    ServerStates.finish_start: PowerTransition("power_on", "running", "compute_start_instance"),
    ServerStates.finish_pause: PowerTransition("pause", "paused", "compute_pause_instance"),
    ServerStates.finish_unpause: PowerTransition("unpause", "running", "compute_unpause_instance"),
    ServerStates.finish_suspend: PowerTransition("suspend", "suspended", "compute_suspend_instance"),
    ServerStates.finish_soft_delete: PowerTransition("soft_delete", "shutdown", "compute_soft_delete_instance"),
    ServerStates.finish_restore: PowerTransition("restore", "running", "compute_restore_instance"),
    ServerStates.finish_resume: PowerTransition("resume", "running", "compute_resume_instance"),
}
SOFT_REBOOT = (ServerStates.begin_reboot, ServerStates.restart)
HARD_REBOOT = (ServerStates.begin_reboot_hard, ServerStates.restart_hard)
REBOOT_EVENT = "compute_reboot_instance"


class Power:
    """The power operations of a host's servers."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    def on_message(self, verb: ServerVerb) -> Callable[[RequestContext, PowerMessage], Awaitable[None]]:
        """The handler of the message that finishes with ``verb``."""

        async def handle(ctx: RequestContext, message: PowerMessage) -> None:
            await self.apply(ctx, uuid_of(message.instance), verb)

        return handle

    async def apply(self, ctx: RequestContext, uuid: str, verb: ServerVerb) -> None:
        """Nothing, when the server does not wait for it: the message was delivered twice, or its state has changed."""
        power = POWER_TRANSITIONS[verb]
        async with self._host.exclusive(uuid):
            async with self._host.database.work(ctx) as uow:
                server = await instances.by_uuid(uow, uuid)
                if server is None or not verb.allows(task_state=server.instance.task_state):
                    return
                await instance_actions.begin_event(uow, uuid, power.action_event, self._host.name)
                self._host.notifications.emit_action(uow, server, power.event, "start")
            await self._host.disks.log(uuid, _console_lines(server, power.event))
            image_id = server.system_metadata.get(shelving.IMAGE_ID) if verb is ServerStates.finish_start else None
            try:
                async with self._host.database.work(ctx) as uow:
                    if image_id is not None:
                        server = await self._unshelve(uow, server)
                    after = await self._host.advance(uow, server, verb, power_state=POWER[power.power_state])
                    self._host.notifications.emit_action(uow, after, power.event, "end")
                    await instance_actions.end_event(uow, uuid, power.action_event)
            except StateChanged:
                return
            if image_id is not None:
                await self._host.images.discard(ctx, image_id)

    @staticmethod
    async def _unshelve(uow: UnitOfWork, server: Server) -> Server:
        """A server that was shelved on its host runs again: it needs its image no longer."""
        for key in shelving.KEYS:
            await server_metadata.delete(uow, "instance_system_metadata", server.uuid, key)
        return replace(server, system_metadata=shelving.without(server.system_metadata))

    async def on_reboot_instance(self, ctx: RequestContext, message: RebootInstance) -> None:
        """Pending, started, running again; a server that was off runs afterwards."""
        uuid = uuid_of(message.instance)
        begin, restart = HARD_REBOOT if message.reboot_type == "HARD" else SOFT_REBOOT
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None or not begin.allows(task_state=server.instance.task_state):
                return
            try:
                server = await self._begin_reboot(ctx, server, begin)
                async with self._host.database.work(ctx) as uow:
                    server = await self._host.advance(uow, server, restart)
                boot = guest_console.booting(server)
                await self._host.disks.log(uuid, f"{guest_console.stopping('reboot')}\n{boot}")
                async with self._host.database.work(ctx) as uow:
                    running = POWER["running"]
                    server = await self._host.advance(uow, server, ServerStates.finish_reboot, power_state=running)
                    self._host.notifications.emit_action(uow, server, "reboot", "end")
                    await instance_actions.end_event(uow, uuid, REBOOT_EVENT)
            except StateChanged:
                return

    async def _begin_reboot(self, ctx: RequestContext, server: Server, begin: ServerVerb) -> Server:
        """The start is emitted before the change, as in the recordings."""
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, REBOOT_EVENT, self._host.name)
            moved = await transition(uow, instances.TABLE, begin, server.uuid)
            if moved is None:
                raise StateChanged(server.uuid)
            after = replace(server, instance=moved)
            self._host.notifications.emit_action(uow, after, "reboot", "start")
            self._host.notifications.emit_update(uow, server, after)
        return after


def _console_lines(server: Server, event: str) -> str:
    """What the guest writes when its power changes; of a pause it knows nothing, so it is the host that tells."""
    if event == "power_on":
        return guest_console.booting(server)
    return guest_console.stopping(event) if event == "power_off" else f"simulated guest: {event}"
