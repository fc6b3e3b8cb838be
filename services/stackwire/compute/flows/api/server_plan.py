"""What a server is to be built of: the image, the flavor, the devices and the key that a request names."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stackwire.compute.backends import peers
from stackwire.compute.db import flavors, keypairs
from stackwire.compute.domain import bdm, bdm_mapping, bdm_rules, policy, travel, validation, validation_hardware
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.errors import FlavorNotFound
from stackwire.compute.domain.model import Flavor, KeyPair
from stackwire.compute.domain.requests import CreateServerRequest
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.rules import Resource


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """``image``: the image booted, or what the boot volume holds of one, which came from ``source``."""

    image: dict[str, Any]
    source: Resource
    devices: list[BlockDeviceRequest]
    flavor: Flavor
    key: KeyPair | None


class ServerPlanner(ApiFlow):
    """``nova/compute/api.py: _validate_and_build_base_options, _check_and_transform_bdm``."""

    async def plan(self, ctx: RequestContext, request: CreateServerRequest) -> ServerPlan:
        """Every refusal is a 400, but for a flavor without a disk of its own (403)."""
        if request.devices_v1 and request.devices_v2:
            raise BadRequest("block_device_mapping and block_device_mapping_v2 exclude each other.")
        if not (request.image_ref or request.devices_v1 or request.devices_v2):
            raise BadRequest("Missing imageRef attribute")
        flavor, key = await self._flavor_and_key(ctx, request)
        image, source = await self._boot_image(ctx, request)
        devices = _devices(request, image, flavor)
        zero_disk = self._deps.policy.allows(ctx, policy.ZERO_DISK)
        root, image_ref = bdm.root_of(devices), request.image_ref or None
        validation.check_image(image, image_ref, flavor, root, zero_disk_allowed=zero_disk)
        for image_id in filter(None, validation.kernel_and_ramdisk(image.get("properties") or {})):
            await peers.image(self._deps.images, ctx, image_id)
        devices = [await self._looked_up(ctx, device, request) for device in devices if not device.no_device]
        return ServerPlan(image, source, devices, flavor, key)

    async def _flavor_and_key(self, ctx: RequestContext, request: CreateServerRequest) -> tuple[Flavor, KeyPair | None]:
        async with self._deps.database.read() as session:
            flavor = await flavors.get(session, ctx, request.flavor_ref)
            name = request.key_name
            key = await keypairs.get(session, ctx.user_id or "", name) if name else None
        if flavor is None or flavor.disabled:
            raise BadRequest(FlavorNotFound(flavor_id=request.flavor_ref).message)
        validation_hardware.check_devices(flavor)
        if name and key is None:
            raise BadRequest("Invalid key_name provided.")
        return flavor, key

    async def _boot_image(self, ctx: RequestContext, request: CreateServerRequest) -> tuple[dict[str, Any], Resource]:
        """The image booted, or what the boot device holds of one (``get_bdm_image_metadata``), and where it is from."""
        if request.image_ref:
            image = await peers.image(self._deps.images, ctx, request.image_ref)
            if bdm_mapping.lacks_root(image):
                image = bdm_mapping.with_root(image, await self._deps.images.locations(ctx, request.image_ref))
            return image, Resource("image", request.image_ref)
        devices = _requested(request, "", bdm.DEFAULT_ROOT)(True)
        device = bdm.boot_candidate(devices, legacy=not request.devices_v2)
        if device is not None and device.image_id:
            image = await peers.bdm_image(self._deps.images, ctx, device.image_id)
            return image, Resource("image", device.image_id)
        volume_id = None if device is None else device.volume_id
        follows = self._deps.behaviours.has("bdm-lookup-follows-snapshots")
        if device is not None and device.snapshot_id and follows:
            volume_id = (await peers.snapshot(self._deps.rpc, ctx, device.snapshot_id)).volume_id
        if volume_id is None:
            return {}, Resource("client", ctx.user_id or "")
        volume = await peers.volume(self._deps.rpc, ctx, volume_id)
        peers.require_bootable(volume)
        image = travel.image_meta_from_volume(volume.model_dump(), self._deps.behaviours)
        return image, Resource("volume", volume.id)

    async def _looked_up(
        self, ctx: RequestContext, device: BlockDeviceRequest, request: CreateServerRequest
    ) -> BlockDeviceRequest:
        """The device with its source's size; 400 when the source cannot be used."""
        rpc = self._deps.rpc
        if device.volume_type:
            device = replace(device, volume_type=await peers.volume_type(rpc, ctx, device.volume_type))
        if device.source_type == "volume" and device.volume_id:
            volume = await peers.volume(rpc, ctx, device.volume_id)
            peers.require_available(volume, multiattach=request.multiattach)
            return replace(device, volume_size=volume.size)
        if device.source_type == "snapshot" and device.snapshot_id:
            snapshot = await peers.snapshot(rpc, ctx, device.snapshot_id)
            return replace(device, volume_size=device.volume_size or snapshot.size)
        if device.source_type == "image" and device.image_id and device.image_id != request.image_ref:
            await peers.bdm_image(self._deps.images, ctx, device.image_id)
        return device


def _devices(request: CreateServerRequest, image: dict[str, Any], flavor: Flavor) -> list[BlockDeviceRequest]:
    """All devices of the server, as far as request, image and flavor define them; InvalidBDM when they do not fit."""
    root_device = bdm.root_device_of(image.get("properties") or {}) or bdm.DEFAULT_ROOT
    requested = _requested(request, request.image_ref, root_device)
    bdm_rules.check_root_name(requested(True), request.image_ref, root_device)
    devices = bdm.assembled(requested, image, flavor, legacy=not request.devices_v2)
    bdm_rules.check(devices, flavor, count=request.count, image_ref=request.image_ref)
    return devices


def _requested(
    request: CreateServerRequest, image_ref: str, root_device: str
) -> Callable[[bool], list[BlockDeviceRequest]]:
    """A function that reads the client's devices; its argument ``no_root``: the image defines a root device."""

    def requested(no_root: bool) -> list[BlockDeviceRequest]:
        if request.devices_v2:
            return bdm.from_v2(request.devices_v2, has_image=bool(image_ref))
        return bdm.from_v1(request.devices_v1 or (), image_ref, root_device, no_root=no_root)

    return requested
