"""createImage: the image is promised here; its bytes come from the host, or volumes are kept instead."""

from collections.abc import Mapping
from typing import Any

from stackwire.compute.backends import peers
from stackwire.compute.db import instance_actions, quotas
from stackwire.compute.domain import bdm_mapping, image_props, policy, states, travel
from stackwire.compute.domain.errors import (
    MetadataLimitExceeded,
    QuiesceFailed,
    QuiesceNotSupported,
    SnapshotQuotaExceeded,
)
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.api.create_server import flat
from stackwire.compute.flows.deps import ApiDeps, check_allowed, claim, host_of
from stackwire.contracts.compute_workers import QuiesceInstance, SnapshotInstance, UnquiesceInstance
from stackwire.contracts.lineage import property_transfer
from stackwire.contracts.volume import GetVolume, GetVolumeLimits, MakeSnapshot, VolumeOverQuota
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import UnitOfWork

VERB = "createImage"


class Snapshot:
    """``nova/compute/api.py: snapshot, snapshot_volume_backed``."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps

    async def accept(
        self, ctx: RequestContext, uuid: str, name: str, metadata: Mapping[str, str], version: tuple[int, int]
    ) -> str:
        """The id of the image that is on its way (image-backed) or made of snapshots that are (volume-backed)."""
        server = await self._deps.find(ctx, uuid, policy.CREATE_IMAGE)
        check_allowed(ctx, server, VERB)
        if version < (2, 39):
            await self._check_metadata(ctx, metadata)
        if server.is_volume_backed:
            target = {"project_id": server.instance.project_id}
            self._deps.policy.require(ctx, policy.CREATE_IMAGE_VOLUME_BACKED, target)
            return await self._of_volumes(ctx, server, name, metadata)
        return await self._of_disk(ctx, server, name, metadata)

    async def _check_metadata(self, ctx: RequestContext, metadata: Mapping[str, str]) -> None:
        async with self._deps.database.read() as session:
            limits = await quotas.limits(session, ctx.project_id or "")
        if 0 <= limits["metadata_items"] < len(metadata):
            raise MetadataLimitExceeded(allowed=limits["metadata_items"])

    # ---- a server with a disk of its own

    async def _of_disk(self, ctx: RequestContext, server: Server, name: str, metadata: Mapping[str, str]) -> str:
        host = host_of(server, VERB)
        image = travel.snapshot_image(
            server.instance,
            server.system_metadata,
            name,
            metadata,
            self._deps.behaviours,
            user_id=ctx.user_id or "",
            project_id=ctx.project_id or "",
            current=await self._current_rows(ctx, server),
        )
        image_id = await self._deps.images.create(ctx, image)
        try:
            async with self._deps.database.work(ctx) as uow:
                after = await claim(uow, server, check_allowed(ctx, server, VERB))
                await instance_actions.start(uow, ctx, server.uuid, VERB)
                self._deps.announce(uow, server, after)
                _tell(uow, server, image_id, image, "compute.snapshot_image", "nova/compute/utils.py: create_image")
                uow.cast(SnapshotInstance(instance=instance_object(after), image_id=image_id), server=host)
        except BaseException:
            await self._deps.images.discard(ctx, image_id)
            raise
        return image_id

    async def _current_rows(self, ctx: RequestContext, server: Server) -> dict[str, str] | None:
        """What today's image would leave on the server: Icehouse asked."""
        if self._deps.behaviours.has("snapshot-from-instance-metadata-only") or not server.instance.image_ref:
            return None
        image = await peers.current_image(self._deps.images, ctx, server.instance.image_ref)
        return None if image is None else travel.system_metadata(image, server.flavor, self._deps.behaviours)

    # ---- a server on volumes

    async def _of_volumes(self, ctx: RequestContext, server: Server, name: str, metadata: Mapping[str, str]) -> str:
        await self._check_limits(ctx, server)
        quiesced = await self._quiesce(ctx, server)
        mapping: list[dict[str, Any]] = []
        kept: list[str] = []
        try:
            try:
                for device in server.devices:
                    mapping += [] if device.no_device else [await self._kept(ctx, device, name, kept)]
            finally:
                await self._note(ctx, server, mapping, quiesced=quiesced)
            return await self._image_of(ctx, server, name, metadata, mapping)
        except BaseException:
            for snapshot_id in kept:
                await peers.delete_snapshot_best_effort(self._deps.rpc, ctx, snapshot_id)
            raise

    async def _image_of(
        self, ctx: RequestContext, server: Server, name: str, metadata: Mapping[str, str], mapping: list[dict[str, Any]]
    ) -> str:
        """The image without bytes that tells of the snapshots; its id."""
        root, others = bdm_mapping.root_apart(mapping) if self._deps.images.keeps_roots else (None, mapping)
        image = travel.volume_snapshot_image(
            server.instance,
            server.system_metadata,
            name,
            metadata,
            others,
            self._deps.behaviours,
            project_id=ctx.project_id or "",
            current=await self._current_meta(ctx, server),
            rooted=root is not None,
        )
        if root is None:
            image_id = await self._deps.images.create_empty(ctx, image)
        else:
            snapshot_id, told = str(root["snapshot_id"]), bdm_mapping.told_of_root(root)
            await peers.settled_snapshot(self._deps.rpc, ctx, snapshot_id)
            url = f"{bdm_mapping.ROOT_SCHEME}{snapshot_id}"
            image_id = await self._deps.images.create_at(ctx, image, url, told)
        try:
            async with self._deps.database.work(ctx) as uow:
                rule, source = "compute.volume_snapshot_image", "nova/compute/api.py: snapshot_volume_backed"
                _tell(uow, server, image_id, image, rule, source)
        except BaseException:
            await self._deps.images.discard(ctx, image_id)
            raise
        return image_id

    async def _check_limits(self, ctx: RequestContext, server: Server) -> None:
        needed = sum(device.is_volume and not device.no_device for device in server.devices)
        limits = await self._deps.rpc.call(ctx.as_service(), GetVolumeLimits())
        most, used = limits.maxTotalSnapshots, limits.totalSnapshotsUsed
        if 0 <= most < used + needed:
            raise SnapshotQuotaExceeded(needed=needed, used=used, allowed=most)

    async def _quiesce(self, ctx: RequestContext, server: Server) -> bool:
        """Freezes an active guest. A host that cannot matters only when the image requires it."""
        if server.instance.vm_state != states.ACTIVE:
            return False
        order = QuiesceInstance(instance=instance_object(server))
        try:
            await self._deps.rpc.call(ctx, order, server=host_of(server, VERB))
        except ServiceError as error:
            if not image_props.flag(server.system_metadata.get("image_os_require_quiesce")):
                return False
            if isinstance(error, QuiesceNotSupported):
                raise
            raise QuiesceFailed(instance_id=server.uuid, reason=error.message) from error
        return True

    async def _kept(self, ctx: RequestContext, device: Any, name: str, kept: list[str]) -> dict[str, Any]:
        """``kept`` gets the snapshot's id before it is asked for."""
        if not device.is_volume or device.volume_id is None:
            return bdm_mapping.local_mapping(device)
        volume = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=device.volume_id))
        kept.append(self._deps.make_id())
        order = MakeSnapshot(
            volume_id=volume.id, snapshot_id=kept[-1], name=f"snapshot for {name}",
            description=volume.description or "", force=True,
        )  # fmt: skip
        try:
            snapshot = await self._deps.rpc.call(ctx.as_service(), order)
        except VolumeOverQuota as over:
            raise SnapshotQuotaExceeded(over.message) from over
        return bdm_mapping.snapshot_mapping(device, snapshot.id, volume.size)

    async def _note(
        self, ctx: RequestContext, server: Server, mapping: list[dict[str, Any]], *, quiesced: bool
    ) -> None:
        """The action, and the guest thawed, also when a snapshot failed."""
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.start(uow, ctx, server.uuid, VERB)
            if quiesced:
                thaw = UnquiesceInstance(instance=instance_object(server), mapping=mapping)
                uow.cast(thaw, server=host_of(server, VERB))

    async def _current_meta(self, ctx: RequestContext, server: Server) -> dict[str, Any] | None:
        """What the root volume, or the image, says now: all Icehouse looked at."""
        if self._deps.behaviours.has("snapshot-from-instance-metadata-only"):
            return None
        if server.instance.image_ref:
            return await peers.current_image(self._deps.images, ctx, server.instance.image_ref)
        root = server.root
        if root is None or root.volume_id is None:
            return None
        volume = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=root.volume_id))
        return travel.image_meta_from_volume(volume.model_dump(), self._deps.behaviours)


def _tell(uow: UnitOfWork, server: Server, image_id: str, image: dict[str, Any], rule: str, source: str) -> None:
    uow.notify(
        property_transfer(
            "compute", rule, "server", server.uuid, "image", image_id, server.system_metadata, flat(image),
            source=source, prefix=f"-{travel.PREFIX}",
        )
    )  # fmt: skip
