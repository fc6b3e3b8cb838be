"""rebuild: another image, or the same again, over the root disk of a server that keeps its name and addresses."""

from dataclasses import replace
from typing import Any

from stackwire.compute.backends import peers
from stackwire.compute.db import instance_actions, instances, keypairs, quotas, server_metadata
from stackwire.compute.domain import generated_names, image_props, policy, travel, validation
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.errors import ImageUnacceptable, InvalidBDMVolume, MetadataLimitExceeded
from stackwire.compute.domain.requests import RebuildServerRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import devices_object, instance_object, request_spec_object
from stackwire.compute.flows.api.create_server import flat
from stackwire.compute.flows.deps import ApiDeps, check_allowed, claim
from stackwire.contracts.compute_workers import RebuildInstance
from stackwire.contracts.lineage import property_transfer
from stackwire.contracts.volume import GetVolume
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound, NotSimulated
from stackwire.db.pool import UnitOfWork

VERB = "rebuild"


class Rebuild:
    """``nova/compute/api.py: rebuild``."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps

    async def accept(self, ctx: RequestContext, uuid: str, request: RebuildServerRequest) -> tuple[Server, str]:
        """The server as it is while it is rebuilt, and its password. All checks first: a 400 changes nothing."""
        server = await self._deps.find(ctx, uuid, policy.REBUILD)
        check_allowed(ctx, server, VERB)
        if request.personality or request.trusted_certificates:
            raise NotSimulated(what="personality (files written into a server) or trusted_image_certificates")
        if request.preserve_ephemeral:
            raise NotSimulated(what="preserve_ephemeral")
        validation.check_user_data(request.user_data)
        image = await peers.image(self._deps.images, ctx, request.image_id)
        volume_image = await self._volume_image(ctx, server, request)
        self._check_image(ctx, server, image, request.image_id)
        key_data = await self._key(server, request)
        await self._check_metadata(server, request)
        password = request.admin_password or generated_names.password(self._deps.pick)
        async with self._deps.database.work(ctx) as uow:
            after = await self._write(uow, ctx, server, request, image, key_data)
            uow.cast(self._order(server, after, request, image, password, volume_image))
        return after, password

    # ---- asking

    async def _volume_image(self, ctx: RequestContext, server: Server, request: RebuildServerRequest) -> str | None:
        """Of a volume-backed server, the image its root volume came from; another needs 2.93."""
        root = server.root
        if not server.is_volume_backed or root is None or root.volume_id is None:
            return None
        try:
            volume = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=root.volume_id))
        except NotFound:
            raise InvalidBDMVolume(id=root.volume_id) from None
        came_from = (volume.volume_image_metadata or {}).get("image_id", "")
        if came_from != request.image_id:
            if not request.reimage or not self._deps.behaviours.has("volume-backed-rebuild"):
                reason = "a volume-backed server can only be rebuilt to its own image before version 2.93"
                raise ImageUnacceptable(image_id=request.image_id, reason=reason)
            if volume.status != "in-use":
                raise BadRequest(f"The root volume has status {volume.status}, it must be in-use.")
        return came_from

    def _check_image(self, ctx: RequestContext, server: Server, image: dict[str, Any], image_id: str) -> None:
        root = server.root
        root_device = None
        if root is not None and root.is_volume:
            root_device = BlockDeviceRequest(
                source_type="volume", destination_type="volume", volume_id=root.volume_id, boot_index=0,
                volume_size=root.volume_size,
            )  # fmt: skip
        zero_disk = self._deps.policy.allows(ctx, policy.ZERO_DISK)
        typed = validation.check_image(image, image_id, server.flavor, root_device, zero_disk_allowed=zero_disk)
        if image_id != server.instance.image_ref:
            before = travel.image_meta(server.system_metadata, self._deps.behaviours)["properties"]
            validation.check_same_numa(_typed(before), typed)

    async def _key(self, server: Server, request: RebuildServerRequest) -> str | None:
        if request.key_name is None:
            return None
        async with self._deps.database.read() as session:
            pair = await keypairs.get(session, server.instance.user_id, request.key_name)
        if pair is None:
            raise BadRequest(f"Invalid key_name provided: there is no key pair {request.key_name!r}.")
        return pair.public_key

    async def _check_metadata(self, server: Server, request: RebuildServerRequest) -> None:
        async with self._deps.database.read() as session:
            limits = await quotas.limits(session, server.instance.project_id)
        if request.metadata is not None and 0 <= limits["metadata_items"] < len(request.metadata):
            raise MetadataLimitExceeded(allowed=limits["metadata_items"])

    # ---- writing

    async def _write(
        self,
        uow: UnitOfWork,
        ctx: RequestContext,
        server: Server,
        request: RebuildServerRequest,
        image: dict[str, Any],
        key_data: str | None,
    ) -> Server:
        changes = travel.instance_columns(image) | _columns(request, key_data)
        if request.auto_disk is not None:
            changes["auto_disk_config"] = request.auto_disk
        kernel, ramdisk = validation.kernel_and_ramdisk(image["properties"])
        changes |= {"kernel_id": kernel, "ramdisk_id": ramdisk, "progress": 0}
        if not server.is_volume_backed:
            changes["image_ref"] = request.image_id
        moved = await claim(uow, server, check_allowed(ctx, server, VERB), **changes)
        rows = travel.rebuilt(server.system_metadata, image, server.flavor, request.image_id, self._deps.behaviours)
        await server_metadata.replace(uow, "instance_system_metadata", server.uuid, rows)
        if request.metadata is not None:
            await server_metadata.replace(uow, "instance_metadata", server.uuid, request.metadata)
        await instances.set_request_spec(uow, server.uuid, {**server.request_spec, "image": image})
        await instance_actions.start(uow, ctx, server.uuid, VERB)
        after = await instances.by_uuid(uow, server.uuid) or moved
        # two writes, as in Nova; the second is none when the image leaves the same rows
        moved = replace(moved, metadata=after.metadata)
        self._deps.announce(uow, server, moved)
        if after.system_metadata != moved.system_metadata:
            self._deps.announce(uow, moved, after)
        uow.notify(
            property_transfer(
                "compute", "compute.rebuilt", "image", request.image_id, "server", server.uuid, flat(image), rows,
                source="nova/compute/api.py: _reset_image_metadata", prefix=travel.PREFIX,
            )
        )  # fmt: skip
        return after

    def _order(
        self,
        server: Server,
        after: Server,
        request: RebuildServerRequest,
        image: dict[str, Any],
        password: str,
        volume_image: str | None,
    ) -> RebuildInstance:
        return RebuildInstance(
            instance=instance_object(after),
            orig_image_ref=volume_image if server.is_volume_backed else server.instance.image_ref,
            image_ref=request.image_id,
            new_pass=password,
            orig_sys_metadata=dict(server.system_metadata),
            bdms=devices_object(after.devices),
            preserve_ephemeral=False,
            host=None,
            request_spec=request_spec_object(after, image),
            reimage_boot_volume=request.reimage,
        )


def _typed(properties: dict[str, Any]) -> dict[str, Any]:
    """The recorded properties' typed view; what an older check let in does not stand in the way now."""
    try:
        return image_props.typed(properties)
    except image_props.BadProperty:
        return {}


def _columns(request: RebuildServerRequest, key_data: str | None) -> dict[str, Any]:
    columns = {
        "name": ("display_name", request.name),
        "description": ("display_description", request.description),
        "access_ip_v4": ("access_ip_v4", request.access_ip_v4 or None),
        "access_ip_v6": ("access_ip_v6", request.access_ip_v6 or None),
        "user_data": ("user_data", request.user_data),
        "key_name": ("key_name", request.key_name),
        "hostname": ("hostname", request.hostname),
    }
    changes: dict[str, Any] = dict(columns[name] for name in columns if name in request.fields_set)
    if "key_name" in request.fields_set:
        changes["key_data"] = key_data
    return changes
