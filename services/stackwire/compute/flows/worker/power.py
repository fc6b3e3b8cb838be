"""Power and pauses: one table of what each verb does, told before and after."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stackwire.compute.db import actions, instances
from stackwire.compute.domain import states
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import Hosting, Overtaken
from stackwire.contracts.compute_workers import (
    PauseInstance,
    RebootInstance,
    ResumeInstance,
    StartInstance,
    StopInstance,
    SuspendInstance,
    UnpauseInstance,
)
from stackwire.contracts.events_compute import InstanceAction
from stackwire.core.context import RequestContext


@dataclass(frozen=True, slots=True)
class Turn:
    """``told``: the event; ``task``: what the API set; the state it ends in, and the action event it is recorded as."""

    told: InstanceAction
    task: str
    vm_state: str
    power: str
    event: str


TURNS: Mapping[str, Turn] = {
    "stop": Turn("power_off", "powering-off", states.STOPPED, "shutdown", "compute_stop_instance"),
    "start": Turn("power_on", "powering-on", states.ACTIVE, "running", "compute_start_instance"),
    "pause": Turn("pause", "pausing", states.PAUSED, "paused", "compute_pause_instance"),
    "unpause": Turn("unpause", "unpausing", states.ACTIVE, "running", "compute_unpause_instance"),
    "suspend": Turn("suspend", "suspending", states.SUSPENDED, "suspended", "compute_suspend_instance"),
    "resume": Turn("resume", "resuming", states.ACTIVE, "running", "compute_resume_instance"),
}
REBOOTS: Mapping[str, tuple[str, str, str]] = {
    "SOFT": ("rebooting", "reboot_pending", "reboot_started"),
    "HARD": ("rebooting_hard", "reboot_pending_hard", "reboot_started_hard"),
}
REBOOT_EVENT = "compute_reboot_instance"


class Power:
    def __init__(self, hosting: Hosting) -> None:
        self._on = hosting

    async def stop(self, ctx: RequestContext, order: StopInstance) -> None:
        await self.turn(ctx, uuid_of(order.instance), TURNS["stop"])

    async def start(self, ctx: RequestContext, order: StartInstance) -> None:
        await self.turn(ctx, uuid_of(order.instance), TURNS["start"])

    async def pause(self, ctx: RequestContext, order: PauseInstance) -> None:
        await self.turn(ctx, uuid_of(order.instance), TURNS["pause"])

    async def unpause(self, ctx: RequestContext, order: UnpauseInstance) -> None:
        await self.turn(ctx, uuid_of(order.instance), TURNS["unpause"])

    async def suspend(self, ctx: RequestContext, order: SuspendInstance) -> None:
        await self.turn(ctx, uuid_of(order.instance), TURNS["suspend"])

    async def resume(self, ctx: RequestContext, order: ResumeInstance) -> None:
        await self.turn(ctx, uuid_of(order.instance), TURNS["resume"])

    async def turn(self, ctx: RequestContext, uuid: str, turn: Turn) -> None:
        """Nothing, when the server does not wait for it: told twice, or overtaken."""
        async with self._on.alone_with(uuid):
            async with self._on.database.work(ctx) as uow:
                server = await instances.by_uuid(uow, uuid)
                if server is None or server.instance.task_state != turn.task:
                    return
                await actions.begin_event(uow, uuid, turn.event, self._on.host)
                self._on.events.action(uow, server, turn.told, "start")
            await self._on.disks.note(uuid, f"simulated guest: {turn.told}")
            try:
                async with self._on.database.work(ctx) as uow:
                    after = await self._on.step(
                        uow, server, [turn.task], vm_state=turn.vm_state, task_state=None,
                        power_state=states.POWER[turn.power],
                    )  # fmt: skip
                    self._on.events.action(uow, after, turn.told, "end")
                    await actions.end_event(uow, uuid, turn.event)
            except Overtaken:
                return

    async def reboot(self, ctx: RequestContext, order: RebootInstance) -> None:
        """Pending, started, running again; a server that was off runs afterwards."""
        uuid = uuid_of(order.instance)
        asked, pending, started = REBOOTS["HARD" if order.reboot_type == "HARD" else "SOFT"]
        async with self._on.alone_with(uuid):
            server = await self._on.find(uuid)
            if server is None or server.instance.task_state != asked:
                return
            try:
                server = await self._begin_reboot(ctx, server, asked, pending)
                async with self._on.database.work(ctx) as uow:
                    server = await self._on.step(uow, server, [pending], task_state=started)
                await self._on.disks.note(uuid, "simulated guest: reboot")
                async with self._on.database.work(ctx) as uow:
                    server = await self._on.step(
                        uow, server, [started], vm_state=states.ACTIVE, task_state=None,
                        power_state=states.POWER["running"],
                    )  # fmt: skip
                    self._on.events.action(uow, server, "reboot", "end")
                    await actions.end_event(uow, uuid, REBOOT_EVENT)
            except Overtaken:
                return

    async def _begin_reboot(self, ctx: RequestContext, server: Server, asked: str, pending: str) -> Server:
        """The start is told before the change that it tells of, as in the recordings."""
        async with self._on.database.work(ctx) as uow:
            await actions.begin_event(uow, server.uuid, REBOOT_EVENT, self._on.host)
            moved = await instances.move(uow, server.uuid, task_states=[asked], task_state=pending)
            if moved is None:
                raise Overtaken(server.uuid)
            after = replace(server, instance=moved)
            self._on.events.action(uow, after, "reboot", "start")
            self._on.events.announce(uow, server, after)
        return after
