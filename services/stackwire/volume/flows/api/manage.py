"""Accepting that what lies on a back end becomes a volume or snapshot, and that one is no more."""

from dataclasses import dataclass, field
from typing import Any

from stackwire.contracts import volume_moves as moves
from stackwire.contracts import volume_workers as workers
from stackwire.contracts.volume import InvalidSnapshot, InvalidVolume, VolumeTypeNotFound
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid, new_id
from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.db import encryption, services, snapshots, volume_types, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.backends import Backend
from stackwire.volume.domain.errors import InvalidVolumeType, NotDeletable, ServiceNotFound, ServiceUnavailable
from stackwire.volume.domain.model import DEFAULT_VOLUME_TYPE, Snapshot, VolumeDetails, VolumeType
from stackwire.volume.domain.requests import CreateSnapshotRequest
from stackwire.volume.domain.states import NOT_MIGRATING, SnapshotStates, VolumeStates
from stackwire.volume.flows.api.snapshots import Snapshots
from stackwire.volume.flows.deps import Flow, call_backend, to_backend
from stackwire.volume.flows.pools import BINARY
from stackwire.volume.flows.type_quotas import check_type_limits

_UNAVAILABLE = "Service is unavailable at this time."


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageVolumeRequest:
    """``host``: a back end, with or without a pool; ``ref``: what is there."""

    host: str
    ref: dict[str, Any]
    name: str | None = None
    description: str | None = None
    volume_type: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    availability_zone: str | None = None
    bootable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageableRequest:
    """A page of what is manageable on ``host``; ``order``: keys with their directions."""

    host: str
    marker: str | None
    limit: int
    offset: int
    order: tuple[tuple[str, str], ...]


class Manage(Flow):
    """``cinder/volume/api.py: manage_existing, manage_existing_snapshot, delete, get_manageable_volumes``."""

    def check_manage(self, ctx: RequestContext) -> None:
        """Forbidden to those who may not, whatever they request."""
        self._deps.require(ctx, "volume_extension:volume_manage")

    def check_list(self, ctx: RequestContext, kind: str) -> None:
        """The same of lists. ``kind``: volumes or snapshots."""
        self._deps.require(ctx, f"{kind.removesuffix('s')}_extension:list_manageable")

    async def manage_volume(self, ctx: RequestContext, request: ManageVolumeRequest) -> VolumeDetails:
        """A volume in ``managing``, without a size. InvalidVolume, InvalidVolumeType, ServiceUnavailable, 413."""
        self.check_manage(ctx)
        if not ctx.project_id:
            raise BadRequest("A volume needs a project to belong to.")
        async with self._deps.database.work(ctx) as uow:
            await _check_not_managed(uow, request.ref)
            volume_type = await _type_of(uow, request.volume_type)
            backend = await self._backend(uow, request.host)
            await self._deps.reserve_quota(uow, ctx.project_id, volumes=1, gigabytes=0)
            await check_type_limits(uow, ctx.project_id, volume_type, volumes=1, gigabytes=0)
            columns: dict[str, Any] = {
                "id": new_id("volume"),
                "user_id": ctx.user_id,
                "project_id": ctx.project_id,
                **attributes(request, "name description metadata bootable"),
                "size": 0,
                "status": "managing",
                "host": request.host if "#" in request.host else backend.host,
                "availability_zone": request.availability_zone or backend.zone,
                "volume_type_id": volume_type.id,
                "multiattach": volume_type.multiattach,
                "created_at": uow.now,
            }
            volume = await volumes.TABLE.insert(uow, columns)
            spec = {**objects.move_request_spec(volume, volume_type), "ref": request.ref}
            uow.cast(moves.ScheduleManage(volume=objects.volume_object(volume), request_spec=spec))
            return await volumes.details(uow, ctx, volume.id)

    async def manage_snapshot(
        self, ctx: RequestContext, request: CreateSnapshotRequest, ref: dict[str, Any]
    ) -> Snapshot:
        """A snapshot in ``creating``. VolumeNotFound, InvalidVolume, ServiceUnavailable, 413."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, request.volume_id, lock=True)
            self._deps.require(ctx, "snapshot_extension:snapshot_manage", volume.project_id)
            await self._backend(uow, volume.host)
            snapshot = await Snapshots(self._deps).insert(uow, volume, request)
            message = moves.ScheduleManageSnapshot(
                volume=objects.volume_object(volume),
                snapshot=objects.snapshot_object(snapshot),
                ref=ref,
                request_spec=objects.snapshot_request_spec(snapshot),
            )
            uow.cast(message)
            return snapshot

    async def unmanage_volume(self, ctx: RequestContext, volume_id: str) -> None:
        """``unmanaging``. NotDeletable while it has snapshots, is attached or being migrated."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume_extension:volume_unmanage", volume.project_id)
            self._deps.require(ctx, "volume:delete", volume.project_id)
            if await encryption.encrypts(uow, volume.volume_type_id):
                raise InvalidVolume(reason="Unmanaging encrypted volumes is not supported.")
            attached, grouped = volume.attach_status == "attached", volume.group_id is not None
            movable = not attached and not grouped and volume.migration_status in NOT_MIGRATING
            unmanaging = None
            if movable and not await snapshots.of_volume(uow, volume.id):
                verb = VolumeStates.begin_unmanage
                unmanaging = await self._deps.transition(uow, volumes.TABLE, verb, volume.id, terminated_at=uow.now)
            if unmanaging is None:
                raise NotDeletable
            message = workers.RemoveVolume(volume=objects.volume_object(unmanaging), unmanage_only=True)
            to_backend(uow, message, unmanaging.host)

    async def unmanage_snapshot(self, ctx: RequestContext, snapshot_id: str) -> None:
        """``unmanaging``. InvalidSnapshot."""
        async with self._deps.database.work(ctx) as uow:
            snapshot = await snapshots.find(uow, ctx, snapshot_id, lock=True)
            self._deps.require(ctx, "snapshot_extension:snapshot_unmanage", snapshot.project_id)
            self._deps.require(ctx, "volume:delete_snapshot", snapshot.project_id)
            unmanaging = None
            if snapshot.group_snapshot_id is None:
                verb = SnapshotStates.begin_unmanage
                unmanaging = await self._deps.transition(uow, snapshots.TABLE, verb, snapshot.id)
            if unmanaging is None:
                raise InvalidSnapshot(
                    reason="Snapshot status must be available or error and must not be part of a group."
                )
            volume = await volumes.TABLE.get(uow, snapshot.volume_id)
            message = workers.RemoveSnapshot(snapshot=objects.snapshot_object(unmanaging), unmanage_only=True)
            to_backend(uow, message, volume.host if volume is not None else None)

    async def list_volumes(self, ctx: RequestContext, request: ManageableRequest) -> list[dict[str, Any]]:
        """What is on a back end. ServiceNotFound, ServiceUnavailable, InvalidInput."""
        self.check_list(ctx, "volumes")
        return await self._list(ctx, request, moves.GetManageableVolumes)

    async def list_snapshots(self, ctx: RequestContext, request: ManageableRequest) -> list[dict[str, Any]]:
        """The same of snapshots."""
        self.check_list(ctx, "snapshots")
        return await self._list(ctx, request, moves.GetManageableSnapshots)

    async def _list(
        self,
        ctx: RequestContext,
        request: ManageableRequest,
        kind: type[moves.GetManageableVolumes] | type[moves.GetManageableSnapshots],
    ) -> list[dict[str, Any]]:
        if self._deps.backends.at(request.host) is None:
            raise ServiceNotFound(binary=BINARY, host=request.host.partition("#")[0][:255])
        async with self._deps.database.read() as session:
            backend = await self._backend(session, request.host)
        message = kind(
            **attributes(request, "marker limit offset"),
            sort_keys=[key for key, _ in request.order],
            sort_dirs=[direction for _, direction in request.order],
            want_objects=False,
        )
        return await call_backend(self._deps, ctx, message, backend.host)

    async def _backend(self, session: Session, host: str | None) -> Backend:
        """ServiceUnavailable unless it is there and enabled."""
        backend = self._deps.backends.at(host)
        if backend is None:
            raise ServiceUnavailable(message=f"Host '{(host or '')[:255]}' not found")
        state = (await services.states(session)).get((BINARY, backend.host))
        if state is not None and state.disabled:
            raise ServiceUnavailable(message=_UNAVAILABLE)
        return backend


async def _check_not_managed(uow: UnitOfWork, ref: dict[str, Any]) -> None:
    """InvalidVolume for the file of a volume that there is."""
    name = ref.get("source-name")
    ident = canonical_uuid(name.removeprefix("volume-")) if isinstance(name, str) else None
    if ident is not None and await volumes.TABLE.get(uow, ident) is not None:
        raise InvalidVolume(reason="Unable to manage existing volume. The volume is already managed")


async def _type_of(uow: UnitOfWork, reference: str | None) -> VolumeType:
    """The requested one, or the default. InvalidVolumeType."""
    try:
        found = await volume_types.find(uow, uow.ctx, reference or DEFAULT_VOLUME_TYPE)
    except VolumeTypeNotFound as error:
        raise InvalidVolumeType(reason=f"Cannot find requested '{reference}' volume type") from error
    if await encryption.encrypts(uow, found.id):
        raise InvalidVolumeType("Managing to an encrypted volume type is not supported.")
    return found
