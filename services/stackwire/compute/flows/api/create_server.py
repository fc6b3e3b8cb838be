"""ServersAccepted servers: ask before promising, then write everything down at once and have it built."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from stackwire.compute.backends import peers
from stackwire.compute.db import (
    block_devices,
    flavors,
    instance_actions,
    instances,
    keypairs,
    quotas,
    reservations,
    server_metadata,
    tags,
)
from stackwire.compute.domain import (
    bdm,
    bdm_mapping,
    bdm_rules,
    generated_names,
    policy,
    states,
    travel,
    validation,
)
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.errors import FlavorNotFound, MetadataLimitExceeded
from stackwire.compute.domain.model import Flavor, KeyPair
from stackwire.compute.domain.quotas import check as check_quotas
from stackwire.compute.domain.quotas import fitting
from stackwire.compute.domain.requests import CreateServerRequest, ServersAccepted
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import (
    build_request_object,
    devices_object,
    networks_object,
    request_spec_object,
    tags_object,
)
from stackwire.compute.flows.deps import ApiDeps
from stackwire.contracts.compute_workers import ScheduleAndBuildInstances
from stackwire.contracts.lineage import Kind, property_transfer
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotSimulated, Unavailable
from stackwire.db.pool import UnitOfWork


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known when everything has been asked: the image (or what the boot volume tells), devices, flavor, key."""

    image: dict[str, Any]
    source: tuple[Kind, str]
    wishes: list[BlockDeviceRequest]
    flavor: Flavor
    key: KeyPair | None


class Create:
    """``POST /servers``: the half of it that answers the client (``nova/compute/api.py: _create_instance``)."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps

    async def accept(self, ctx: RequestContext, wish: CreateServerRequest) -> ServersAccepted:
        """Refused: 400 for what cannot be, 403 over quota, 501 for what is not simulated; then nothing is left."""
        self._deps.policy.require(ctx, policy.CREATE, {"project_id": ctx.project_id})
        _refuse_unsimulated(wish, self._deps.zone)
        validation.check_user_data(wish.user_data)
        plan = await self._plan(ctx, wish)
        wish = await self._as_many_as_allowed(ctx, wish, plan.flavor)
        uuids = [self._deps.make_id() for _ in range(wish.count)]
        reserved = await self._reserve(ctx, plan.wishes, uuids[0])
        password = wish.admin_password or generated_names.password(self._deps.pick)
        promise = ServersAccepted(
            uuids=tuple(uuids), reservation_id=generated_names.reservation(self._deps.pick), password=password
        )
        try:
            await self._write(ctx, wish, plan, promise, reserved)
        except BaseException:
            await self._release(ctx, reserved)
            raise
        return promise

    # ---- asking

    async def _plan(self, ctx: RequestContext, wish: CreateServerRequest) -> _Plan:
        deps = self._deps
        if wish.devices_v1 and wish.devices_v2:
            raise BadRequest("block_device_mapping and block_device_mapping_v2 exclude each other.")
        if not wish.image_ref and not wish.devices_v1 and not wish.devices_v2:
            raise BadRequest("Missing imageRef attribute")
        async with deps.database.read() as session:
            flavor = await flavors.get(session, ctx, wish.flavor_ref)
            key = await keypairs.get(session, ctx.user_id or "", wish.key_name) if wish.key_name else None
        if flavor is None or flavor.disabled:
            raise BadRequest(FlavorNotFound(flavor_id=wish.flavor_ref).message)
        if wish.key_name and key is None:
            raise BadRequest(f"Invalid key_name provided: there is no key pair {wish.key_name!r}.")
        legacy = not wish.devices_v2
        image, source = await self._boot_image(ctx, wish, legacy=legacy)
        properties = image.get("properties") or {}
        root_device = bdm.root_device_of(properties) or bdm.DEFAULT_ROOT

        def asked(no_root: bool) -> list[BlockDeviceRequest]:
            if legacy:
                return bdm.from_v1(wish.devices_v1 or (), wish.image_ref, root_device, no_root=no_root)
            return bdm.from_v2(wish.devices_v2 or (), has_image=bool(wish.image_ref))

        bdm_rules.check_root_name(asked(True), wish.image_ref, root_device)
        wishes = bdm.assembled(asked, image, flavor, legacy=legacy)
        bdm_rules.check(wishes, flavor, count=wish.count, image_ref=wish.image_ref)
        zero_disk = deps.policy.allows(ctx, policy.ZERO_DISK)
        validation.check_image(image, wish.image_ref or None, flavor, bdm.root_of(wishes), zero_disk_allowed=zero_disk)
        for needed in filter(None, validation.kernel_and_ramdisk(properties)):
            await peers.image(self._deps.images, ctx, needed)
        wishes = [await self._look(ctx, each, wish) for each in wishes if not each.no_device]
        return _Plan(image, source, wishes, flavor, key)

    async def _boot_image(
        self, ctx: RequestContext, wish: CreateServerRequest, *, legacy: bool
    ) -> tuple[dict[str, Any], tuple[Kind, str]]:
        """The image booted, or what the boot device tells of one (``get_bdm_image_metadata``), and where it is from."""
        rpc = self._deps.rpc
        if wish.image_ref:
            image = await peers.image(self._deps.images, ctx, wish.image_ref)
            if bdm_mapping.lacks_root(image):
                image = bdm_mapping.with_root(image, await self._deps.images.locations(ctx, wish.image_ref))
            return image, ("image", wish.image_ref)
        given = (
            bdm.from_v1(wish.devices_v1 or (), "", bdm.DEFAULT_ROOT, no_root=True)
            if legacy
            else bdm.from_v2(wish.devices_v2 or (), has_image=False)
        )
        candidate = bdm.boot_candidate(given, legacy=legacy)
        if candidate is None:
            return {}, ("client", ctx.user_id or "")
        if candidate.image_id:
            image = await peers.bdm_image(self._deps.images, ctx, candidate.image_id)
            return image, ("image", candidate.image_id)
        volume_id = candidate.volume_id
        if candidate.snapshot_id:
            volume_id = (await peers.snapshot(rpc, ctx, candidate.snapshot_id)).volume_id
        if volume_id is None:
            return {}, ("client", ctx.user_id or "")
        volume = await peers.volume(rpc, ctx, volume_id)
        peers.require_bootable(volume)
        meta = travel.image_meta_from_volume(volume.model_dump(), self._deps.behaviours)
        return meta, ("volume", volume.id)

    async def _look(
        self, ctx: RequestContext, wish: BlockDeviceRequest, server: CreateServerRequest
    ) -> BlockDeviceRequest:
        """The device with what its source tells; 400 when the source cannot be used."""
        rpc = self._deps.rpc
        if wish.volume_type:
            wish = replace(wish, volume_type=await peers.volume_type(rpc, ctx, wish.volume_type))
        if wish.source_type == "volume" and wish.volume_id:
            volume = await peers.volume(rpc, ctx, wish.volume_id)
            peers.require_available(volume, multiattach=server.multiattach)
            return replace(wish, volume_size=volume.size)
        if wish.source_type == "snapshot" and wish.snapshot_id:
            snapshot = await peers.snapshot(rpc, ctx, wish.snapshot_id)
            return replace(wish, volume_size=wish.volume_size or snapshot.size)
        if wish.source_type == "image" and wish.image_id and wish.image_id != server.image_ref:
            await peers.bdm_image(self._deps.images, ctx, wish.image_id)
        return wish

    async def _as_many_as_allowed(
        self, ctx: RequestContext, wish: CreateServerRequest, flavor: Flavor
    ) -> CreateServerRequest:
        """The wish with the count the quotas have room for; TooManyInstances when that is less than the least."""
        async with self._deps.database.read() as session:
            limits = await quotas.limits(session, ctx.project_id or "")
            used = await quotas.usage(session, ctx.project_id or "")
        if 0 <= limits["metadata_items"] < len(wish.metadata):
            raise MetadataLimitExceeded(allowed=limits["metadata_items"])
        count = fitting(limits, used, _needs(flavor, 1), wish.count)
        if count < wish.min_count:
            check_quotas(limits, used, _needs(flavor, wish.min_count))
        return replace(wish, count=max(count, wish.min_count))

    async def _reserve(self, ctx: RequestContext, wishes: Sequence[BlockDeviceRequest], uuid: str) -> dict[str, str]:
        """Volume id to attachment id; all of them, or none when one is refused."""
        volumes = [wish.volume_id for wish in wishes if wish.source_type == "volume" and wish.volume_id]
        reserved = {volume_id: self._deps.make_id() for volume_id in volumes}
        if reserved:
            async with self._deps.database.work(ctx) as uow:
                await reservations.note(uow, uuid, reserved.values())
        try:
            for volume_id, attachment_id in reserved.items():
                await peers.reserve(self._deps.rpc, ctx, volume_id, uuid, attachment_id)
        except BaseException:
            await self._release(ctx, reserved)
            raise
        return reserved

    async def _release(self, ctx: RequestContext, reserved: Mapping[str, str]) -> None:
        """What cannot be let go now the sweep lets go: its note stays."""
        for attachment_id in reserved.values():
            await peers.release(self._deps.rpc, ctx, attachment_id)

    # ---- promising

    async def _write(
        self,
        ctx: RequestContext,
        wish: CreateServerRequest,
        plan: _Plan,
        promise: ServersAccepted,
        reserved: dict[str, str],
    ) -> None:
        async with self._deps.database.work(ctx) as uow:
            await quotas.lock(uow, ctx.project_id or "")
            limits = await quotas.limits(uow, ctx.project_id or "")
            check_quotas(limits, await quotas.usage(uow, ctx.project_id or ""), _needs(plan.flavor, wish.count))
            if reserved and await reservations.keep(uow, promise.uuids[0]) < len(reserved):
                raise Unavailable("It took too long to reserve the volumes of the server.")
            for index in range(wish.count):
                await self._insert(uow, ctx, wish, plan, promise, index, reserved)
            made = [await instances.by_uuid(uow, uuid) for uuid in promise.uuids]
            servers = [server for server in made if server is not None]
            uow.cast(_order(wish, plan, servers, promise))

    async def _insert(
        self,
        uow: UnitOfWork,
        ctx: RequestContext,
        wish: CreateServerRequest,
        plan: _Plan,
        promise: ServersAccepted,
        index: int,
        reserved: dict[str, str],
    ) -> None:
        uuid = promise.uuids[index]
        rows = travel.at_create(
            plan.image,
            plan.flavor,
            self._deps.behaviours,
            image_ref=wish.image_ref,
            user_name=ctx.user_name,
            project_name=ctx.project_name,
        )
        spec = {
            "availability_zone": wish.availability_zone,
            "scheduler_hints": dict(wish.scheduler_hints),
            "image": plan.image,
            "networks": wish.networks if isinstance(wish.networks, str) else "none",
        }
        await instances.insert(uow, _columns(uow, ctx, wish, plan, promise, index), plan.flavor, spec)
        await server_metadata.upsert(uow, "instance_metadata", uuid, wish.metadata)
        await server_metadata.upsert(uow, "instance_system_metadata", uuid, rows)
        await tags.replace(uow, uuid, wish.tags)
        for each in plan.wishes:
            attachment_id = reserved.get(each.volume_id or "") if each.source_type == "volume" else None
            await block_devices.insert(uow, device_columns(self._deps.make_id(), uuid, each, attachment_id))
        await instance_actions.start(uow, ctx, uuid, "create")
        kind, source_id = plan.source
        uow.notify(
            property_transfer(
                "compute", "compute.at_create", kind, source_id, "server", uuid, flat(plan.image), rows,
                source="nova/utils.py: get_system_metadata_from_image", prefix=travel.PREFIX,
            )
        )  # fmt: skip


def flat(image: dict[str, Any]) -> dict[str, Any]:
    """The properties and the inheritable attributes of an image dictionary side by side."""
    attributes = {key: image[key] for key in travel.INHERITABLE if image.get(key) is not None}
    return {**(image.get("properties") or {}), **attributes}


def device_columns(device_uuid: str, uuid: str, wish: BlockDeviceRequest, attachment_id: str | None) -> dict[str, Any]:
    return asdict(wish) | {"uuid": device_uuid, "instance_uuid": uuid, "attachment_id": attachment_id}


def _needs(flavor: Flavor, count: int) -> dict[str, int]:
    return {"instances": count, "cores": flavor.vcpus * count, "ram": flavor.memory_mb * count}


def _columns(
    uow: UnitOfWork, ctx: RequestContext, wish: CreateServerRequest, plan: _Plan, promise: ServersAccepted, index: int
) -> dict[str, Any]:
    properties, uuid = plan.image.get("properties") or {}, promise.uuids[index]
    kernel, ramdisk = validation.kernel_and_ramdisk(properties)
    name = generated_names.numbered(wish.name, index, wish.count)
    columns = travel.instance_columns(plan.image)
    if wish.auto_disk is not None:
        columns["auto_disk_config"] = wish.auto_disk
    return columns | {
        "uuid": uuid,
        "user_id": ctx.user_id or "",
        "project_id": ctx.project_id or "",
        "image_ref": wish.image_ref,
        "kernel_id": kernel,
        "ramdisk_id": ramdisk,
        "launch_index": index,
        "key_name": wish.key_name,
        "key_data": plan.key.public_key if plan.key else None,
        "vm_state": states.BUILDING,
        "task_state": states.SCHEDULING,
        "memory_mb": plan.flavor.memory_mb,
        "vcpus": plan.flavor.vcpus,
        "root_gb": plan.flavor.root_gb,
        "ephemeral_gb": plan.flavor.ephemeral_gb,
        "hostname": wish.hostname or generated_names.hostname(name, f"server-{uuid}"),
        "user_data": wish.user_data,
        "reservation_id": promise.reservation_id,
        "display_name": name,
        "display_description": wish.description,
        "root_device_name": bdm.root_device_of(properties),
        "access_ip_v4": wish.access_ip_v4 or None,
        "access_ip_v6": wish.access_ip_v6 or None,
        "config_drive": "True" if wish.config_drive or properties.get("img_config_drive") == "mandatory" else "",
        "instance_type_id": plan.flavor.id,
        "created_at": uow.now,
    }


def _order(
    wish: CreateServerRequest, plan: _Plan, servers: list[Server], promise: ServersAccepted
) -> ScheduleAndBuildInstances:
    return ScheduleAndBuildInstances(
        build_requests=[build_request_object(server) for server in servers],
        request_specs=[request_spec_object(server, plan.image, len(servers)) for server in servers],
        image=plan.image,
        admin_password=promise.password,
        requested_networks=networks_object(wish.networks if isinstance(wish.networks, str) else "none"),
        block_device_mapping=devices_object(servers[0].devices),
        tags=tags_object(wish.tags),
    )


def _refuse_unsimulated(wish: CreateServerRequest, zone: str) -> None:
    if not isinstance(wish.networks, str) and wish.networks:
        raise BadRequest("There is no network of that id: there is no network service here; ask for none or auto.")
    if any(group != "default" for group in wish.security_groups):
        raise BadRequest("There is no security group of that name.")
    if wish.availability_zone not in (None, zone):
        raise BadRequest("The requested availability zone is not available")
    refused = {
        "personality (files written into a server)": wish.personality,
        "trusted_image_certificates": wish.trusted_certificates,
        "the choice of a host": wish.host,
        "scheduler hints": bool(wish.scheduler_hints),
    }
    for what, asked in refused.items():
        if asked:
            raise NotSimulated(what=what)
