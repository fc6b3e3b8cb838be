"""rescue, unrescue: a server booted from another image, with its own disk beside. ``nova/compute/api.py: rescue``."""

from collections.abc import Mapping
from typing import Any

from stackwire.compute.backends import peers
from stackwire.compute.db import instance_actions
from stackwire.compute.domain import generated_names, image_props, policy, travel
from stackwire.compute.domain.requests import RescueRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.set_aside_errors import InstanceNotRescuable, UnsupportedRescueImage, VolumeNotInUse
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.contracts.compute_set_aside import RescueInstance, UnrescueInstance
from stackwire.contracts.volume import GetVolume
from stackwire.core.context import RequestContext

RESCUE, UNRESCUE = "rescue", "unrescue"
RESCUE_PROPERTIES = {"hw_rescue_bus", "hw_rescue_device"}
"""What the rescue of a server on a volume needs both of."""


class RescueServer(ApiFlow):
    """What becomes of the server's rows: nothing, whatever image it is rescued with."""

    async def request_rescue(self, ctx: RequestContext, uuid: str, request: RescueRequest) -> str:
        """The administrator's password of the rescued server. 400 for an image or a server that cannot be used."""
        server = await self._deps.find(ctx, uuid, policy.RESCUE)
        check_allowed(ctx, server, RESCUE)
        host = require_host(server)
        properties = await self._properties(ctx, server, request.image_id)
        await self._check_volumes(ctx, server)
        if server.is_volume_backed and not self._may_rescue_volume(request, properties):
            raise InstanceNotRescuable(instance_id=uuid, reason="Cannot rescue a volume-backed instance")
        password = generated_names.password(self._deps.pick) if request.password is None else request.password
        async with self._deps.database.work(ctx) as uow:
            after = await claim(uow, server, check_allowed(ctx, server, RESCUE))
            await instance_actions.start(uow, ctx, uuid, RESCUE)
            self._deps.announce(uow, server, after)
            cast = RescueInstance(
                instance=instance_object(after), rescue_password=password, rescue_image_ref=request.image_id
            )
            uow.cast(cast, server=host)
        return password

    async def _properties(self, ctx: RequestContext, server: Server, image_id: str | None) -> Mapping[str, Any]:
        """Of the image to rescue with, or of the server's own. UnsupportedRescueImage, also for one of volumes."""
        if image_id is None:
            return dict(travel.image_meta(server.system_metadata, self._deps.behaviours)["properties"])
        image = await peers.image(self._deps.images, ctx, image_id, UnsupportedRescueImage)
        properties: Mapping[str, Any] = image["properties"]
        try:
            image_props.typed(properties)
        except image_props.BadProperty:
            raise UnsupportedRescueImage(image_id=image_id) from None
        refuses = self._deps.behaviours.has("rescue-refuses-volume-snapshots")
        if refuses and properties.get("block_device_mapping"):
            raise UnsupportedRescueImage(image_id=image_id)
        return properties

    def _may_rescue_volume(self, request: RescueRequest, properties: Mapping[str, Any]) -> bool:
        """Since 2.87, with an image for it; until lp-1926601 was mended the host found out, and the server failed."""
        checks = self._deps.behaviours.has("rescue-checks-volume-backed-servers")
        return request.volume_backed and (not checks or properties.keys() >= RESCUE_PROPERTIES)

    async def _check_volumes(self, ctx: RequestContext, server: Server) -> None:
        for device in server.devices:
            if device.volume_id:
                volume = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=device.volume_id))
                if volume.status != "in-use":
                    raise VolumeNotInUse(volume_id=volume.id, status=volume.status)

    async def request_unrescue(self, ctx: RequestContext, uuid: str) -> None:
        """Its own disk again, whatever state the server was in before."""
        server = await self._deps.find(ctx, uuid, policy.UNRESCUE)
        verb, host = check_allowed(ctx, server, UNRESCUE), require_host(server)
        async with self._deps.database.work(ctx) as uow:
            after = await claim(uow, server, verb)
            await instance_actions.start(uow, ctx, uuid, UNRESCUE)
            self._deps.announce(uow, server, after)
            uow.cast(UnrescueInstance(instance=instance_object(after)), server=host)
