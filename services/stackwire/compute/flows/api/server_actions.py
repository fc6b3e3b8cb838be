"""What is done to a server in one step: power, pauses, locks, its console, and its end."""

from collections.abc import Callable, Mapping

from stackwire.compute.backends.volumes import Volumes
from stackwire.compute.db import instance_actions, instances, server_metadata
from stackwire.compute.domain import policy, states
from stackwire.compute.domain.errors import ConsoleNotAvailable, InstanceIsLocked
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ServerStates
from stackwire.compute.domain.versioned_objects import NovaObject, devices_object, instance_object
from stackwire.compute.flows.deps import ApiDeps, check_allowed, claim, host_of
from stackwire.compute.flows.local_delete import LocalDelete
from stackwire.contracts.base import Cast
from stackwire.contracts.compute_workers import (
    GetConsoleOutput,
    PauseInstance,
    RebootInstance,
    ResumeInstance,
    StartInstance,
    StopInstance,
    SuspendInstance,
    TerminateInstance,
    UnpauseInstance,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict, Unavailable
from stackwire.db.transitions import transition

Order = Callable[[NovaObject], Cast]

# action -> (rule, the name it is recorded under, what the host is told)
PLAIN: Mapping[str, tuple[str, str, Order]] = {
    "os-start": (policy.START, "start", lambda server: StartInstance(instance=server)),
    "os-stop": (policy.STOP, "stop", lambda server: StopInstance(instance=server)),
    "pause": (policy.PAUSE, "pause", lambda server: PauseInstance(instance=server)),
    "unpause": (policy.UNPAUSE, "unpause", lambda server: UnpauseInstance(instance=server)),
    "suspend": (policy.SUSPEND, "suspend", lambda server: SuspendInstance(instance=server)),
    "resume": (policy.RESUME, "resume", lambda server: ResumeInstance(instance=server)),
}


class Actions:
    """``nova/compute/api.py: start, stop, reboot, pause, ..., delete``."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps
        self._local_delete = LocalDelete(deps.database, Volumes(deps.rpc, "", 0.0))

    async def run(self, ctx: RequestContext, uuid: str, name: str) -> None:
        """One of PLAIN; a Conflict when the server's state does not allow it."""
        rule, recorded, order = PLAIN[name]
        server = await self._deps.find(ctx, uuid, rule)
        await self._send(ctx, server, name, recorded, order)

    async def reboot(self, ctx: RequestContext, uuid: str, kind: str) -> None:
        """``kind`` SOFT or HARD; a hard one also ends a soft one that hangs."""
        server = await self._deps.find(ctx, uuid, policy.REBOOT)
        verb = "reboot-hard" if kind == "HARD" else "reboot"
        await self._send(
            ctx, server, verb, "reboot", lambda instance: RebootInstance(instance=instance, reboot_type=kind)
        )

    async def _send(self, ctx: RequestContext, server: Server, name: str, recorded: str, order: Order) -> None:
        verb = check_allowed(ctx, server, name)
        host = host_of(server, name)
        async with self._deps.database.work(ctx) as uow:
            after = await claim(uow, server, verb)
            await instance_actions.start(uow, ctx, server.uuid, recorded)
            self._deps.announce(uow, server, after)
            uow.cast(order(instance_object(after)), server=host)

    # ---- locks

    async def lock(self, ctx: RequestContext, uuid: str, reason: str | None) -> None:
        """By its owner, or by an administrator, whose lock the owner cannot open."""
        server = await self._deps.find(ctx, uuid, policy.LOCK)
        owner = ctx.project_id == server.instance.project_id
        if server.instance.locked and owner:
            return
        async with self._deps.database.work(ctx) as uow:
            await instances.TABLE.update(uow, uuid, locked=True, locked_by="owner" if owner else "admin")
            if reason is not None:
                await server_metadata.upsert(uow, "instance_system_metadata", uuid, {"locked_reason": reason})
            await instance_actions.start(uow, ctx, uuid, "lock")

    async def unlock(self, ctx: RequestContext, uuid: str) -> None:
        server = await self._deps.find(ctx, uuid, policy.UNLOCK)
        expected = "owner" if ctx.project_id == server.instance.project_id else "admin"
        if server.instance.locked_by not in (None, expected):
            self._deps.policy.require(ctx, policy.UNLOCK_OVERRIDE)
        async with self._deps.database.work(ctx) as uow:
            await instances.TABLE.update(uow, uuid, locked=False, locked_by=None)
            await server_metadata.delete(uow, "instance_system_metadata", uuid, "locked_reason")
            await instance_actions.start(uow, ctx, uuid, "unlock")

    # ---- the administrator's hand

    async def reset_state(self, ctx: RequestContext, uuid: str, vm_state: str) -> None:
        """``active`` or ``error``, and at rest, whatever it was doing."""
        server = await self._deps.find(ctx, uuid, policy.RESET_STATE)
        async with self._deps.database.work(ctx) as uow:
            moved = await transition(uow, instances.TABLE, ServerStates.reset_state, uuid, vm_state=vm_state)
            await instance_actions.start(uow, ctx, uuid, "resetState")
            if moved is not None:
                self._deps.announce(uow, server, server.with_instance(moved))

    async def console(self, ctx: RequestContext, uuid: str, length: int | None) -> str:
        """The last ``length`` lines of the console (None and -1: all); 404 before there is one."""
        server = await self._deps.find(ctx, uuid, policy.CONSOLE)
        check_allowed(ctx, server, "console")
        if server.instance.host is None:
            raise ConsoleNotAvailable(instance_id=uuid)
        tail = None if length is None or length < 0 else length
        order = GetConsoleOutput(instance=instance_object(server), tail_length=tail)
        try:
            return await self._deps.rpc.call(ctx, order, server=server.instance.host)
        except Unavailable:
            raise Conflict(f"Instance {uuid} is not ready: its host does not answer.") from None

    # ---- the end

    async def delete(self, ctx: RequestContext, uuid: str, *, force: bool = False) -> None:
        """Whatever its state, unless it is locked; one that is on no host ends here and now."""
        server = await self._deps.find(ctx, uuid, policy.FORCE_DELETE if force else policy.DELETE)
        if server.instance.locked and not ctx.is_admin:
            raise InstanceIsLocked(instance_id=uuid)
        if server.instance.task_state == states.DELETING and not force:
            return
        async with self._deps.database.work(ctx) as uow:
            moved = await transition(uow, instances.TABLE, ServerStates.delete, uuid, progress=0)
            if moved is None:
                return
            after = server.with_instance(moved)
            await instance_actions.start(uow, ctx, uuid, "delete")
            self._deps.announce(uow, server, after)
            if moved.host is not None:
                order = TerminateInstance(
                    instance=instance_object(after),
                    bdms=devices_object(server.devices),
                )
                uow.cast(order, server=moved.host)
        if moved.host is None:
            await self._local_delete.delete(ctx, after)
