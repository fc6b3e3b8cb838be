"""``select_destinations``: hosts for servers, claimed at once so that two servers never get the last room of a host."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from stackwire.compute.db import hosts, instances, services
from stackwire.compute.domain import scheduler_filters
from stackwire.compute.domain.errors import NoValidHost
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.notification_payloads import flavor_payload
from stackwire.compute.domain.scheduler_filters import Needs
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import (
    CELL,
    NovaObject,
    data_of,
    flavor_object,
    flavor_of,
    legacy_image,
    limits_object,
    nova_object,
)
from stackwire.compute.flows.notifications import Notifications
from stackwire.contracts.compute_workers import (
    DeleteAggregate,
    DeleteInstanceInfo,
    SelectDestinations,
    SyncInstanceInfo,
    UpdateAggregates,
    UpdateInstanceInfo,
)
from stackwire.contracts.events_compute import Phase
from stackwire.contracts.events_versioned import (
    CellMappingPayload,
    DestinationPayload,
    ImageMetaPayload,
    ImageMetaPropsPayload,
    InstancePCIRequestsPayload,
    RequestSpecPayload,
)
from stackwire.core.attributes import attributes, nulls
from stackwire.core.context import RequestContext
from stackwire.db.pool import Database, UnitOfWork

ALTERNATES = 2
CHECK = "_nova_check_type"
EVENT = "scheduler.select_destinations"
DESTINATION_FIELDS = ("availability_zone", "force_hosts", "force_nodes", "ignore_hosts", "instance_group", "retry")
IMAGE_FIELDS = [
    "id",
    "name",
    "status",
    "owner",
    "checksum",
    "container_format",
    "disk_format",
    "created_at",
    "updated_at",
    "direct_url",
    "protected",
    "tags",
    "size",
    "virtual_size",
    "visibility",
    "min_ram",
    "min_disk",
]


class Scheduler:
    """Holds no state of its own; any number may run."""

    def __init__(self, database: Database, notifications: Notifications) -> None:
        self._database = database
        self._notifications = notifications

    async def on_select_destinations(self, ctx: RequestContext, message: SelectDestinations) -> list[list[NovaObject]]:
        """For each server the chosen host and some that would do as well. NoValidHost, and then nothing is claimed."""
        spec = data_of(message.spec_obj)
        async with self._database.work(ctx) as uow:
            found = [server for uuid in message.instance_uuids if (server := await instances.by_uuid(uow, uuid))]
            if not found:
                raise NoValidHost(reason="the servers are deleted")
            flavor = flavor_of(spec["flavor"])  # a resize asks for another than the server has
            servers = [replace(server, flavor=flavor) for server in found]
            self._emit(uow, "start", spec, servers[0])
        rebuild = "rebuild" in (spec.get("scheduler_hints") or {}).get(CHECK, ())
        async with self._database.work(ctx) as uow:
            await hosts.lock_allocations(uow)
            chosen = [
                await self._choose(uow, server, spec, rebuild=rebuild, alternates=message.return_alternates)
                for server in servers
            ]
            self._emit(uow, "end", spec, servers[0])
        return chosen

    async def _choose(
        self, uow: UnitOfWork, server: Server, spec: Mapping[str, Any], *, rebuild: bool, alternates: bool
    ) -> list[NovaObject]:
        known = await hosts.list_all(uow)
        claimed = (await hosts.allocated_to(uow, [server.uuid])).get(server.uuid)
        needs = _needs(server, spec, server.instance.host if rebuild else claimed)
        candidates = known if rebuild else _candidates(known, spec, uow.now)
        passed, failed_filter = scheduler_filters.ranked(candidates, needs)
        if not passed:
            reason = f"{failed_filter or 'no host is up'} left no host of {len(known)}"
            raise NoValidHost(reason=reason)
        if not rebuild:
            wanted = scheduler_filters.resources(needs)
            vcpus, memory_mb, disk_gb = (wanted[name] for name in ("VCPU", "MEMORY_MB", "DISK_GB"))
            await hosts.allocate(uow, server.uuid, passed[0].host, vcpus=vcpus, memory_mb=memory_mb, disk_gb=disk_gb)
        taken = passed[: 1 + ALTERNATES] if alternates else passed[:1]
        return [_selection(host, server, needs, rebuild=rebuild) for host in taken]

    # ---- what hosts report: what they run is in the database already

    async def on_update_instance_info(self, ctx: RequestContext, message: UpdateInstanceInfo) -> None:
        """Nothing to keep: the scheduler counts claims."""

    async def on_delete_instance_info(self, ctx: RequestContext, message: DeleteInstanceInfo) -> None:
        """Nothing to keep either."""

    async def on_sync_instance_info(self, ctx: RequestContext, message: SyncInstanceInfo) -> None:
        """Nothing to compare."""

    async def on_update_aggregates(self, ctx: RequestContext, message: UpdateAggregates) -> None:
        """Nothing to keep: aggregates are in the database too."""

    async def on_delete_aggregate(self, ctx: RequestContext, message: DeleteAggregate) -> None:
        """Nothing to keep either."""

    # ---- notifications

    def _emit(self, uow: UnitOfWork, phase: Phase, spec: Mapping[str, Any], server: Server) -> None:
        instance_uuid = server.uuid if phase == "end" else None
        legacy = {"request_spec": _legacy_spec(spec, server, _pci_requests(uow.ctx, instance_uuid))}
        self._notifications.emit(uow, "scheduler", f"{EVENT}.{phase}", legacy, server.uuid)
        self._notifications.emit_versioned(
            uow, "scheduler", f"{EVENT}.{phase}", _versioned_spec(spec, server), server.uuid
        )


def _candidates(known: Sequence[Host], spec: Mapping[str, Any], now: datetime) -> list[Host]:
    """Hosts that are up and not ignored; the one that the request names alone, where it does."""
    wanted, ignored = data_of(spec.get("requested_destination") or {}).get("host"), spec.get("ignore_hosts") or ()
    up = (host for host in known if services.is_up(host, now) and host.host not in ignored)
    return [host for host in up if wanted in (None, host.host)]


def _needs(server: Server, spec: Mapping[str, Any], host: str | None) -> Needs:
    properties = data_of(data_of(spec.get("image") or {}).get("properties") or {})
    root = server.root
    local = 0 if root is not None and root.is_volume else server.flavor.root_gb
    return Needs(
        flavor=server.flavor,
        properties=properties,
        local_gb=local + server.flavor.ephemeral_gb,
        zone=spec.get("availability_zone"),
        only=None if host is None else frozenset({host}),
    )


def _selection(host: Host, server: Server, needs: Needs, *, rebuild: bool) -> NovaObject:
    """A rebuild claims nothing; no claim has a resource of which nothing is needed."""
    resources = scheduler_filters.resources(needs)
    allocations = {host.uuid: {"resources": {name: amount for name, amount in resources.items() if amount}}}
    request = None if rebuild else {"allocations": allocations, "mappings": {"": [host.uuid]}}
    data = {
        "compute_node_uuid": host.uuid,
        "service_host": host.host,
        "nodename": host.hypervisor_hostname,
        "cell_uuid": CELL["uuid"],
        "limits": limits_object(),
        "allocation_request": json.dumps(request),
        "allocation_request_version": None if rebuild else "1.36",
        "availability_zone": host.zone,
    }
    return nova_object("Selection", "1.1", data)


def _image(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return data_of(spec.get("image") or {})


def _pci_requests(ctx: RequestContext, instance_uuid: str | None) -> dict[str, Any]:
    """``nova/objects/instance_pci_requests.py`` as the recorded notification has it: with the fields of the object
    itself, among them the caller's context, of which the token and its catalog are left out."""
    fields = {"requests": [], **({"instance_uuid": instance_uuid} if instance_uuid else {})}
    context = {
        **nulls(
            "auth_token cell_uuid db_connection domain_id domain_name mq_connection project_domain_name quota_class"
            " resource_uuid service_project_domain_id service_project_domain_name service_project_id"
            " service_project_name service_token service_user_domain_id service_user_domain_name service_user_id"
            " service_user_name system_scope user_auth_plugin user_domain_name"
        ),
        **attributes(
            ctx,
            "global_request_id project_domain_id project_id project_name remote_address request_id timestamp"
            " user_domain_id user_id user_name",
        ),
        "_is_admin": ctx.is_admin,
        "_read_deleted": "no",
        "is_admin_project": True,
        "read_only": False,
        "roles": list(ctx.roles),
        "service_catalog": [],
        "service_roles": [],
        "show_deleted": False,
    }
    return {
        "VERSION": "1.1",
        "_changed_fields": sorted(fields),
        "_context": context,
        **{f"_obj_{name}": value for name, value in fields.items()},
    }


def _legacy_spec(spec: Mapping[str, Any], server: Server, pci_requests: Mapping[str, Any]) -> dict[str, Any]:
    """``RequestSpec.to_legacy_request_spec_dict``."""
    instance, flavor = server.instance, server.flavor
    return {
        "image": legacy_image(spec),
        "instance_properties": {
            "availability_zone": spec.get("availability_zone"),
            "ephemeral_gb": flavor.ephemeral_gb,
            "memory_mb": flavor.memory_mb,
            "numa_topology": None,
            "pci_requests": pci_requests,
            "project_id": instance.project_id,
            "root_gb": flavor.root_gb,
            "user_id": instance.user_id,
            "uuid": instance.uuid,
            "vcpus": flavor.vcpus,
        },
        "instance_type": _micros(data_of(flavor_object(flavor))),
        "num_instances": spec.get("num_instances", 1),
    }


def _micros(row: Mapping[str, Any]) -> dict[str, Any]:
    """With its times as the unversioned format writes them: a fraction, which is none, and no zone."""
    times = {key: row[key] for key in ("created_at", "updated_at") if row.get(key)}
    return {**row, **{key: f"{value.removesuffix('Z')}.000000" for key, value in times.items()}}


def _versioned_spec(spec: Mapping[str, Any], server: Server) -> dict[str, Any]:
    instance = server.instance
    empty = InstancePCIRequestsPayload.around({"instance_uuid": instance.uuid, "requests": []})
    forced = {name: next(iter(spec.get(name) or ()), None) for name in ("force_hosts", "force_nodes")}
    data = {name: spec.get(name) for name in DESTINATION_FIELDS} | {
        **forced,  # as recorded: the payload has the one host, not the list of it
        "instance_uuid": instance.uuid,
        "project_id": instance.project_id,
        "user_id": instance.user_id,
        "flavor": flavor_payload(server.flavor),
        "image": _image_payload(_image(spec)),
        "num_instances": spec.get("num_instances", 1),
        "numa_topology": None,
        "pci_requests": empty,
        "requested_destination": _destination(spec.get("requested_destination")),
        "scheduler_hints": dict(spec.get("scheduler_hints") or {}),
        "security_groups": ["default"],
    }
    return RequestSpecPayload.around(data)


def _destination(spec: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if spec is None:
        return None
    cell = CellMappingPayload.around({name: data_of(data_of(spec)["cell"])[name] for name in CELL})
    return DestinationPayload.around({"aggregates": None, "cell": cell})


def _image_payload(image: Mapping[str, Any]) -> dict[str, Any] | None:
    if not image:
        return None
    typed = dict(data_of(image.get("properties") or {}))
    properties = ImageMetaPropsPayload.around(typed)
    return ImageMetaPayload.around({**dict.fromkeys(IMAGE_FIELDS), **image, "properties": properties})
