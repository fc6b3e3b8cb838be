"""What a user or an administrator wants of the guest in a server: its password, a crash dump, what is known of it."""

from typing import Any

from stackwire.compute.db import instance_actions, instances
from stackwire.compute.domain import guest_topology, policy
from stackwire.compute.domain.diagnostics import plain
from stackwire.compute.domain.guest_topology import Cell
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.contracts.compute_guests import (
    GetDiagnostics,
    GetInstanceDiagnostics,
    InjectNetworkInfo,
    SetAdminPassword,
    TriggerCrashDump,
)
from stackwire.core.context import RequestContext


class GuestRequests(ApiFlow):
    """``nova/compute/api.py: set_admin_password, trigger_crash_dump, inject_network_info, get_diagnostics``."""

    async def change_password(self, ctx: RequestContext, uuid: str, password: str) -> None:
        """Returns when the guest has it; a Conflict (``PasswordSetFailed``) when it does not take one."""
        server = await self._deps.find(ctx, uuid, policy.ADMIN_PASSWORD)
        verb, host = check_allowed(ctx, server, "changePassword"), require_host(server)
        async with self._deps.database.work(ctx) as uow:
            after = await claim(uow, server, verb)
            await instance_actions.start(uow, ctx, uuid, "changePassword")
            self._deps.announce(uow, server, after)
        message = SetAdminPassword(instance=instance_object(after), new_pass=password)
        await self._deps.rpc.call(ctx, message, server=host)

    async def trigger_crash_dump(self, ctx: RequestContext, uuid: str) -> None:
        """The guest's kernel gets an interrupt that asks for a dump; the server's state does not change."""
        server = await self._deps.find(ctx, uuid, policy.CRASH_DUMP)
        check_allowed(ctx, server, "trigger_crash_dump")
        host = require_host(server)
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.start(uow, ctx, uuid, "trigger_crash_dump")
            uow.cast(TriggerCrashDump(instance=instance_object(server)), server=host)

    async def inject_network_info(self, ctx: RequestContext, uuid: str) -> None:
        """Sent to the host, as Nova does whatever the driver makes of it."""
        server = await self._deps.find(ctx, uuid, policy.INJECT_NETWORK_INFO)
        check_allowed(ctx, server, "injectNetworkInfo")
        host = require_host(server)
        async with self._deps.database.work(ctx) as uow:
            uow.cast(InjectNetworkInfo(instance=instance_object(server)), server=host)

    async def diagnostics(self, ctx: RequestContext, uuid: str, *, as_object: bool) -> dict[str, Any]:
        """``as_object``: in the form of 2.48, which is every driver's; InstanceInvalidState for what does not run."""
        server = await self._deps.find(ctx, uuid, policy.DIAGNOSTICS)
        host, instance = require_host(server), instance_object(server)
        if not as_object:
            return await self._deps.rpc.call(ctx, GetDiagnostics(instance=instance), server=host)
        return plain(await self._deps.rpc.call(ctx, GetInstanceDiagnostics(instance=instance), server=host))

    async def topology(self, ctx: RequestContext, uuid: str) -> tuple[list[Cell], int | None, bool]:
        """The guest's NUMA cells, the KiB of its pages, and whether the caller may see where on the host they are."""
        server = await self._deps.find(ctx, uuid, policy.TOPOLOGY)
        async with self._deps.database.read() as session:
            xml = await instances.guest_xml(session, uuid)
        cells, page = ([], None) if xml is None else guest_topology.cells(xml)
        target = {"project_id": server.instance.project_id}
        return cells, page, self._deps.policy.allows(ctx, policy.TOPOLOGY_HOST, target)
