"""shelve, shelveOffload, unshelve: a server put aside, off its host, and back. ``nova/compute/api.py: shelve, ...``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stackwire.compute.db import hosts, instance_actions, instances, server_metadata, services
from stackwire.compute.domain import policy, shelving, travel
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.requests import UnshelveRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.set_aside_errors import ComputeHostUnknown, UnshelveHostNotInZone, UnshelveInvalidState
from stackwire.compute.domain.states import SHELVED_OFFLOADED
from stackwire.compute.domain.versioned_objects import (
    NovaObject,
    destination_object,
    instance_object,
    request_spec_object,
)
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.compute.flows.unfinished import IMAGE, unfinished
from stackwire.contracts.compute_set_aside import ShelveInstance, ShelveOffloadInstance, UnshelveInstance
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork

SHELVE, OFFLOAD, UNSHELVE = "shelve", "shelveOffload", "unshelve"


class ShelveServer(ApiFlow):
    """Quotas count a shelved server wherever it is, as Nova's do by default; its host's room is free once it is off."""

    async def request_shelve(self, ctx: RequestContext, uuid: str) -> None:
        """A server with a disk becomes an image first; one on volumes goes off its host at once."""
        server = await self._deps.find(ctx, uuid, policy.SHELVE)
        check_allowed(ctx, server, SHELVE)
        host = require_host(server)
        rows = travel.moved(server.system_metadata, server.instance.image_ref, self._deps.behaviours)
        if server.is_volume_backed:
            async with self._deps.database.work(ctx) as uow:
                instance = await self._claim(ctx, uow, server, rows)
                uow.cast(ShelveOffloadInstance(instance=instance), server=host)
            return
        wanted = self._deps.make_id("server image")
        async with unfinished(self._deps.database, self._deps.leases, ctx, {wanted: IMAGE}) as image_yet:
            image = self._image(ctx, server, rows)
            image_id = await self._deps.images.create(ctx, {**image, "id": wanted})
            try:
                async with self._deps.database.work(ctx) as uow:
                    instance = await self._claim(ctx, uow, server, rows)
                    ends = Resource("server", uuid), Resource("image", image_id)
                    uow.applied(travel.snapshot_image, *ends, rows, image)
                    uow.cast(ShelveInstance(instance=instance, image_id=image_id), server=host)
                    await image_yet.finish(uow)
            except BaseException:
                await self._deps.images.discard(ctx, image_id)
                raise

    async def _claim(self, ctx: RequestContext, uow: UnitOfWork, server: Server, rows: dict[str, str]) -> NovaObject:
        """The server, as its host is told of it."""
        itself = Resource("server", server.uuid)
        after = replace(await claim(uow, server, check_allowed(ctx, server, SHELVE)), system_metadata=rows)
        await server_metadata.replace(uow, "instance_system_metadata", server.uuid, rows)
        await instance_actions.start(uow, ctx, server.uuid, "shelve")
        self._deps.announce(uow, server, after)
        uow.applied(travel.moved, itself, itself, server.system_metadata, rows)
        return instance_object(after)

    def _image(self, ctx: RequestContext, server: Server, rows: dict[str, str]) -> dict[str, Any]:
        return travel.snapshot_image(
            rows,
            server.instance,
            shelving.image_name(server.instance.display_name),
            {},
            self._deps.behaviours,
            user_id=ctx.user_id or "",
            project_id=ctx.project_id or "",
        )

    async def request_offload(self, ctx: RequestContext, uuid: str) -> None:
        """Off its host, which a shelved server may still be on."""
        server = await self._deps.find(ctx, uuid, policy.SHELVE_OFFLOAD)
        verb, host = check_allowed(ctx, server, OFFLOAD), require_host(server)
        async with self._deps.database.work(ctx) as uow:
            after = await claim(uow, server, verb)
            await instance_actions.start(uow, ctx, uuid, OFFLOAD)
            self._deps.announce(uow, server, after)
            uow.cast(ShelveOffloadInstance(instance=instance_object(after)), server=host)

    # ---- unshelve

    async def request_unshelve(self, ctx: RequestContext, uuid: str, request: UnshelveRequest) -> None:
        """On its host, or on one that the scheduler finds, in the zone and on the host that are asked for."""
        server = await self._deps.find(ctx, uuid, policy.UNSHELVE)
        verb = check_allowed(ctx, server, UNSHELVE)
        zone = request.zone if request.zone_given else server.pinned_zone
        await self._check_target(ctx, server, request, zone)
        spec = {**server.request_spec, "availability_zone": zone}
        async with self._deps.database.work(ctx) as uow:
            after = replace(await claim(uow, server, verb), request_spec=spec)
            await instances.set_request_spec(uow, uuid, spec)
            await instance_actions.start(uow, ctx, uuid, UNSHELVE)
            self._deps.announce(uow, server, after)
            uow.cast(UnshelveInstance(instance=instance_object(after), request_spec=_spec(after, request.host)))

    async def _check_target(
        self, ctx: RequestContext, server: Server, request: UnshelveRequest, zone: str | None
    ) -> None:
        """409 for a server that is on a host yet, and for a host of another zone; 400 for what there is not."""
        if not (request.zone_given or request.host):
            return
        instance = server.instance
        if instance.vm_state != SHELVED_OFFLOADED:
            raise UnshelveInvalidState(instance_uuid=instance.uuid, state=instance.vm_state)
        async with self._deps.database.read() as session:
            known = await hosts.list_all(session)
        now = self._deps.database.clock.now()
        if request.zone and request.zone not in {host.zone for host in known if services.is_up(host, now)}:
            raise BadRequest("The requested availability zone is not available")
        if request.host:
            target = {"project_id": instance.project_id, "user_id": instance.user_id}
            self._deps.policy.require(ctx, policy.UNSHELVE_TO_HOST, target)
            _check_host(known, request.host, zone)


def _check_host(known: Sequence[Host], name: str, zone: str | None) -> None:
    found = next((host for host in known if host.host == name), None)
    if found is None:
        raise ComputeHostUnknown(host=name)
    if zone is not None and found.zone != zone:
        raise UnshelveHostNotInZone(host=name, availability_zone=zone)


def _spec(server: Server, host: str | None) -> NovaObject:
    """The request once more, for any host or for the one that is asked for."""
    place = {"requested_destination": destination_object(host)} if host else None
    return request_spec_object(server, server.request_spec.get("image") or {}, place=place)
