"""The rules for services that run as processes of their own: sent to all at each change, and counted here."""

import asyncio
import logging
import socket

from stackwire.contracts.faults import FAULTS, ClaimFault, FaultState, ListFaults, SetFaults
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError
from stackwire.core.faults import FaultRules
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.fault_watch import state_of

log = logging.getLogger(__name__)


class FaultBus:
    """Serves the rules on a bus."""

    def __init__(self, transport: Transport, faults: FaultRules) -> None:
        self._faults = faults
        self._transport = transport
        self._rpc = RpcClient(transport)
        endpoints = [ListFaults.served_by(self._on_list_faults), ClaimFault.served_by(self._on_claim_fault)]
        self._server = RpcServer(transport, FAULTS, socket.gethostname(), endpoints)
        self._order = asyncio.Lock()

    async def start(self) -> None:
        """Consumes, and sends the rules to processes that have older ones."""
        await self._server.start()
        self._faults.changed.append(self._announce)
        self._announce()

    async def stop(self) -> None:
        """Removes the rules everywhere: nobody could do it later."""
        self._faults.clear()
        self._faults.changed.remove(self._announce)
        await self._send()
        await self._server.stop()
        await self._rpc.close()

    def _announce(self) -> None:
        self._transport.spawn(self._send())

    async def _send(self) -> None:
        async with self._order:
            try:
                await self._rpc.fanout(system_context("admin"), SetFaults(faults=self._states()))
            except ServiceError as error:
                log.warning("the faults were not sent: %s", error)

    def _states(self) -> list[FaultState]:
        return [state_of(fault) for fault in self._faults.faults]

    async def _on_list_faults(self, _ctx: RequestContext, _message: ListFaults) -> list[FaultState]:
        return self._states()

    async def _on_claim_fault(self, _ctx: RequestContext, message: ClaimFault) -> bool:
        return self._faults.claim(message.fault_id)
