"""A process that injects faults: it gets the rules from the one that has the admin port, and asks it before each.

    async with faulty(transport, "volume", is_asked_for) as transport: ...

The rules come by fanout; a process that starts asks for them. Its own messages about them are no subject to faults, so
that a rule ``bus.away`` can be removed.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextvars import Context

from pydantic import ValidationError

from stackwire.contracts.faults import FAULT_RULES, ClaimFault, ConfirmFaults, FaultState, ListFaults, SetFaults
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError
from stackwire.core.fault_rules import FaultRule
from stackwire.core.faults import Fault, Faults
from stackwire.db.leases import new_owner
from stackwire.messaging.faulty import FaultyTransport
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime import failpoints
from stackwire.runtime.fault_notes import notes_on

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
"""How long the admin port's process may take: without an answer nothing is injected."""


@contextlib.asynccontextmanager
async def faulty(transport: Transport, service: str, *, enabled: bool) -> AsyncIterator[Transport]:
    """The transport for a service: the same one where no faults were asked for, by a setting or a failpoint."""
    if not enabled and not failpoints.are_set():
        yield transport
        return
    faults = failpoints.FailpointFaults(service) if failpoints.are_set() else Faults(service)
    faults.report = notes_on(transport)
    faults.crash = _exit
    watch = FaultWatch(transport, faults) if enabled else None
    if watch is not None:
        await watch.start()
    try:
        yield FaultyTransport(transport, faults)
    finally:
        if watch is not None:
            await watch.stop()


async def _exit(fault: Fault) -> None:
    failpoints.end_process(fault)


class FaultWatch:
    """Keeps ``faults`` as they are set, and claims each before it happens."""

    def __init__(self, transport: Transport, faults: Faults) -> None:
        self._faults = faults
        self._ctx = system_context(faults.service)
        self._process = f"{faults.service}.{new_owner()}"
        self._rpc = RpcClient(transport)
        endpoint = SetFaults.served_by(self._on_set_faults)
        self._server = RpcServer(transport, FAULT_RULES, f"{faults.service}.{faults.worker}", [endpoint])
        faults.claim = self._claim

    async def start(self) -> None:
        """Returns with the rules; with none when nobody has an admin port."""
        await self._server.start()
        try:
            self._set(await self._rpc.call(self._ctx, ListFaults(process=self._process), timeout=ANSWER_SECONDS))
        except ServiceError as error:
            log.info("%s could not fetch the faults: %s", self._faults.service, error)

    async def stop(self) -> None:
        await self._server.stop()
        await self._rpc.close()

    async def _claim(self, fault: Fault) -> bool:
        """In a context of its own: it may be asked inside a unit of work, whose locks the fault is meant to hold."""
        if fault.id == failpoints.ID:
            return True
        call = self._rpc.call(self._ctx, ClaimFault(fault_id=fault.id), timeout=ANSWER_SECONDS)
        try:
            return await asyncio.get_running_loop().create_task(call, context=Context())
        except ServiceError as error:
            log.warning("the fault %s is not injected: %s", fault.id, error)
            return False

    async def _on_set_faults(self, _ctx: RequestContext, message: SetFaults) -> None:
        self._set(message.faults)
        try:
            await self._rpc.cast(self._ctx, ConfirmFaults(process=self._process, revision=message.revision))
        except ServiceError as error:
            log.warning("the faults were not confirmed: %s", error)

    def _set(self, states: Sequence[FaultState]) -> None:
        try:
            self._faults.replace([read_state(state) for state in states])
        except ValidationError as error:
            log.warning("the faults cannot be read: %s", error)


def read_state(state: FaultState) -> Fault:
    """The rule as it is here. Raises ValidationError."""
    seconds = state.remaining_seconds
    deadline = None if seconds is None else time.monotonic() + seconds
    return Fault(state.id, FaultRule.model_validate(state.rule), deadline, state.hits)


def state_of(fault: Fault) -> FaultState:
    """The rule as it goes over the bus."""
    rule = fault.rule.model_dump(mode="json", exclude_none=True)
    return FaultState(id=fault.id, rule=rule, hits=fault.hits, remaining_seconds=fault.remaining_seconds)
