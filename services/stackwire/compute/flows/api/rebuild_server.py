"""rebuild: another image, or the same again, over the root disk of a server that keeps its name and addresses."""

from dataclasses import dataclass, replace
from typing import Any

from stackwire.compute.backends import peers
from stackwire.compute.db import instance_actions, instances, keypairs, quotas, server_metadata
from stackwire.compute.domain import generated_names, image_props, policy, travel, validation
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.errors import ImageUnacceptable, InvalidBDMVolume, RebuildImageNotFound
from stackwire.compute.domain.quotas import check_files, check_metadata_items
from stackwire.compute.domain.requests import RebuildServerRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import devices_object, instance_object, request_spec_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim
from stackwire.contracts.compute_workers import RebuildInstance
from stackwire.contracts.volume import GetVolume
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork

VERB = "rebuild"


@dataclass(frozen=True, slots=True)
class _Rebuild:
    """``original_image_id``: of a volume-backed server, the image that its root volume came from."""

    server: Server
    request: RebuildServerRequest
    image: dict[str, Any]
    original_image_id: str | None
    key_data: str | None
    password: str


class RebuildServer(ApiFlow):
    """``nova/compute/api.py: rebuild``."""

    async def request_rebuild(
        self, ctx: RequestContext, uuid: str, request: RebuildServerRequest
    ) -> tuple[Server, str]:
        """The server as it is while it is rebuilt, and its password. All checks come first: a 400 changes nothing."""
        if not self._deps.behaviours.has("volume-backed-rebuild"):
            request = replace(request, reimage=False)
        server = await self._deps.find(ctx, uuid, policy.REBUILD)
        check_allowed(ctx, server, VERB)
        if "trusted_certificates" in request.fields_set:
            self._deps.policy.require(ctx, policy.REBUILD_TRUSTED, {"project_id": server.instance.project_id})
            validation.check_certificates(
                volume_backed=server.is_volume_backed and request.trusted_certificates is not None
            )
        validation.check_user_data(request.user_data)
        image = await peers.image(self._deps.images, ctx, request.image_id, RebuildImageNotFound)
        original_image_id = await self._original_image_id(ctx, server, request)
        self._check_image(ctx, server, image, request.image_id)
        key_data = await self._key_data(server, request)
        await self._check_quotas(ctx, request)
        password = request.admin_password or generated_names.password(self._deps.pick)
        rebuild = _Rebuild(server, request, image, original_image_id, key_data, password)
        async with self._deps.database.work(ctx) as uow:
            after = await self._write(uow, ctx, rebuild)
            uow.cast(_message(rebuild, after))
        return after, password

    # ---- checks

    async def _original_image_id(
        self, ctx: RequestContext, server: Server, request: RebuildServerRequest
    ) -> str | None:
        """None for a server with a local disk. Another image than the volume's own needs 2.93; until lp-1482040 was
        mended it was accepted, and nothing but the server's records became the new image's."""
        root = server.root
        if not server.is_volume_backed or root is None or root.volume_id is None:
            return None
        try:
            volume = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=root.volume_id))
        except NotFound:
            raise InvalidBDMVolume(id=root.volume_id) from None
        original_image_id = (volume.volume_image_metadata or {}).get("image_id", "")
        if original_image_id != request.image_id:
            if not request.reimage:
                if not self._deps.behaviours.has("volume-backed-rebuild-is-refused"):
                    return original_image_id
                reason = "Unable to rebuild with a different image for a volume-backed server."
                raise ImageUnacceptable(image_id=request.image_id, reason=reason)
            if volume.status != "in-use":
                raise BadRequest(f"The root volume has status {volume.status}, it must be in-use.")
        return original_image_id

    def _check_image(self, ctx: RequestContext, server: Server, image: dict[str, Any], image_id: str) -> None:
        root, boot_volume = server.root, None
        if root is not None and root.is_volume:
            boot_volume = BlockDeviceRequest(
                source_type="volume",
                destination_type="volume",
                volume_id=root.volume_id,
                boot_index=0,
                volume_size=root.volume_size,
            )
        zero_disk = self._deps.policy.allows(ctx, policy.ZERO_DISK)
        typed = validation.check_image(image, image_id, server.flavor, boot_volume, zero_disk_allowed=zero_disk)
        keeps_numa = self._deps.behaviours.has("rebuild-keeps-numa-topology")
        if keeps_numa and image_id != server.instance.image_ref:
            before = travel.image_meta(server.system_metadata, self._deps.behaviours)["properties"]
            validation.check_same_numa(_typed(before), typed)

    async def _key_data(self, server: Server, request: RebuildServerRequest) -> str | None:
        if request.key_name is None:
            return None
        async with self._deps.database.read() as session:
            pair = await keypairs.get(session, server.instance.user_id, request.key_name)
        if pair is None:
            raise BadRequest("Invalid key_name provided.")
        return pair.public_key

    async def _check_quotas(self, ctx: RequestContext, request: RebuildServerRequest) -> None:
        async with self._deps.database.read() as session:
            limits = await quotas.strictest(session, ctx)
        check_metadata_items(limits, len(request.metadata or ()))
        check_files(limits, request.personality)

    # ---- writing

    async def _write(self, uow: UnitOfWork, ctx: RequestContext, rebuild: _Rebuild) -> Server:
        server, request, image = rebuild.server, rebuild.request, rebuild.image
        verb = check_allowed(ctx, server, VERB)
        columns = _columns(rebuild)
        if not server.is_volume_backed or not self._deps.behaviours.has("volume-backed-rebuild-is-refused"):
            columns["image_ref"] = request.image_id
        claimed = await claim(uow, server, verb, **columns)
        rows = travel.rebuilt(image, server.system_metadata, server.flavor, request.image_id, self._deps.behaviours)
        await server_metadata.replace(uow, "instance_system_metadata", server.uuid, rows)
        if request.metadata is not None:
            await server_metadata.replace(uow, "instance_metadata", server.uuid, request.metadata)
        spec = {**server.request_spec, "image": image}
        if "trusted_certificates" in request.fields_set:
            spec["trusted_certificates"] = request.trusted_certificates or self._deps.signatures.kept or None
        await instances.set_request_spec(uow, server.uuid, spec)
        await instance_actions.start(uow, ctx, server.uuid, VERB)
        after = await instances.by_uuid(uow, server.uuid) or claimed
        # two updates, as in Nova; the second does not happen when the image leaves the same rows
        claimed = replace(claimed, metadata=after.metadata)
        self._deps.announce(uow, server, claimed)
        if after.system_metadata != claimed.system_metadata:
            self._deps.announce(uow, claimed, after)
        ends = Resource("image", request.image_id), Resource("server", server.uuid)
        uow.applied(travel.rebuilt, *ends, image, rows)
        return after


def _message(rebuild: _Rebuild, after: Server) -> RebuildInstance:
    server = rebuild.server
    return RebuildInstance(
        instance=instance_object(after),
        orig_image_ref=rebuild.original_image_id if server.is_volume_backed else server.instance.image_ref,
        image_ref=rebuild.request.image_id,
        injected_files=[list(file) for file in rebuild.request.personality],
        new_pass=rebuild.password,
        orig_sys_metadata=dict(server.system_metadata),
        bdms=devices_object(after.devices),
        preserve_ephemeral=rebuild.request.preserve_ephemeral,
        host=None,
        request_spec=request_spec_object(after, rebuild.image),
        reimage_boot_volume=rebuild.request.reimage,
    )


def _typed(properties: dict[str, Any]) -> dict[str, Any]:
    """The recorded properties with their types; those that an older check accepted do not prevent a rebuild."""
    try:
        return image_props.typed(properties)
    except image_props.BadProperty:
        return {}


def _columns(rebuild: _Rebuild) -> dict[str, Any]:
    request = rebuild.request
    columns = travel.instance_columns(rebuild.image) | request.columns()
    if "key_name" in request.fields_set:
        columns["key_data"] = rebuild.key_data
    if request.auto_disk is not None:
        columns["auto_disk_config"] = request.auto_disk
    kernel, ramdisk = validation.kernel_and_ramdisk(rebuild.image["properties"])
    return columns | {"kernel_id": kernel, "ramdisk_id": ramdisk, "progress": 0}
