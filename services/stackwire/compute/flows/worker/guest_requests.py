"""What a host does inside a running guest, or reads from it: its password, a crash dump, diagnostics."""

from typing import Any

from stackwire.compute.db import instance_actions
from stackwire.compute.domain import diagnostics
from stackwire.compute.domain.errors import InstanceInvalidState, InstanceNotFound, PasswordSetFailed
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, ServerStates
from stackwire.compute.domain.versioned_objects import NovaObject, uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.contracts.compute_guests import (
    GetDiagnostics,
    GetInstanceDiagnostics,
    InjectNetworkInfo,
    SetAdminPassword,
    TriggerCrashDump,
)
from stackwire.core.context import RequestContext

_PASSWORD_EVENT, _CRASH_EVENT = "compute_set_admin_password", "compute_trigger_crash_dump"


class GuestRequests:
    """``nova/compute/manager.py: set_admin_password, trigger_crash_dump, get_diagnostics``."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    async def on_set_admin_password(self, ctx: RequestContext, message: SetAdminPassword) -> None:
        """PasswordSetFailed for a guest that does not run, as often as the call is delivered; else nothing, when the
        server does not wait for it."""
        uuid, verb = uuid_of(message.instance), ServerStates.finish_change_password
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None:
                return
            runs = server.instance.power_state == POWER["running"]
            failed = None if runs else PasswordSetFailed(instance=uuid, reason="the guest is not running")
            if not verb.allows(task_state=server.instance.task_state):
                if failed is not None:
                    raise failed
                return
            if runs:
                await self._host.disks.log(uuid, "simulated guest: the administrator has a new password")
            async with self._host.database.work(ctx) as uow:
                await instance_actions.begin_event(uow, uuid, _PASSWORD_EVENT, self._host.name)
                await self._host.advance(uow, server, verb)
                error = None if failed is None else failed.message
                await instance_actions.end_event(uow, uuid, _PASSWORD_EVENT, error=error)
            if failed is not None:
                raise failed

    async def on_trigger_crash_dump(self, ctx: RequestContext, message: TriggerCrashDump) -> None:
        """An NMI; what the guest makes of it is the guest's, so the server's state stays."""
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None:
                return
            async with self._host.database.work(ctx) as uow:
                await instance_actions.begin_event(uow, uuid, _CRASH_EVENT, self._host.name)
                self._host.notifications.emit_action(uow, server, "trigger_crash_dump", "start")
            await self._host.disks.log(uuid, "simulated guest: NMI received, crash dump requested")
            async with self._host.database.work(ctx) as uow:
                self._host.notifications.emit_action(uow, server, "trigger_crash_dump", "end")
                await instance_actions.end_event(uow, uuid, _CRASH_EVENT)

    async def on_inject_network_info(self, ctx: RequestContext, message: InjectNetworkInfo) -> None:
        """Nothing: libvirt's driver writes no addresses into a guest (``nova/virt/libvirt/driver.py``)."""

    async def on_get_diagnostics(self, ctx: RequestContext, message: GetDiagnostics) -> dict[str, Any]:
        """The driver's own counters, before 2.48. InstanceInvalidState for a guest that does not run."""
        return dict(diagnostics.counters(await self._running(message.instance)))

    async def on_get_instance_diagnostics(self, ctx: RequestContext, message: GetInstanceDiagnostics) -> NovaObject:
        """``Diagnostics``; likewise."""
        server = await self._running(message.instance)
        async with self._host.database.work(ctx) as uow:
            return diagnostics.diagnostics(server, uow.now)

    async def _running(self, instance: NovaObject) -> Server:
        uuid = uuid_of(instance)
        server = await self._host.find(uuid)
        if server is None:
            raise InstanceNotFound(instance_id=uuid)
        if server.instance.power_state != POWER["running"]:
            state = diagnostics.power_state(server)
            raise InstanceInvalidState(action="get_diagnostics", instance_id=uuid, attr="power state", state=state)
        return server
