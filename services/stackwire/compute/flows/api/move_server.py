"""resize and cold migration: a server goes to another host, or gets another flavor, and may come back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stackwire.compute.db import flavors, hosts, instance_actions, moves, quotas, server_metadata, services
from stackwire.compute.domain import policy, travel, validation, validation_hardware
from stackwire.compute.domain.bdm import BlockDeviceRequest
from stackwire.compute.domain.errors import FlavorNotFound
from stackwire.compute.domain.errors_groups import ComputeHostNotFound
from stackwire.compute.domain.errors_moves import (
    AutoDiskConfigDisabled,
    CannotMigrateToSameHost,
    CannotResizeDisk,
    CannotResizeToSameFlavor,
    HostIsDown,
    NotResized,
)
from stackwire.compute.domain.migration_states import MigrationStates
from stackwire.compute.domain.model import Flavor, Host, Migration
from stackwire.compute.domain.quotas import check as check_quotas
from stackwire.compute.domain.requests import ResizeServerRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import ServerVerb
from stackwire.compute.domain.versioned_objects import (
    NovaObject,
    destination_object,
    flavor_object,
    instance_object,
    migration_object,
    request_spec_object,
)
from stackwire.compute.flows.confirm_resize import send_confirm
from stackwire.compute.flows.deps import ApiFlow, check_allowed, claim, require_host
from stackwire.contracts.compute_moves import MigrateServer, RevertResize
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.rules import Resource
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.transitions import transition


@dataclass(frozen=True, slots=True)
class _Move:
    """``action``: what it is recorded as; ``ignored``: hosts the server may not go to; ``host``: the one it must."""

    server: Server
    verb: ServerVerb
    action: str
    flavor: Flavor
    ignored: tuple[str, ...]
    host: Host | None = None
    auto_disk: bool = False


class MoveServer(ApiFlow):
    """``nova/compute/api.py: resize, confirm_resize, revert_resize``."""

    async def request_resize(self, ctx: RequestContext, uuid: str, request: ResizeServerRequest) -> None:
        """Another flavor, on another host unless the setting allows the same. All checks come first."""
        server = await self._deps.find(ctx, uuid, policy.RESIZE)
        verb = check_allowed(ctx, server, "resize")
        await self._require_up(require_host(server))
        _check_auto_disk(server, request.auto_disk)
        async with self._deps.database.read() as session:
            flavor = await flavors.get(session, ctx, request.flavor_ref)
        self._check_flavor(ctx, server, flavor, request.flavor_ref)
        assert flavor is not None
        ignored = () if self._deps.resize_to_same_host else (require_host(server),)
        await self._move(ctx, _Move(server, verb, "resize", flavor, ignored, auto_disk=bool(request.auto_disk)))

    async def request_migrate(self, ctx: RequestContext, uuid: str, host_name: str | None) -> None:
        """The same flavor on another host, the named one if there is one."""
        server = await self._deps.find(ctx, uuid, policy.MIGRATE_HOST if host_name else policy.MIGRATE)
        verb = check_allowed(ctx, server, "migrate")
        await self._require_up(require_host(server))
        host = None
        if host_name is not None:
            if host_name == server.instance.host:
                raise CannotMigrateToSameHost
            host = await self._host(host_name)
        await self._move(ctx, _Move(server, verb, "migrate", server.flavor, (require_host(server),), host))

    # ---- checks

    async def _require_up(self, host: str) -> None:
        async with self._deps.database.read() as session:
            found = await services.list_all(session, host=host, binary=services.COMPUTE_BINARY)
        if not any(services.is_up(service, self._deps.database.clock.now()) for service in found):
            raise HostIsDown(host=host)

    async def _host(self, name: str) -> Host:
        async with self._deps.database.read() as session:
            found = await hosts.by_name(session, name)
        if found is None:
            raise BadRequest(ComputeHostNotFound(host=name[:100]).message)
        return found

    def _check_flavor(self, ctx: RequestContext, server: Server, flavor: Flavor | None, ref: str) -> None:
        """That the server may have it, whatever a host says later. Every refusal is a 400."""
        current = server.flavor
        if flavor is None:
            raise BadRequest(FlavorNotFound(flavor_id=ref).message)
        if flavor.root_gb == 0 and current.root_gb != 0 and not server.is_volume_backed:
            raise CannotResizeDisk(reason="a flavor without a disk is for servers that boot from a volume")
        if flavor.id == current.id:
            raise CannotResizeToSameFlavor
        if flavor.disabled:
            raise BadRequest(FlavorNotFound(flavor_id=ref).message)
        validation_hardware.check_devices(flavor)
        image = travel.image_meta(server.system_metadata, self._deps.behaviours)
        root = BlockDeviceRequest(source_type="volume", destination_type="volume") if server.is_volume_backed else None
        zero_disk = self._deps.policy.allows(ctx, policy.ZERO_DISK)
        validation.check_image(image, None, flavor, root, zero_disk_allowed=zero_disk)

    # ---- writing

    async def _move(self, ctx: RequestContext, move: _Move) -> None:
        server = move.server
        async with self._deps.database.work(ctx) as uow:
            await _check_headroom(uow, server, move.flavor)
            claimed = await claim(uow, server, move.verb, progress=0, auto_disk_config=move.auto_disk)
            ends = Resource("server", server.uuid), Resource("server", server.uuid)
            image_ref, rows = server.instance.image_ref, server.system_metadata
            after_rows = uow.apply(travel.moved, *ends, rows, image_ref, self._deps.behaviours)
            changed = {key: value for key, value in after_rows.items() if rows.get(key) != value}
            await server_metadata.upsert(uow, "instance_system_metadata", server.uuid, changed)
            await instance_actions.start(uow, ctx, server.uuid, move.action)
            after = replace(claimed, system_metadata=after_rows)
            self._deps.announce(uow, server, after)
            uow.cast(_message(move, after))

    async def confirm(self, ctx: RequestContext, uuid: str) -> None:
        """What the server has left behind on the other host is deleted there."""
        server = await self._deps.find(ctx, uuid, policy.CONFIRM_RESIZE)
        check_allowed(ctx, server, "confirmResize")
        migration = await self._finished(uuid)
        await self._require_up(migration.source_compute)
        async with self._deps.database.work(ctx) as uow:
            if not await send_confirm(uow, server, migration):
                raise NotResized

    async def revert(self, ctx: RequestContext, uuid: str) -> None:
        """Back to the host and the flavor it was before, whose quota it must still be within."""
        server = await self._deps.find(ctx, uuid, policy.REVERT_RESIZE)
        verb = check_allowed(ctx, server, "revertResize")
        migration = await self._finished(uuid)
        async with self._deps.database.work(ctx) as uow:
            await _check_headroom(uow, server, server.old_flavor or server.flavor)
            zone = await _zone_of(uow, migration.source_compute)
            after = await claim(uow, server, verb, availability_zone=zone or server.instance.availability_zone)
            reverting = await transition(uow, moves.TABLE, MigrationStates.begin_revert, migration.uuid)
            if reverting is None:
                raise NotResized
            await instance_actions.start(uow, ctx, uuid, "revertResize")
            self._deps.announce(uow, server, after)
            message = RevertResize(
                instance=instance_object(after),
                migration=migration_object(reverting),
                request_spec=request_spec_object(after, server.request_spec.get("image") or {}),
            )
            uow.cast(message, server=migration.dest_compute)

    async def _finished(self, uuid: str) -> Migration:
        async with self._deps.database.read() as session:
            migration = await moves.latest(session, uuid, ("finished",))
        if migration is None:
            raise NotResized
        return migration


def _check_auto_disk(server: Server, wanted: bool | None) -> None:
    if wanted and server.system_metadata.get("image_auto_disk_config", "").strip().lower() == "disabled":
        raise AutoDiskConfigDisabled


async def _check_headroom(uow: UnitOfWork, server: Server, flavor: Flavor) -> None:
    """Only what the flavor has more than the server's counts (``_check_quota_for_upsize``)."""
    project_id = server.instance.project_id
    more = {"cores": flavor.vcpus - server.flavor.vcpus, "ram": flavor.memory_mb - server.flavor.memory_mb}
    await quotas.lock(uow, project_id)
    scopes = await quotas.scopes(uow, project_id, server.instance.user_id)
    check_quotas(scopes, {name: count for name, count in more.items() if count > 0})
    await quotas.claim_resize(uow, server.uuid, flavor)


async def _zone_of(session: Session, name: str) -> str | None:
    host = await hosts.by_name(session, name)
    return None if host is None else host.zone


def _message(move: _Move, after: Server) -> MigrateServer:
    host, ignored = move.host, list(move.ignored)
    spec = request_spec_object(after, after.request_spec.get("image") or {})
    place = {} if host is None else {"host": host.host, "node": host.hypervisor_hostname}
    destined: Mapping[str, Any] = {"ignore_hosts": ignored, "requested_destination": destination_object(**place)}
    request_spec: NovaObject = {**spec, "nova_object.data": {**spec["nova_object.data"], **destined}}
    return MigrateServer(
        instance=instance_object(after),
        scheduler_hint={"filter_properties": {"ignore_hosts": ignored}},
        flavor=flavor_object(move.flavor),
        request_spec=request_spec,
    )
