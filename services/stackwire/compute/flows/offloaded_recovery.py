"""Volumes of servers on no host whose attachment or detachment a dead process of the API left half done."""

import logging
from dataclasses import replace
from datetime import timedelta

from stackwire.compute.backends.volumes import Volumes
from stackwire.compute.db import block_devices, instance_actions, instances, recovery_queries
from stackwire.compute.domain.model import Action, BlockDevice
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError
from stackwire.db.pool import Database

log = logging.getLogger(__name__)
ATTACHED_AFTER = timedelta(seconds=15)
"""How long the API may take for it."""
_EVENTS = {"attach_volume": "api_attach_volume", "detach_volume": "api_detach_volume"}


class OffloadedRecovery:
    """Safe at any time, in any number of processes. ``volumes``: the volume service as no host reaches it."""

    def __init__(self, database: Database, volumes: Volumes) -> None:
        self._database = database
        self._volumes = volumes

    async def run(self, ctx: RequestContext) -> None:
        """What was not completed is as if it had not been requested; what was detached is gone."""
        before = self._database.clock.earlier(ATTACHED_AFTER)
        async with self._database.read() as session:
            actions = await recovery_queries.unfinished_attachments(session, None, before)
        for action in actions:
            try:
                await self._recover(replace(ctx, request_id=action.request_id), action)
            except ServiceError as error:
                log.warning("a volume of server %s is not recovered yet: %s", action.instance_uuid, error)

    async def _recover(self, ctx: RequestContext, action: Action) -> None:
        async with self._database.read() as session:
            server = await instances.by_uuid(session, action.instance_uuid)
        devices = [] if server is None else [device for device in server.devices if device.attachment_id]
        unfinished = [device for device in devices if await self._is_unfinished(ctx, device, action)]
        for device in unfinished:
            await self._volumes.release(ctx, device.attachment_id or "")
        async with self._database.work(ctx) as uow:
            for device in unfinished:
                await block_devices.delete_if_unchanged(uow, device)
            await instance_actions.withdraw(uow, action.instance_uuid)
            await instance_actions.end_event(uow, action.instance_uuid, _EVENTS[action.action])

    async def _is_unfinished(self, ctx: RequestContext, device: BlockDevice, action: Action) -> bool:
        """Whether it is the action's: the volumes that the server had on its host are reserved for it, and stay so."""
        try:
            volume = await self._volumes.get(ctx, device.volume_id or "")
        except NotFound:
            return True
        state = next((each.status for each in volume.attachments if each.id == device.attachment_id), None)
        if action.action == "detach_volume":
            return state is None
        return state != "attached" and device.created_at >= action.start_time
