"""The rules for services that run as processes of their own: sent to all at each change, and counted here.

Each process confirms what it got, so that a rule holds everywhere when whoever set it has the answer.
"""

import asyncio
import logging
import socket

from stackwire.contracts.faults import FAULTS, ClaimFault, ConfirmFaults, FaultState, ListFaults, SetFaults
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError
from stackwire.core.faults import FaultRules
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.fault_watch import state_of

log = logging.getLogger(__name__)

SPREAD_SECONDS = 3.0
"""How long a process may take to confirm; it is not waited for again until it does."""


class FaultBus:
    """Serves the rules on a bus."""

    def __init__(self, transport: Transport, faults: FaultRules) -> None:
        self._faults = faults
        self._transport = transport
        self._rpc = RpcClient(transport)
        endpoints = [
            ListFaults.served_by(self._on_list_faults),
            ClaimFault.served_by(self._on_claim_fault),
            ConfirmFaults.served_by(self._on_confirm_faults),
        ]
        self._server = RpcServer(transport, FAULTS, socket.gethostname(), endpoints)
        self._order = asyncio.Lock()
        self._revision = 0
        self._confirmed: dict[str, int] = {}
        self._changed = asyncio.Condition()

    async def start(self) -> None:
        """Consumes, and sends the rules to processes that have older ones."""
        await self._server.start()
        self._faults.changed.append(self._announce)
        self._faults.waits.append(self.confirmed)
        self._faults.elsewhere = lambda: {process.split(".", 1)[0] for process in self._confirmed}
        self._announce()

    async def stop(self) -> None:
        """Removes the rules everywhere: nobody could do it later."""
        self._faults.clear()
        self._faults.changed.remove(self._announce)
        self._faults.waits.remove(self.confirmed)
        await self._send()
        await self._server.stop()
        await self._rpc.close()

    async def confirmed(self) -> None:
        """Returns when every known process has the rules as they are now, or has not confirmed them in time."""
        revision = self._revision

        def late() -> list[str]:
            return [process for process, confirmed in self._confirmed.items() if confirmed < revision]

        try:
            async with asyncio.timeout(SPREAD_SECONDS), self._changed:
                await self._changed.wait_for(lambda: not late())
        except TimeoutError:
            for process in late():
                log.warning("%s has not confirmed the faults", process)
                del self._confirmed[process]

    def _announce(self) -> None:
        self._revision += 1
        self._transport.spawn(self._send())

    async def _send(self) -> None:
        async with self._order:
            message = SetFaults(revision=self._revision, faults=self._states())
            try:
                await self._rpc.fanout(system_context("admin"), message)
            except ServiceError as error:
                log.warning("the faults were not sent: %s", error)

    def _states(self) -> list[FaultState]:
        return [state_of(fault) for fault in self._faults.faults]

    async def _on_list_faults(self, _ctx: RequestContext, message: ListFaults) -> list[FaultState]:
        """A process that has asked is sent every later change."""
        self._confirmed[message.process] = self._revision
        return self._states()

    async def _on_confirm_faults(self, _ctx: RequestContext, message: ConfirmFaults) -> None:
        async with self._changed:
            self._confirmed[message.process] = message.revision
            self._changed.notify_all()

    async def _on_claim_fault(self, _ctx: RequestContext, message: ClaimFault) -> bool:
        return self._faults.claim(message.fault_id)
