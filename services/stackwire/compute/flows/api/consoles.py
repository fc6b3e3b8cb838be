"""Consoles of servers: the address of one for a user, and what its token opens for a proxy."""

from stackwire.compute.db import console_tokens
from stackwire.compute.domain import policy
from stackwire.compute.domain.consoles import Console, Protocol, token_hash
from stackwire.compute.domain.errors import InstanceInvalidState
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.deps import ApiFlow, require_host
from stackwire.contracts.compute_guests import (
    GetConsole,
    GetMksConsole,
    GetSerialConsole,
    GetSpiceConsole,
    GetVncConsole,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound

MESSAGES: dict[Protocol, type[GetConsole]] = {
    "vnc": GetVncConsole,
    "spice": GetSpiceConsole,
    "serial": GetSerialConsole,
    "mks": GetMksConsole,
}
_REJECTED_TASKS = ("deleting", "migrating")


class Consoles(ApiFlow):
    """``nova/compute/api.py: get_vnc_console``, ``nova/api/openstack/compute/console_auth_tokens.py``."""

    async def open(self, ctx: RequestContext, uuid: str, protocol: Protocol, console_type: str) -> str:
        """The address of the console, with a token in it. ConsoleTypeUnavailable, ConsoleTypeInvalid."""
        server = await self._deps.find(ctx, uuid, policy.REMOTE_CONSOLES)
        host, task = require_host(server), server.instance.task_state
        if task in _REJECTED_TASKS:
            action = f"get_{protocol}_console"
            raise InstanceInvalidState(action=action, instance_id=uuid, attr="task_state", state=task)
        message = MESSAGES[protocol](instance=instance_object(server), console_type=console_type)
        return str((await self._deps.rpc.call(ctx, message, server=host))["access_url"])

    async def get(self, ctx: RequestContext, token: str) -> Console:
        """For administrators, as whom proxies ask; NotFound for a token that is none, or no longer."""
        self._deps.policy.require(ctx, policy.CONSOLE_TOKENS)
        async with self._deps.database.read() as session:
            found = await console_tokens.valid(session, token_hash(token), self._deps.database.clock.now())
        if found is None:
            raise NotFound("Token not found")
        return found
