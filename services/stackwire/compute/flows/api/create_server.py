"""``POST /servers``: checks first, then everything is written at once, and the servers are built by their hosts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stackwire.compute.backends import peers
from stackwire.compute.db import (
    block_devices,
    instance_actions,
    instances,
    quotas,
    reservations,
    server_groups,
    server_metadata,
    tags,
)
from stackwire.compute.domain import bdm, generated_names, policy, travel, validation
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.instance_columns import device_columns, instance_columns
from stackwire.compute.domain.model import Flavor
from stackwire.compute.domain.model_groups import ServerGroup
from stackwire.compute.domain.quotas import check as check_quotas
from stackwire.compute.domain.quotas import check_files, check_metadata_items, fitting
from stackwire.compute.domain.requests import CreateServerRequest, ServersAccepted
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import (
    build_request_object,
    devices_object,
    networks_object,
    request_spec_object,
    tags_object,
)
from stackwire.compute.flows.api.placement import Placement, ServerPlacement
from stackwire.compute.flows.api.server_plan import ServerPlan, ServerPlanner
from stackwire.compute.flows.deps import ApiDeps, ApiFlow
from stackwire.contracts.compute_workers import ScheduleAndBuildInstances
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Forbidden, Unavailable
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork


@dataclass(frozen=True, slots=True)
class _Build:
    """What is written: the request with its final count, the plan, the answer to the client, attachments by volume."""

    request: CreateServerRequest
    plan: ServerPlan
    placement: Placement
    accepted: ServersAccepted
    attachments: Mapping[str, str]

    @property
    def networks(self) -> str:
        """``none`` or ``auto``."""
        return self.request.networks if isinstance(self.request.networks, str) else "none"


class CreateServer(ApiFlow):
    """``nova/compute/api.py: _create_instance``."""

    def __init__(self, deps: ApiDeps) -> None:
        super().__init__(deps)
        self._planner = ServerPlanner(deps)
        self._placement = ServerPlacement(deps)

    async def request_servers(self, ctx: RequestContext, request: CreateServerRequest) -> ServersAccepted:
        """400 for what cannot be built, 403 over quota, 501 for what is not simulated; a refusal leaves nothing."""
        self._deps.policy.require(ctx, policy.CREATE, {"project_id": ctx.project_id})
        if ctx.project_id is None:
            raise Forbidden("A server belongs to a project: the token has to be of one.")
        _check_networks(request)
        placement = await self._placement.resolve(ctx, request)
        validation.check_user_data(request.user_data)
        plan = await self._planner.plan(ctx, request)
        self._check_certificates(ctx, request, plan)
        request = await self._within_quotas(ctx, request, plan.flavor, plan.devices)
        uuids = tuple(self._deps.make_id("server") for _ in range(request.count))
        attachments = await self._reserve(ctx, plan.devices, uuids[0])
        accepted = ServersAccepted(
            uuids=uuids,
            reservation_id=generated_names.reservation(self._deps.pick),
            password=request.admin_password or generated_names.password(self._deps.pick),
        )
        try:
            await self._write(ctx, _Build(request, plan, placement, accepted, attachments))
        except BaseException:
            await self._release(ctx, attachments)
            raise
        return accepted

    def _check_certificates(self, ctx: RequestContext, request: CreateServerRequest, plan: ServerPlan) -> None:
        """BadRequest where the image's certificates would not be looked at, which those of the settings are not either
        if there is no image at all."""
        if request.trusted_certificates:
            self._deps.policy.require(ctx, policy.CREATE_TRUSTED, {"project_id": ctx.project_id})
        if request.trusted_certificates or (self._deps.signatures.kept and not request.image_ref):
            root = bdm.root_of(plan.devices)
            validation.check_certificates(volume_backed=root is not None and root.destination_type == "volume")

    async def _within_quotas(
        self, ctx: RequestContext, request: CreateServerRequest, flavor: Flavor, devices: Sequence[BlockDeviceRequest]
    ) -> CreateServerRequest:
        """The request with as many servers as the quotas have room for; TooManyInstances below its minimum.

        What a project has is counted here only where the answer is needed before the servers are written: it is much
        to read, and ``_write`` counts it under the lock in any case.
        """
        async with self._deps.database.read() as session:
            strictest = await quotas.strictest(session, ctx)
            check_metadata_items(strictest, len(request.metadata))
            check_files(strictest, request.personality)
            if request.count == request.min_count and not _volumes_of(devices):
                return request
            scopes = await quotas.scopes(session, ctx.project_id or "", ctx.user_id or "")
        count = min(fitting(limits, used, _needs(flavor, 1), request.count) for limits, used in scopes)
        if count < request.min_count:
            check_quotas(scopes, _needs(flavor, request.min_count))
        return replace(request, count=max(count, request.min_count))

    async def _reserve(self, ctx: RequestContext, devices: Sequence[BlockDeviceRequest], uuid: str) -> dict[str, str]:
        """Volume id to attachment id; all of them, or none when one is refused."""
        attachments = {volume_id: self._deps.make_id("attachment") for volume_id in _volumes_of(devices)}
        if attachments:
            async with self._deps.database.work(ctx) as uow:
                await reservations.note(uow, uuid, attachments.values())
        try:
            for volume_id, attachment_id in attachments.items():
                await peers.reserve(self._deps.rpc, ctx, volume_id, uuid, attachment_id)
        except BaseException:
            await self._release(ctx, attachments)
            raise
        return attachments

    async def _release(self, ctx: RequestContext, attachments: Mapping[str, str]) -> None:
        """What cannot be released now is released by ``LocalDelete.recover``: its reservation stays recorded."""
        for attachment_id in attachments.values():
            await peers.release(self._deps.rpc, ctx, attachment_id)

    async def _write(self, ctx: RequestContext, build: _Build) -> None:
        project_id, uuids = ctx.project_id or "", build.accepted.uuids
        async with self._deps.database.work(ctx) as uow:
            await quotas.lock(uow, project_id)
            needs = _needs(build.plan.flavor, build.request.count)
            check_quotas(await quotas.scopes(uow, project_id, ctx.user_id or ""), needs)
            if build.attachments and await reservations.keep(uow, uuids[0]) < len(build.attachments):
                raise Unavailable("It took too long to reserve the volumes of the server.")
            for index in range(build.request.count):
                await self._insert(uow, ctx, build, index)
            found = await instances.by_uuids(uow, uuids)
            group = await server_groups.of_server(uow, uuids[0])
            uow.cast(_message(build, found, group))

    async def _insert(self, uow: UnitOfWork, ctx: RequestContext, build: _Build, index: int) -> None:
        request, plan, uuid = build.request, build.plan, build.accepted.uuids[index]
        spec = {
            "availability_zone": build.placement.zone,
            "image": plan.image,
            "networks": build.networks,
            "scheduler_hints": dict(build.placement.hints),
            "trusted_certificates": request.trusted_certificates or self._deps.signatures.kept or None,
        }
        columns = instance_columns(request, plan.image, plan.flavor, plan.key, build.accepted, index)
        owner = {"user_id": ctx.user_id or "", "project_id": ctx.project_id or "", "created_at": uow.now}
        await instances.insert(uow, columns | owner, plan.flavor, spec)
        await server_metadata.upsert(uow, "instance_metadata", uuid, request.metadata)
        rows = uow.apply(
            travel.at_create,
            plan.source,
            Resource("server", uuid),
            plan.image,
            plan.flavor,
            self._deps.behaviours,
            image_ref=request.image_ref,
            user_name=ctx.user_name,
            project_name=ctx.project_name,
        )
        await server_metadata.upsert(uow, "instance_system_metadata", uuid, rows)
        if request.tags:
            await tags.replace(uow, uuid, request.tags)
        for device in plan.devices:
            attachment_id = build.attachments.get(device.volume_id or "") if device.source_type == "volume" else None
            await block_devices.insert(
                uow, device_columns(self._deps.make_id("block_device"), uuid, device, attachment_id)
            )
        await instance_actions.start(uow, ctx, uuid, "create")
        await self._placement.join(uow, ctx, build.placement, uuid)


def _volumes_of(devices: Sequence[BlockDeviceRequest]) -> list[str]:
    """Volumes that are there already, and are reserved for the server."""
    return [device.volume_id for device in devices if device.source_type == "volume" and device.volume_id]


def _needs(flavor: Flavor, count: int) -> dict[str, int]:
    return {"instances": count, "cores": flavor.vcpus * count, "ram": flavor.memory_mb * count}


def _message(build: _Build, servers: Sequence[Server], group: ServerGroup | None) -> ScheduleAndBuildInstances:
    place = build.placement.spec_fields(group)
    return ScheduleAndBuildInstances(
        build_requests=[build_request_object(server) for server in servers],
        request_specs=[request_spec_object(server, build.plan.image, len(servers), place) for server in servers],
        image=build.plan.image,
        admin_password=build.accepted.password,
        injected_files=[list(file) for file in build.request.personality],
        requested_networks=networks_object(build.networks),
        block_device_mapping=devices_object(servers[0].devices),
        tags=tags_object(build.request.tags),
    )


def _check_networks(request: CreateServerRequest) -> None:
    if not isinstance(request.networks, str) and request.networks:
        raise BadRequest("There is no network of that id: there is no network service here; ask for none or auto.")
    if any(group != "default" for group in request.security_groups):
        raise BadRequest("There is no security group of that name.")
