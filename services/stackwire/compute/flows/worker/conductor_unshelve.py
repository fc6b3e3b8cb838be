"""A host for a server that is to be unshelved. ``nova/conductor/manager.py: unshelve_instance``."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from stackwire.compute.backends.images import Images
from stackwire.compute.db import hosts, instance_actions, instances, recovery_queries
from stackwire.compute.domain import shelving
from stackwire.compute.domain.errors import NoValidHost
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.set_aside_errors import ShelvedImageLost
from stackwire.compute.domain.states import SHELVED, UNSHELVING, ServerStates, ServerVerb
from stackwire.compute.domain.travel_values import image_dict
from stackwire.compute.domain.versioned_objects import NovaObject, data_of, instance_object, uuid_of, within_cell
from stackwire.compute.flows.notifications import Notifications
from stackwire.compute.flows.worker.compute_host import public_error_text, record_fault
from stackwire.contracts.compute_set_aside import UnshelveInstance, UnshelveInstanceOnHost
from stackwire.contracts.compute_workers import SelectDestinations, StartInstance
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError
from stackwire.db.pool import Database, UnitOfWork
from stackwire.db.transitions import transition
from stackwire.messaging.rpc import RpcClient

log = logging.getLogger(__name__)
GET_IMAGE, SCHEDULE = "get_image_info", "schedule_instances"
HOST_TIMEOUT = timedelta(seconds=60)
"""How long a server may wait for a host."""


class ConductorUnshelve:
    """Holds no state of its own; any number may run."""

    def __init__(self, database: Database, rpc: RpcClient, notifications: Notifications, images: Images) -> None:
        self._database = database
        self._rpc = rpc
        self._notifications = notifications
        self._images = images

    async def on_unshelve_instance(self, ctx: RequestContext, message: UnshelveInstance) -> None:
        """Nothing, when the server does not wait for it. One that is on its host yet is only started."""
        async with self._database.read() as session:
            server = await instances.by_uuid(session, uuid_of(message.instance))
        if server is None or server.instance.task_state != UNSHELVING:
            return
        if server.instance.vm_state == SHELVED:
            await self._start(ctx, server)
            return
        try:
            image = await self._image(ctx, server)
        except ShelvedImageLost as error:
            await self._fail(ctx, server, ServerStates.lose_shelved_image, error)
            return
        try:
            async with self._event(ctx, server, SCHEDULE):
                await self._place(ctx, server, message.request_spec or {}, image)
        except NoValidHost as error:
            log.info("instance %s stays offloaded: %s", server.uuid, error)
            await self._fail(ctx, server, ServerStates.fail_unshelve, None)
        except ServiceError as error:
            log.warning("instance %s stays offloaded: %s", server.uuid, error)
            await self._fail(ctx, server, ServerStates.fail_unshelve, None)

    async def _start(self, ctx: RequestContext, server: Server) -> None:
        async with self._database.work(ctx) as uow:
            moved = await transition(uow, instances.TABLE, ServerStates.start_shelved, server.uuid)
            if moved is None or moved.host is None:
                return
            after = server.with_instance(moved)
            self._notifications.emit_update(uow, server, after)
            uow.cast(StartInstance(instance=instance_object(after)), server=moved.host)

    async def _image(self, ctx: RequestContext, server: Server) -> Mapping[str, Any] | None:
        """The image the server was shelved to; None for one on volumes. ShelvedImageLost."""
        image_id = server.system_metadata.get(shelving.IMAGE_ID)
        if not image_id:
            return None
        async with self._event(ctx, server, GET_IMAGE):
            try:
                return image_dict((await self._images.get(ctx, image_id)).model_dump())
            except NotFound:
                raise ShelvedImageLost(image_id=image_id) from None

    async def _place(
        self, ctx: RequestContext, server: Server, spec: NovaObject, image: Mapping[str, Any] | None
    ) -> None:
        """NoValidHost. The zone of the host is the server's before its host begins."""
        spec = within_cell(spec)
        message = SelectDestinations(instance_uuids=[server.uuid], spec_obj=spec, return_alternates=False)
        chosen = data_of((await self._rpc.call(ctx, message))[0][0])
        async with self._database.work(ctx) as uow:
            waiting = {"vm_state": server.instance.vm_state, "task_state": UNSHELVING}
            zone = {"availability_zone": chosen.get("availability_zone"), "updated_at": server.instance.updated_at}
            placed = await instances.TABLE.update(uow, server.uuid, where=waiting, **zone)
            if placed is None:
                await self._give_back(uow, server.uuid)
                return
            cast = UnshelveInstanceOnHost(
                instance=instance_object(server.with_instance(placed)),
                image=None if image is None else dict(image),
                filter_properties={"limits": {}},
                node=str(chosen["nodename"]),
                request_spec=spec,
            )
            uow.cast(cast, server=str(chosen["service_host"]))

    async def _give_back(self, uow: UnitOfWork, uuid: str) -> None:
        """What was claimed for a server that waits no longer; but not when a host has it: delivered twice, the message
        has then been carried out."""
        now = await instances.by_uuid(uow, uuid)
        if now is None or (now.instance.host is None and now.instance.task_state is None):
            await hosts.free(uow, uuid)

    async def _fail(self, ctx: RequestContext, server: Server, verb: ServerVerb, error: ServiceError | None) -> None:
        async with self._database.work(ctx) as uow:
            moved = await transition(uow, instances.TABLE, verb, server.uuid)
            if moved is None:
                return
            await hosts.free(uow, server.uuid)
            if error is not None:
                await record_fault(uow, server.uuid, error, None)
            self._notifications.emit_update(uow, server, server.with_instance(moved))

    @asynccontextmanager
    async def _event(self, ctx: RequestContext, server: Server, name: str) -> AsyncIterator[None]:
        """The block as an event of the server's action (``nova/compute/utils.py: EventReporter``)."""
        async with self._database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, name, self._notifications.host)
        error: str | None = None
        try:
            yield
        except ServiceError as failed:
            error = public_error_text(failed)
            raise
        finally:
            async with self._database.work(ctx) as uow:
                await instance_actions.end_event(uow, server.uuid, name, error=error)

    async def fail_waiting(self, ctx: RequestContext) -> None:
        """Servers that no host took up in time."""
        async with self._database.read() as session:
            before = self._database.clock.earlier(HOST_TIMEOUT)
            uuids = await recovery_queries.unshelving_nowhere(session, before)
            found = await instances.by_uuids(session, uuids)
        for server in found:
            error = ServiceError("No host took the server up in time.")
            await self._fail(ctx, server, ServerStates.fail_unshelve, error)
