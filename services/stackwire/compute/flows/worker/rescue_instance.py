"""Servers rescued on their host and brought back. ``nova/compute/manager.py: rescue_instance, unrescue_instance``."""

import logging
from collections.abc import Mapping
from typing import Any

from stackwire.compute.backends import guest_console
from stackwire.compute.backends.domain_xml import Rescue
from stackwire.compute.backends.guest_disks import file_format
from stackwire.compute.db import instance_actions, instances
from stackwire.compute.domain import image_props, notifications, travel
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.set_aside_errors import ImageNotFound, InstanceNotRescuable
from stackwire.compute.domain.states import POWER, RESCUING, UNRESCUING, ServerStates, ServerVerb
from stackwire.compute.domain.travel_values import image_dict
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, StateChanged
from stackwire.compute.flows.worker.guest import Guests
from stackwire.contracts.compute_set_aside import RescueInstance, UnrescueInstance
from stackwire.contracts.image import ImageView
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError
from stackwire.core.rules import Resource

log = logging.getLogger(__name__)
EVENT, UNRESCUE_EVENT = "compute_rescue_instance", "compute_unrescue_instance"


class RescueServer:
    """Rescues on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)

    async def on_rescue_instance(self, ctx: RequestContext, message: RescueInstance) -> None:
        """Nothing, when the server does not wait for it. Without its image it runs on; a disk or a guest that cannot
        be made leaves it in error."""
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None or server.instance.task_state != RESCUING:
                return
            failure: ServerVerb = ServerStates.abandon_rescue
            try:
                async with self._host.database.work(ctx) as uow:
                    await instance_actions.begin_event(uow, uuid, EVENT, self._host.name)
                image = await self._image(ctx, _image_id(server, message.rescue_image_ref))
                fields = self._begin(server, image, message)
                async with self._host.database.work(ctx) as uow:
                    self._host.notifications.emit_action(uow, server, "rescue", "start", *fields)
                failure = ServerStates.fail_rescue
                await self._boot(ctx, server, image, fields)
            except StateChanged:
                await self._host.disks.remove_rescue(uuid)
            except Exception as error:
                await self._fail(ctx, server, message, failure, error)

    async def _image(self, ctx: RequestContext, image_id: str) -> ImageView:
        try:
            return await self._host.images.get(ctx, image_id)
        except NotFound:
            raise ImageNotFound(image_id=image_id) from None

    @staticmethod
    def _begin(server: Server, image: ImageView, message: RescueInstance) -> tuple[dict[str, Any], dict[str, Any]]:
        """What events of the rescue have of their own, in each format."""
        legacy = {"rescue_image_name": image.name, "fixed_ips": notifications.fixed_ips(server)}
        return legacy, {"rescue_image_ref": message.rescue_image_ref}

    async def _boot(
        self, ctx: RequestContext, server: Server, image: ImageView, fields: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        uuid = server.uuid
        async with self._host.database.read() as session:
            before = await instances.guest_xml(session, uuid)
        disks = self._host.disks
        await self._guests.write_from(ctx, server, image.id, lambda base: disks.create_rescue(uuid, base, before or ""))
        shape: Mapping[str, Any] = image_dict(image.model_dump())["properties"]
        path = str(self._host.disks.rescue_disk(uuid))
        rescue = Rescue(path=path, format=file_format(image.disk_format), properties=image_props.typed(shape))
        if server.is_volume_backed and not rescue.is_stable:
            raise InstanceNotRescuable(instance_id=uuid, reason="Cannot rescue a volume-backed instance")
        if rescue.is_stable:
            shape = await self._own_properties(ctx, server)
        definition = self._guests.define(server, shape, rescue)
        await self._host.disks.log(uuid, guest_console.booting(server))
        async with self._host.database.work(ctx) as uow:
            self._host.notifications.emit_exists(uow, server, server)
            await instances.set_guest_xml(uow, uuid, definition.xml)
            ends = Resource("image", image.id), Resource("guest", uuid)
            uow.apply(travel.guest, *ends, travel.flat(image.model_dump()), definition.used)
            itself = Resource("server", uuid)
            uow.apply(travel.rescued, itself, itself, server.system_metadata)
            server = await self._host.advance(
                uow, server, ServerStates.finish_rescue, power_state=POWER["running"], launched_at=uow.now
            )
            self._host.notifications.emit_action(uow, server, "rescue", "end", *fields)
            await instance_actions.end_event(uow, uuid, EVENT)

    async def _own_properties(self, ctx: RequestContext, server: Server) -> Mapping[str, Any]:
        """Of the server's image as it is now; of its root volume; the recorded ones where the image is gone."""
        recorded = travel.image_meta(server.system_metadata, self._host.behaviours)["properties"]
        root = server.root
        if server.instance.image_ref:
            try:
                image = await self._host.images.get(ctx, server.instance.image_ref)
            except NotFound:
                if not self._host.behaviours.has("rescue-outlives-the-image"):
                    raise
                return dict(recorded)
            return dict(image_dict(image.model_dump())["properties"])
        if root is None or root.volume_id is None:
            return dict(recorded)
        volume = await self._host.volumes.get(ctx, root.volume_id)
        return dict(travel.image_meta_from_volume(volume.model_dump(), self._host.behaviours)["properties"])

    async def _fail(
        self, ctx: RequestContext, server: Server, message: RescueInstance, verb: ServerVerb, error: Exception
    ) -> None:
        if not isinstance(error, ServiceError):
            log.exception("instance %s could not be rescued", server.uuid)
        await self._host.disks.remove_rescue(server.uuid)
        if verb is ServerStates.fail_rescue:
            error = InstanceNotRescuable(instance_id=server.uuid, reason=f"Driver Error: {error}")
        after = await self._host.fail(ctx, server, verb, EVENT, error)
        async with self._host.database.work(ctx) as uow:
            self._host.notifications.emit_exception(uow, after or server, "rescue_instance", dict(message), error)

    # ---- unrescue

    async def on_unrescue_instance(self, ctx: RequestContext, message: UnrescueInstance) -> None:
        """See ``unrescue``."""
        await self.unrescue(ctx, uuid_of(message.instance))

    async def unrescue(self, ctx: RequestContext, uuid: str) -> None:
        """The guest as it was defined before; nothing, when the server does not wait for it."""
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None or server.instance.task_state != UNRESCUING:
                return
            addresses = {"fixed_ips": notifications.fixed_ips(server)}
            try:
                async with self._host.database.work(ctx) as uow:
                    await instance_actions.begin_event(uow, uuid, UNRESCUE_EVENT, self._host.name)
                    self._host.notifications.emit_action(uow, server, "unrescue", "start", addresses)
                xml = await self._host.disks.definition(uuid) or self._guests.define(server).xml
                await self._host.disks.log(uuid, guest_console.booting(server))
                async with self._host.database.work(ctx) as uow:
                    await instances.set_guest_xml(uow, uuid, xml)
                    server = await self._host.advance(
                        uow, server, ServerStates.finish_unrescue, power_state=POWER["running"]
                    )
                    self._host.notifications.emit_action(uow, server, "unrescue", "end", addresses)
                    await instance_actions.end_event(uow, uuid, UNRESCUE_EVENT)
            except StateChanged:
                return
            except Exception as error:
                if not isinstance(error, ServiceError):
                    log.exception("instance %s could not be unrescued", uuid)
                await self._host.fail(ctx, server, ServerStates.fail_unrescue, UNRESCUE_EVENT, error)
                return
            await self._host.disks.remove_rescue(uuid)


def _image_id(server: Server, requested: str | None) -> str:
    """The image that is asked for, or what the server's image says it is based on, or that image itself.

    ``nova/compute/manager.py: _get_rescue_image``.
    """
    return requested or server.system_metadata.get(f"{travel.PREFIX}base_image_ref") or server.instance.image_ref
