"""What a host answers when the API wants a console of one of its servers: where it is, and a token for it."""

from collections.abc import Awaitable, Callable
from typing import Any

from stackwire.compute.db import console_tokens
from stackwire.compute.domain import consoles
from stackwire.compute.domain.consoles import Protocol
from stackwire.compute.domain.errors import InstanceNotFound
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.contracts.compute_guests import GetConsole
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id

HOST_IP = "127.0.0.1"

Handler = Callable[[RequestContext, GetConsole], Awaitable[dict[str, Any]]]


class Consoles:
    """``nova/compute/manager.py: get_vnc_console`` and its siblings."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host

    def on_get(self, protocol: Protocol) -> Handler:
        """The handler of ``get_<protocol>_console``. ConsoleTypeUnavailable, ConsoleTypeInvalid."""

        async def handle(ctx: RequestContext, message: GetConsole) -> dict[str, Any]:
            consoles.require_enabled(protocol, message.console_type, self._host.console_protocols)
            uuid, token = uuid_of(message.instance), new_id()
            server = await self._host.find(uuid)
            if server is None:
                raise InstanceNotFound(instance_id=uuid)
            async with self._host.database.work(ctx) as uow:
                expires = int(uow.now.timestamp()) + self._host.token_ttl
                found = consoles.console(protocol, message.console_type, server.instance.id, uuid, HOST_IP, expires)
                await console_tokens.authorize(uow, found, consoles.token_hash(token))
            connection = {
                "host": found.host,
                "port": found.port,
                "internal_access_path": found.internal_access_path,
                "token": token,
                "access_url": consoles.access_url(found, token),
            }
            return connection | ({"tlsPort": found.tls_port} if protocol == "spice" else {})

        return handle
