"""Moving a volume that a server has: its host goes over to the copy, as the compute service is asked to arrange.

``cinder/volume/manager.py: _migrate_volume_generic``. The compute service says when that is done, by
``migrate_volume_completion``; until then it is asked again from time to time, in case one of the two has died.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from stackwire.contracts.compute import UpdateServerVolume
from stackwire.contracts.volume import InvalidVolume
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.volume.db import volumes
from stackwire.volume.domain.model import Attachment, Volume
from stackwire.volume.flows.deps import Flow, log
from stackwire.volume.flows.move_steps import copy_data, is_attached, notify_retyped

CONNECT_TIMEOUT = timedelta(seconds=20)
"""How long a host may take until it has connected the copy."""


class VolumeMigrationFailed(ServiceError, wire="cinder.exception.VolumeMigrationFailed"):
    """Volume migration failed: {reason}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMove:
    """What the compute service is to be asked for. ``again``: it was before; ``attached``: its host has the copy."""

    volume: Volume
    copy: Volume
    server: str
    again: bool
    attached: bool


class AttachedMove(Flow):
    """The part of the volume service."""

    async def prepare(
        self, ctx: RequestContext, volume: Volume, copy: Volume, used: Sequence[Attachment], taken: Sequence[Attachment]
    ) -> HostMove:
        """With the data in the copy. ``used``, ``taken``: attachments of the volume and of its copy. Errors: it is not
        possible, or took too long; none once a server has the copy."""
        server = _only_server(volume, used)
        if not taken:
            await self._copy(ctx, volume, copy)
        elif not is_attached(taken) and self._is_late(volume):
            raise VolumeMigrationFailed(reason=f"the host of server {server} does not answer")
        return HostMove(volume=volume, copy=copy, server=server, again=bool(taken), attached=is_attached(taken))

    async def request(self, ctx: RequestContext, move: HostMove) -> bool:
        """False when the server stays where it is. Its host may complete the migration before this ends."""
        volume = move.volume
        update = UpdateServerVolume(server_uuid=move.server, volume_id=volume.id, new_volume_id=move.copy.id)
        try:
            await self._deps.rpc.call(ctx.as_service(), update)
        except ServiceError as error:
            log.warning("volume %s is not moved by the host of server %s: %s", volume.id, move.server, error)
            return move.attached
        if not move.again and volume.status == "retyping":
            async with self._deps.database.work(ctx) as uow:
                await notify_retyped(uow, volume, replace(volume, volume_type_id=move.copy.volume_type_id))
        return True

    def _is_late(self, volume: Volume) -> bool:
        return (volume.updated_at or volume.created_at) < self._deps.database.clock.earlier(CONNECT_TIMEOUT)

    async def _copy(self, ctx: RequestContext, volume: Volume, copy: Volume) -> None:
        """The data are in the copy before the host is asked: a simulated guest changes nothing on its volumes."""
        await copy_data(self._deps, volume, copy)
        async with self._deps.database.work(ctx) as uow:
            await volumes.TABLE.update(uow, volume.id, migration_status="migrating")  # from now on the host has time


def _only_server(volume: Volume, used: Sequence[Attachment]) -> str:
    """InvalidVolume: it is attached to several, or to a machine that is no server."""
    server = used[0].instance_uuid
    if len(used) > 1 or server is None:
        raise InvalidVolume(reason=f"Volume {volume.id} must be attached to one server, whose host moves it.")
    return server
