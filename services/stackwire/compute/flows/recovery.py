"""What a dead worker left half done on a host is resumed or failed, as the state table says (``on_crash``).

``nova/compute/manager.py: _init_instance``: what was being built or rebuilt is in error, a snapshot that was being
taken is abandoned, a deletion goes on, power follows what was requested.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from stackwire.compute.db import block_devices, instances, recovery_queries, volume_swaps
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, ServerStates, ServerVerb
from stackwire.compute.flows.move_recovery import MoveRecovery
from stackwire.compute.flows.worker.attach_volume import AttachVolume
from stackwire.compute.flows.worker.compute_host import ComputeHost, record_fault, release_placement
from stackwire.compute.flows.worker.power import POWER_TRANSITIONS, Power
from stackwire.compute.flows.worker.rebuild_recovery import restore_root_attachment
from stackwire.compute.flows.worker.rescue_instance import RescueServer
from stackwire.compute.flows.worker.shelve_instance import ShelveServer
from stackwire.compute.flows.worker.swap_volume import SwapVolume
from stackwire.compute.flows.worker.terminate_instance import TerminateServer
from stackwire.compute.flows.worker.unshelve_instance import UnshelveServer
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.states import Verb
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition

log = logging.getLogger(__name__)
SERVER_TIMEOUT_SECONDS = 15.0
"""How long the recovery of one server may take."""

VOLUMES_STUCK_AFTER = timedelta(seconds=15)
"""How long what was requested of a server's volumes may wait while its host works; doing it twice does no harm."""

REDELIVERY_TIMEOUT = timedelta(seconds=15)
"""How long after a host was taken over, or an outage, a message may come for what was requested of it before."""

Action = Callable[[RequestContext, Server], Awaitable[None]]


_S = ServerStates
DROPPED = frozenset({_S.fail_rebuild, _S.abandon_snapshot, _S.abandon_rescue, _S.abandon_shelve, _S.fail_unshelve})
"""What ends an action without doing it."""


class Interrupted(ServiceError, wire="nova.exception.HostInterrupted"):
    """The host stopped while the server was in {task}."""


class Recovery:
    """Of one host; only the process that holds the host's lease runs it."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._attach, self._swaps = AttachVolume(host), SwapVolume(host)
        self._power = Power(host)
        self._rescue = RescueServer(host)
        self._shelve, self._unshelve = ShelveServer(host), UnshelveServer(host)
        self._terminate = TerminateServer(host)
        self._moves = MoveRecovery(host)
        self._actions: Mapping[Verb, Action] = {
            ServerStates.finish_delete: self._finish_delete,
            ServerStates.fail_build: self._fail_build,
            ServerStates.fail_rebuild: self._fail_rebuild,
            ServerStates.recover_reboot: self._recover_reboot,
            ServerStates.abandon_snapshot: self._abandon_snapshot,
            ServerStates.abandon_rescue: self._abandon_rescue,
            ServerStates.finish_unrescue: self._finish_unrescue,
            ServerStates.abandon_shelve: self._abandon_shelve,
            ServerStates.finish_offload: self._finish_offload,
            ServerStates.fail_unshelve: self._fail_unshelve,
            ServerStates.abandon_resize: self._abandon_move,
            ServerStates.end_live_migration: self._abandon_move,
            ServerStates.begin_finish_resize: self._moves.finish,
            ServerStates.finish_resize: self._moves.finish,
            ServerStates.finish_revert: self._moves.revert,
            ServerStates.finish_change_password: self._finish_change_password,
            **dict.fromkeys(POWER_TRANSITIONS, self._apply_power),
        }

    async def run(self, ctx: RequestContext, before: datetime) -> bool:
        """Recovers what has not changed since ``before``. False when something remains for the next round."""
        volumes_before = max(before, self._host.database.clock.earlier(VOLUMES_STUCK_AFTER))
        recovered = (
            await self._recover_servers(ctx, before)
            and await self._release_unrequested(ctx, volumes_before)
            and await self._finish_attachments(ctx, volumes_before)
            and await self._finish_swaps(ctx, volumes_before)
        )
        await self._moves.end_old(ctx, before)
        await self._release_orphaned_volumes(ctx)
        return recovered

    async def _recover_servers(self, ctx: RequestContext, before: datetime) -> bool:
        async with self._host.database.read() as session:
            uuids = await recovery_queries.interrupted(session, self._host.name, before)
            found = await instances.by_uuids(session, uuids)
        recovered = True
        for server in found:
            if self._host.locks.busy(server.uuid):  # a message delivered again may leave the server as it found it
                recovered = False
                continue
            now = await self._host.find(server.uuid)
            if now is None or now.instance != server.instance:  # it changed while others were recovered
                continue
            if await self._awaits_message(now, before):
                recovered = False
                continue
            try:
                async with asyncio.timeout(SERVER_TIMEOUT_SECONDS):
                    await self._recover(ctx, now)
            except (ServiceError, TimeoutError) as error:  # the next round tries again
                log.warning("instance %s stays in %s: %s", server.uuid, server.instance.task_state, error)
                recovered = False
        return recovered

    async def _recover(self, ctx: RequestContext, server: Server) -> None:
        verb = ServerStates.after_crash(server.instance)
        if isinstance(verb, Verb):
            await self._actions[verb](ctx, server)

    async def _awaits_message(self, server: Server, since: datetime) -> bool:
        """Nobody has begun with what was requested, and its message may yet come: it is done then, not dropped."""
        waited = self._host.database.clock.earlier(REDELIVERY_TIMEOUT) > since
        if waited or ServerStates.after_crash(server.instance) not in DROPPED:
            return False
        async with self._host.database.read() as session:
            return not await recovery_queries.is_begun(session, server.uuid)

    # ---- actions of the state table

    async def _finish_delete(self, ctx: RequestContext, server: Server) -> None:
        await self._terminate.terminate(ctx, server.uuid)

    async def _fail_build(self, ctx: RequestContext, server: Server) -> None:
        """In error and on no host. A volume that is not released keeps its attachment, for the server's deletion."""
        async with self._host.exclusive(server.uuid):
            await self._host.disks.remove(server.uuid)
            attached = [device for device in server.devices if device.is_volume and device.attachment_id]
            unreleased = await self._host.release_volumes(ctx, attached)
            async with self._host.database.work(ctx) as uow:
                for device in attached:
                    if device.uuid not in unreleased:
                        await block_devices.update(uow, device.uuid, attachment_id=None, connection_info=None)
            await self._transition(ctx, server, ServerStates.fail_build, failed=True, host=None, node=None)

    async def _fail_rebuild(self, ctx: RequestContext, server: Server) -> None:
        async with self._host.exclusive(server.uuid):
            await restore_root_attachment(ctx, self._host, server)

            async def also(uow: UnitOfWork) -> None:
                await self._moves.fail_evacuation(uow, server)

            await self._transition(ctx, server, ServerStates.fail_rebuild, failed=True, also=also)

    async def _recover_reboot(self, ctx: RequestContext, server: Server) -> None:
        await self._transition(ctx, server, ServerStates.recover_reboot, power_state=POWER["running"])

    async def _abandon_snapshot(self, ctx: RequestContext, server: Server) -> None:
        await self._transition(ctx, server, ServerStates.abandon_snapshot)

    async def _abandon_rescue(self, ctx: RequestContext, server: Server) -> None:
        await self._host.disks.remove_rescue(server.uuid)
        await self._transition(ctx, server, ServerStates.abandon_rescue)

    async def _finish_unrescue(self, ctx: RequestContext, server: Server) -> None:
        await self._rescue.unrescue(ctx, server.uuid)

    async def _abandon_shelve(self, ctx: RequestContext, server: Server) -> None:
        """Its disk is there yet. One on volumes has nothing to keep as an image: it goes off the host."""
        if server.is_volume_backed:
            await self._finish_offload(ctx, server)
        else:
            await self._transition(ctx, server, ServerStates.abandon_shelve)

    async def _finish_offload(self, ctx: RequestContext, server: Server) -> None:
        await self._shelve.offload(ctx, server.uuid)

    async def _fail_unshelve(self, ctx: RequestContext, server: Server) -> None:
        interrupted = Interrupted(task=server.instance.task_state or "unshelving")
        await self._unshelve.recover(ctx, server.uuid, interrupted)

    async def _abandon_move(self, ctx: RequestContext, server: Server) -> None:
        """The server has not left: it is here as it was, with a fault."""
        async with self._host.exclusive(server.uuid):
            migration = await self._moves.abandon.restore(ctx, server.uuid)

            async def also(uow: UnitOfWork) -> None:
                await self._moves.abandon.release(uow, server.uuid, migration)

            verb = ServerStates.after_crash(server.instance)
            assert isinstance(verb, ServerVerb)
            await self._transition(ctx, server, verb, failed=True, also=also)

    async def _finish_change_password(self, ctx: RequestContext, server: Server) -> None:
        await self._transition(ctx, server, ServerStates.finish_change_password)

    async def _apply_power(self, ctx: RequestContext, server: Server) -> None:
        verb = ServerStates.after_crash(server.instance)
        assert isinstance(verb, ServerVerb)
        await self._power.apply(ctx, server.uuid, verb)

    async def _transition(
        self,
        ctx: RequestContext,
        server: Server,
        verb: ServerVerb,
        *,
        failed: bool = False,
        also: Callable[[UnitOfWork], Awaitable[None]] | None = None,
        **changes: Any,
    ) -> None:
        """The transition with its notification, unless the server has changed; with a fault when it ``failed``.

        ``also``: what else is written with it.
        """
        found = server.instance
        where = {"vm_state": found.vm_state, "task_state": found.task_state, "updated_at": found.updated_at}
        async with self._host.database.work(ctx) as uow:
            moved = await transition(uow, instances.TABLE, verb, server.uuid, where=where, **changes)
            if moved is None:
                return
            if also is not None:
                await also(uow)
            after = replace(server, instance=moved)
            if moved.host is None:
                after = await release_placement(uow, after)
            if failed:
                interrupted = Interrupted(task=server.instance.task_state or "building")
                await record_fault(uow, server.uuid, interrupted, self._host.name)
            self._host.notifications.emit_update(uow, server, after)

    # ---- volumes

    async def _release_unrequested(self, ctx: RequestContext, before: datetime) -> bool:
        """Devices reserved by somebody who died; False when one remains for the next round."""
        async with self._host.database.read() as session:
            devices = await recovery_queries.unrequested_devices(session, self._host.name, before)
        try:
            for device in devices:
                async with asyncio.timeout(SERVER_TIMEOUT_SECONDS):
                    await self._attach.release_unrequested(ctx, device)
        except (ServiceError, TimeoutError) as error:
            log.warning("a device of instance %s stays: %s", device.instance_uuid, error)
            return False
        return True

    async def _finish_attachments(self, ctx: RequestContext, before: datetime) -> bool:
        """Volumes whose message to attach or detach them is lost; False when one remains for the next round."""
        async with self._host.database.read() as session:
            actions = await recovery_queries.unfinished_attachments(session, self._host.name, before)
        finished = True
        try:
            for action in actions:
                async with asyncio.timeout(SERVER_TIMEOUT_SECONDS):
                    own = replace(ctx, request_id=action.request_id)
                    finished = await self._attach.resume(own, action) and finished
        except (ServiceError, TimeoutError) as error:
            log.warning("a volume of a server is still being attached or detached: %s", error)
            return False
        return finished

    async def _finish_swaps(self, ctx: RequestContext, before: datetime) -> bool:
        """Servers that are on their way to another volume; False when one remains for the next round."""
        async with self._host.database.read() as session:
            swaps = await volume_swaps.unfinished(session, self._host.name, before)
        finished = True
        try:
            for swap in swaps:
                async with asyncio.timeout(SERVER_TIMEOUT_SECONDS):
                    finished = await self._swaps.resume(ctx, swap) and finished
        except (ServiceError, TimeoutError) as error:
            log.warning("a server is still between two volumes: %s", error)
            return False
        return finished

    async def _release_orphaned_volumes(self, ctx: RequestContext) -> None:
        """Volumes of deleted servers, once the volume service answers again."""
        async with self._host.database.read() as session:
            devices = await recovery_queries.orphaned_volumes(session, self._host.name)
        to_delete = {device.volume_id for device in devices if device.volume_id and device.delete_on_termination}
        for device in devices:
            try:
                async with asyncio.timeout(SERVER_TIMEOUT_SECONDS):
                    unreleased = await self._host.release_volumes(ctx, [device], to_delete)
            except TimeoutError:
                return
            if not unreleased:
                async with self._host.database.work(ctx) as uow:
                    await block_devices.delete(uow, device.uuid)
