"""Accepting that a volume gets another type, or moves to another back end."""

from typing import Any

from stackwire.contracts.volume import InvalidInput, InvalidVolume
from stackwire.contracts.volume_moves import CompleteMigration, ScheduleMigration, ScheduleRetype
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotSimulated
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import (
    attachments,
    encryption,
    glance_metadata,
    qos_specs,
    services,
    snapshots,
    volume_types,
    volumes,
)
from stackwire.volume.domain import capabilities, objects
from stackwire.volume.domain.errors import InvalidHost
from stackwire.volume.domain.model import Volume, VolumeType
from stackwire.volume.domain.requests import AttachVolumeRequest
from stackwire.volume.domain.states import IN_USE, NOT_MIGRATING, VolumeStates
from stackwire.volume.flows.api.attach_legacy import LegacyAttach
from stackwire.volume.flows.deps import Flow, call_backend
from stackwire.volume.flows.pools import BINARY
from stackwire.volume.flows.type_quotas import check_type_limits

_ADMIN = "volume_extension:volume_admin_actions:"


class MoveVolume(Flow):
    """``cinder/volume/api.py: retype, migrate_volume, migrate_volume_completion``."""

    async def request_retype(self, ctx: RequestContext, volume_id: str, reference: str, policy: str) -> None:
        """``retyping``. ``reference``: the new type's name or id; ``policy``: never or on-demand. InvalidVolume,
        InvalidInput, VolumeTypeNotFound, TypeLimitExceeded."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume:retype", volume.project_id)
            new_type = await volume_types.find(uow, ctx, reference)
            await self._check_type(uow, volume, new_type)
            await self._deps.reserve_quota(uow, volume.project_id, volumes=0, gigabytes=0)  # the others wait
            await check_type_limits(uow, volume.project_id, new_type, volumes=1, gigabytes=volume.size)
            allowed = volume.group_id is None and await _qos_allows(uow, volume, new_type)
            retyping = None
            if allowed and new_type.id != volume.volume_type_id and volume.migration_status in NOT_MIGRATING:
                retyping = await self._deps.transition(
                    uow,
                    volumes.TABLE,
                    VolumeStates.begin_retype,
                    volume.id,
                    previous_status=volume.status,
                    new_type_id=new_type.id,
                )
            if retyping is None:
                raise InvalidVolume(
                    reason="Retype needs an available or in-use volume that is not being migrated, another type than it"
                    " has, and for in-use volumes the same front-end QoS specs."
                )
            zones = capabilities.zones_of(new_type) or [volume.availability_zone]
            whole = objects.whole_volume(
                retyping,
                await volume_types.by_id(uow, volume.volume_type_id),
                await snapshots.of_volume(uow, volume.id),
                await glance_metadata.read(uow, "volume_id", volume.id),
            )
            spec = objects.retype_request_spec(whole, new_type, policy, zones)
            uow.cast(ScheduleRetype(volume=objects.volume_object(retyping), request_spec=spec, filter_properties={}))

    async def _check_type(self, uow: UnitOfWork, volume: Volume, new_type: VolumeType) -> None:
        capabilities.check_size(new_type, volume.size)
        if volume.multiattach != new_type.multiattach:
            if volume.status != "available":
                raise InvalidInput(
                    reason=f"Only an available volume gets or loses multiattach; its status is {volume.status}."
                )
            if new_type.multiattach:
                self._deps.require(uow.ctx, "volume:multiattach", volume.project_id)
        for type_id in (volume.volume_type_id, new_type.id):
            if await encryption.encrypts(uow, type_id):
                raise NotSimulated(what="retyping encrypted volumes, or to be encrypted")

    async def request_migration(
        self, ctx: RequestContext, volume_id: str, host: str, *, force_copy: bool, lock: bool
    ) -> None:
        """``host``: a back end, with or without a pool. ``lock``: in ``maintenance`` meanwhile. InvalidHost,
        InvalidVolume."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ADMIN + "migrate_volume", volume.project_id)
            await self._check_host(uow, host)
            if (
                not VolumeStates.migrate.allows(status=volume.status)
                or volume.migration_status not in NOT_MIGRATING
                or volume.host == host
                or volume.group_id is not None
                or await snapshots.of_volume(uow, volume.id)
            ):
                raise InvalidVolume(
                    reason=f"Volume {volume.id} status must be available or in-use, must not be migrating, have"
                    " snapshots, be part of a group, and the destination must be another than the current one."
                )
            changes: dict[str, Any] = {"migration_status": "starting", "previous_status": volume.status}
            locked = None
            if lock:
                verb = VolumeStates.lock_for_migration
                locked = await self._deps.transition(uow, volumes.TABLE, verb, volume.id, **changes)
            migrating = locked or await volumes.TABLE.update(uow, volume.id, **changes) or volume
            volume_type = await volume_types.by_id(uow, volume.volume_type_id)
            uow.cast(
                ScheduleMigration(
                    volume=objects.volume_object(migrating),
                    backend=host,
                    force_copy=force_copy,
                    request_spec=objects.move_request_spec(migrating, volume_type),
                )
            )

    async def _check_host(self, uow: UnitOfWork, host: str) -> None:
        """InvalidHost unless it is an enabled back end."""
        backend = self._deps.backends.at(host)
        state = (await services.states(uow)).get((BINARY, host.partition("#")[0]))
        if backend is None or (state is not None and state.disabled):
            raise InvalidHost(reason=f"No available service named '{host}'")

    async def complete_migration(self, ctx: RequestContext, volume_id: str, copy_id: str, *, error: bool) -> str:
        """The id of the volume that is to be used now. InvalidVolume unless both are of one migration."""
        async with self._deps.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
        self._deps.require(ctx, _ADMIN + "migrate_volume_completion", volume.project_id)
        return await self._complete(ctx, volume_id, copy_id, error=error)

    async def on_moved_by_host(self, ctx: RequestContext, volume_id: str, copy_id: str, *, error: bool) -> str:
        """The same for the compute service, which is no administrator when it acts for a user.

        It asks again when the answer was lost.
        """
        async with self._deps.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
            copy = await volumes.TABLE.get(session, copy_id)
        if volume.migration_status == "success" and volume.name_id == copy_id:
            return volume_id
        if error and copy is None:
            return volume_id  # it was given up, and the copy is deleted by now
        return await self._complete(ctx, volume_id, copy_id, error=error)

    async def _complete(self, ctx: RequestContext, volume_id: str, copy_id: str, *, error: bool) -> str:
        async with self._deps.database.read() as session:
            volume, copy = await volumes.find(session, ctx, volume_id), await volumes.find(session, ctx, copy_id)
            used = await attachments.of_volume(session, volume.id)
        if not (volume.migration_status or copy.migration_status):
            legacy = LegacyAttach(self._deps)
            for attachment in used if not error else ():
                await legacy.detach(ctx, volume.id, attachment.id)
                request = AttachVolumeRequest(
                    instance_uuid=attachment.instance_uuid,
                    host_name=attachment.attached_host,
                    mountpoint=attachment.mountpoint or "",
                    mode="rw",
                )
                await legacy.attach(ctx, copy.id, request)
            return copy.id
        _check_migration(volume, copy)
        message = CompleteMigration(
            volume=objects.volume_object(volume), new_volume=objects.volume_object(copy), error=error
        )
        return await call_backend(self._deps, ctx, message, volume.host)


def _check_migration(volume: Volume, copy: Volume) -> None:
    if not volume.migration_status:
        raise InvalidVolume(reason="Source volume not mid-migration.")
    if not copy.migration_status:
        raise InvalidVolume(reason="Destination volume not mid-migration.")
    expected = f"target:{volume.id}"
    if copy.migration_status != expected:
        raise InvalidVolume(reason=f"Destination has migration_status {copy.migration_status}, expected {expected}.")


async def _qos_allows(uow: UnitOfWork, volume: Volume, new_type: VolumeType) -> bool:
    """What a host holds a volume in use to cannot change (``cinder/db/api.py: volume_qos_allows_retype``)."""
    if volume.status != IN_USE:
        return True
    old, new = await qos_specs.of_type(uow, volume.volume_type_id), await qos_specs.of_type(uow, new_type.id)
    if (old and old.id) == (new and new.id):
        return True
    return all(specs is None or specs.consumer == "back-end" for specs in (old, new))
