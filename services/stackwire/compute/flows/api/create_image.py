"""createImage: the image's record is created here; its bytes come from the host, or volumes are snapshotted instead."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from stackwire.compute.backends import peers
from stackwire.compute.db import instance_actions, quotas
from stackwire.compute.domain import bdm_mapping, image_props, policy, states, travel
from stackwire.compute.domain.errors import QuiesceFailed, QuiesceNotSupported, SnapshotQuotaExceeded
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.quotas import check_metadata_items
from stackwire.compute.domain.requests import CreateImageRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import NovaObject, instance_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.compute.flows.unfinished import IMAGE, SNAPSHOT, Unfinished, unfinished
from stackwire.contracts.base import Cast
from stackwire.contracts.compute_workers import QuiesceInstance, SnapshotInstance, UnquiesceInstance
from stackwire.contracts.volume import GetVolume, GetVolumeLimits, MakeSnapshot, VolumeOverQuota
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.rules import Resource

VERB = "createImage"
Mappings = list[dict[str, Any]]
"""Entries of a ``block_device_mapping``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskImage:
    """An image of a server's disk. ``verb``: the API's action; ``message``: to the host, with the server and the id."""

    verb: str
    name: str
    properties: Mapping[str, str]
    image_type: str
    message: Callable[[NovaObject, str], Cast]


class CreateImage(ApiFlow):
    """``nova/compute/api.py: snapshot, snapshot_volume_backed``."""

    async def request_image(self, ctx: RequestContext, uuid: str, request: CreateImageRequest) -> str:
        """The id of the image, whose bytes are still to come (image-backed), or which has none (volume-backed)."""
        server = await self._deps.find(ctx, uuid, policy.CREATE_IMAGE)
        check_allowed(ctx, server, VERB)
        if request.limits_metadata:
            async with self._deps.database.read() as session:
                limits = await quotas.strictest(session, ctx)
            check_metadata_items(limits, len(request.metadata))
        if not server.is_volume_backed:
            image = DiskImage(
                verb=VERB,
                name=request.name,
                properties=request.metadata,
                image_type="snapshot",
                message=lambda instance, image_id: SnapshotInstance(instance=instance, image_id=image_id),
            )
            return await self.of_disk(ctx, server, image)
        target = {"project_id": server.instance.project_id}
        self._deps.policy.require(ctx, policy.CREATE_IMAGE_VOLUME_BACKED, target)
        return await self._of_volumes(ctx, server, request)

    # ---- a server with a disk of its own

    async def of_disk(self, ctx: RequestContext, server: Server, request: DiskImage) -> str:
        """The id of the image, whose bytes are still to come from the server's host."""
        host = require_host(server)
        image = travel.snapshot_image(
            server.system_metadata,
            server.instance,
            request.name,
            request.properties,
            self._deps.behaviours,
            user_id=ctx.user_id or "",
            project_id=ctx.project_id or "",
            image_type=request.image_type,
            current=await self._current_rows(ctx, server),
        )
        wanted = self._deps.make_id("server image")
        async with self._unfinished(ctx, {wanted: IMAGE}) as unfinished:
            image_id = await self._deps.images.create(ctx, {**image, "id": wanted})
            ends = Resource("server", server.uuid), Resource("image", image_id)
            try:
                async with self._deps.database.work(ctx) as uow:
                    after = await claim(uow, server, check_allowed(ctx, server, request.verb))
                    await instance_actions.start(uow, ctx, server.uuid, request.verb)
                    self._deps.announce(uow, server, after)
                    uow.applied(travel.snapshot_image, *ends, server.system_metadata, image)
                    uow.cast(request.message(instance_object(after), image_id), server=host)
                    await unfinished.finish(uow)
            except BaseException:
                await self._deps.images.discard(ctx, image_id)
                raise
            return image_id

    def _unfinished(self, ctx: RequestContext, ids: Mapping[str, str]) -> AbstractAsyncContextManager[Unfinished]:
        return unfinished(self._deps.database, self._deps.leases, ctx, ids)

    async def _current_rows(self, ctx: RequestContext, server: Server) -> dict[str, str] | None:
        """The rows that the server's image would leave on it today, which Icehouse read."""
        if self._deps.behaviours.has("snapshot-from-instance-metadata-only") or not server.instance.image_ref:
            return None
        image = await peers.current_image(self._deps.images, ctx, server.instance.image_ref)
        return None if image is None else travel.system_metadata(image, server.flavor, self._deps.behaviours)

    # ---- a server on volumes

    async def _of_volumes(self, ctx: RequestContext, server: Server, request: CreateImageRequest) -> str:
        """A failure deletes the snapshots that were taken."""
        await self._check_snapshot_quota(ctx, server)
        devices = [device for device in server.devices if not device.no_device]
        snapshot_ids = {device.uuid: self._deps.make_id("snapshot") for device in devices if device.is_volume}
        image_id = self._deps.make_id("server image")
        ids = {image_id: IMAGE, **dict.fromkeys(snapshot_ids.values(), SNAPSHOT)}
        async with self._unfinished(ctx, ids) as unfinished:
            quiesced = await self._quiesce(ctx, server)
            mappings: Mappings = []
            requested: list[str] = []
            try:
                try:
                    for device in devices:
                        requested += [snapshot_ids[device.uuid]] if device.is_volume else []
                        mappings.append(await self._mapping(ctx, device, request.name, snapshot_ids.get(device.uuid)))
                finally:
                    await self._finish_snapshots(ctx, server, mappings, quiesced=quiesced)
                return await self._create_empty_image(ctx, server, request, mappings, image_id, unfinished)
            except BaseException:
                for snapshot_id in requested:
                    await peers.delete_snapshot_best_effort(self._deps.rpc, ctx, snapshot_id)
                raise

    async def _create_empty_image(
        self,
        ctx: RequestContext,
        server: Server,
        request: CreateImageRequest,
        mappings: Mappings,
        wanted: str,
        unfinished: Unfinished,
    ) -> str:
        """The image without bytes that names the snapshots; its id."""
        root: Mapping[str, Any] | None = None
        others: Sequence[Mapping[str, Any]] = mappings
        if self._deps.images.keeps_roots:
            root, others = bdm_mapping.root_apart(mappings)
        image = travel.volume_snapshot_image(
            server.system_metadata,
            server.instance,
            request.name,
            request.metadata,
            others,
            self._deps.behaviours,
            project_id=ctx.project_id or "",
            current=await self._current_image(ctx, server),
            rooted=root is not None,
        )
        if root is None:
            image_id = await self._deps.images.create_empty(ctx, {**image, "id": wanted})
        else:
            image_id = await self._create_at_root_snapshot(ctx, {**image, "id": wanted}, root)
        ends = Resource("server", server.uuid), Resource("image", image_id)
        try:
            async with self._deps.database.work(ctx) as uow:
                uow.applied(travel.volume_snapshot_image, *ends, server.system_metadata, image)
                await unfinished.finish(uow)
        except BaseException:
            await self._deps.images.discard(ctx, image_id)
            raise
        return image_id

    async def _create_at_root_snapshot(
        self, ctx: RequestContext, image: dict[str, Any], root: Mapping[str, Any]
    ) -> str:
        """An image whose location is the root's snapshot."""
        snapshot_id, location_metadata = str(root["snapshot_id"]), bdm_mapping.root_location_metadata(root)
        await peers.settled_snapshot(self._deps.rpc, ctx, snapshot_id)
        url = f"{bdm_mapping.ROOT_SCHEME}{snapshot_id}"
        return await self._deps.images.create_at(ctx, image, url, location_metadata)

    async def _check_snapshot_quota(self, ctx: RequestContext, server: Server) -> None:
        needed = sum(device.is_volume and not device.no_device for device in server.devices)
        limits = await self._deps.rpc.call(ctx.as_service(), GetVolumeLimits())
        allowed, used = limits.maxTotalSnapshots, limits.totalSnapshotsUsed
        if 0 <= allowed < used + needed:
            raise SnapshotQuotaExceeded(needed=needed, used=used, allowed=allowed)

    async def _quiesce(self, ctx: RequestContext, server: Server) -> bool:
        """Freezes an active guest. That a host cannot do it matters only when the image requires it."""
        if not states.ServerStates.quiesce.allows(vm_state=server.instance.vm_state):
            return False
        message = QuiesceInstance(instance=instance_object(server))
        try:
            await self._deps.rpc.call(ctx, message, server=require_host(server))
        except ServiceError as error:
            if not image_props.flag(server.system_metadata.get("image_os_require_quiesce")):
                return False
            if isinstance(error, QuiesceNotSupported):
                raise
            raise QuiesceFailed(instance_id=server.uuid, reason=error.message) from error
        return True

    async def _mapping(
        self, ctx: RequestContext, device: BlockDevice, name: str, snapshot_id: str | None
    ) -> dict[str, Any]:
        """The device's entry; of a volume, a snapshot of this id is taken."""
        if not device.is_volume or device.volume_id is None:
            return bdm_mapping.local_mapping(device)
        volume = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=device.volume_id))
        message = MakeSnapshot(
            volume_id=volume.id,
            snapshot_id=snapshot_id,
            name=f"snapshot for {name}",
            description=volume.description,
            force=True,
        )
        try:
            snapshot = await self._deps.rpc.call(ctx.as_service(), message)
        except VolumeOverQuota as over:
            raise SnapshotQuotaExceeded(over.message) from over
        return bdm_mapping.snapshot_mapping(device, snapshot.id, volume.size)

    async def _finish_snapshots(
        self, ctx: RequestContext, server: Server, mappings: Mappings, *, quiesced: bool
    ) -> None:
        """The action is recorded and the guest thawed, also when a snapshot failed."""
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.start(uow, ctx, server.uuid, VERB)
            if quiesced:
                thaw = UnquiesceInstance(instance=instance_object(server), mapping=mappings)
                uow.cast(thaw, server=require_host(server))

    async def _current_image(self, ctx: RequestContext, server: Server) -> dict[str, Any] | None:
        """The root volume, or the image, as an image dictionary of today, which is all that Icehouse read."""
        if self._deps.behaviours.has("snapshot-from-instance-metadata-only"):
            return None
        if server.instance.image_ref:
            return await peers.current_image(self._deps.images, ctx, server.instance.image_ref)
        root = server.root
        if root is None or root.volume_id is None:
            return None
        volume = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=root.volume_id))
        return travel.image_meta_from_volume(volume.model_dump(), self._deps.behaviours)
