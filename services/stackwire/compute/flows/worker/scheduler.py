"""``select_destinations``: hosts for servers, claimed at once so that two servers never get the last room of a host."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stackwire.compute.db import hosts, instances, server_groups
from stackwire.compute.domain import scheduler_filters
from stackwire.compute.domain.errors import NoValidHost
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.notification_payloads import flavor_payload
from stackwire.compute.domain.scheduler_filters import DEFAULT_FILTERS
from stackwire.compute.domain.scheduler_model import Decision, Needs, resources
from stackwire.compute.domain.scheduler_reasons import in_words, selection_of
from stackwire.compute.domain.scheduler_weights import Multipliers
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.server_groups import scheduled_payload
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
from stackwire.compute.flows.worker.scheduler_needs import needs_of
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
from stackwire.contracts.scheduling import host_selection
from stackwire.core.attributes import attributes, nulls
from stackwire.core.context import RequestContext
from stackwire.db.pool import Database, UnitOfWork

log = logging.getLogger(__name__)
ALTERNATES = 2
EVENT = "scheduler.select_destinations"
DESTINATION_FIELDS = ("availability_zone", "force_hosts", "force_nodes", "ignore_hosts", "retry")
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

    def __init__(
        self,
        database: Database,
        notifications: Notifications,
        enabled_filters: Sequence[str] = DEFAULT_FILTERS,
        multipliers: Multipliers | None = None,
    ) -> None:
        self._database = database
        self._notifications = notifications
        self._filters = enabled_filters
        self._multipliers = multipliers

    async def on_select_destinations(self, ctx: RequestContext, message: SelectDestinations) -> list[list[NovaObject]]:
        """For each server the chosen host and some that would do as well. NoValidHost, and then nothing is claimed."""
        spec = data_of(message.spec_obj)
        async with self._database.work(ctx) as uow:
            found = [server for uuid in message.instance_uuids if (server := await instances.by_uuid(uow, uuid))]
            if not found:
                raise NoValidHost(reason="the servers are deleted")
            flavor = flavor_of(spec["flavor"])  # a resize asks for another than the server has
            servers = [replace(server, flavor=flavor) for server in found]
            group = await server_groups.of_server(uow, servers[0].uuid)
            on = [] if group is None else sorted(await server_groups.claims(uow, group.members, ""))
            self._emit(uow, "start", spec, servers[0], scheduled_payload(group, on))
        decided: list[tuple[Server, Decision]] = []
        try:
            async with self._database.work(ctx) as uow:
                await hosts.lock_allocations(uow)
                chosen = [
                    await self._choose(uow, server, spec, decided, alternates=message.return_alternates)
                    for server in servers
                ]
                on += [str(data_of(selection[0])["service_host"]) for selection in chosen]
                self._emit(uow, "end", spec, servers[0], scheduled_payload(group, on))
                self._explain(uow, spec, decided)
        except NoValidHost:
            async with self._database.work(ctx) as uow:
                self._explain(uow, spec, decided[-1:])
            raise
        return chosen

    def _explain(self, uow: UnitOfWork, spec: Mapping[str, Any], decided: Sequence[tuple[Server, Decision]]) -> None:
        """What each filter did, in the log and for the tracer."""
        for server, decision in decided:
            selection = selection_of(server.uuid, decision, spec.get("scheduler_hints") or {}, self._filters)
            log.log(logging.INFO if decision.hosts else logging.WARNING, "%s", in_words(selection))
            uow.notify(host_selection(selection))

    async def _choose(
        self,
        uow: UnitOfWork,
        server: Server,
        spec: Mapping[str, Any],
        decided: list[tuple[Server, Decision]],
        *,
        alternates: bool,
    ) -> list[NovaObject]:
        needs = await needs_of(uow, server, spec)
        decision = scheduler_filters.decide(await hosts.list_all(uow), needs, self._filters, self._multipliers)
        decided.append((server, decision))
        if not decision.hosts:
            raise NoValidHost(reason=decision.reason)
        chosen = decision.hosts[0]
        if not needs.rebuild:
            await hosts.allocate(uow, server.uuid, chosen.host, resources(needs))
        taken = decision.hosts[: 1 + ALTERNATES] if alternates else decision.hosts[:1]
        return [_selection(host, server, needs) for host in taken]

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

    def _emit(
        self, uow: UnitOfWork, phase: Phase, spec: Mapping[str, Any], server: Server, group: Mapping[str, Any] | None
    ) -> None:
        instance_uuid = server.uuid if phase == "end" else None
        legacy = {"request_spec": _legacy_spec(spec, server, _pci_requests(uow.ctx, instance_uuid))}
        self._notifications.emit(uow, "scheduler", f"{EVENT}.{phase}", legacy, server.uuid)
        versioned = _versioned_spec(spec, server, group)
        self._notifications.emit_versioned(uow, "scheduler", f"{EVENT}.{phase}", versioned, server.uuid)


def _selection(host: Host, server: Server, needs: Needs) -> NovaObject:
    """A rebuild claims nothing; no claim has a resource of which nothing is needed."""
    wanted, rebuild = resources(needs), needs.rebuild
    allocations = {host.uuid: {"resources": {name: amount for name, amount in wanted.items() if amount}}}
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


def _versioned_spec(spec: Mapping[str, Any], server: Server, group: Mapping[str, Any] | None) -> dict[str, Any]:
    instance = server.instance
    empty = InstancePCIRequestsPayload.around({"instance_uuid": instance.uuid, "requests": []})
    forced = {name: next(iter(spec.get(name) or ()), None) for name in ("force_hosts", "force_nodes")}
    data = {name: spec.get(name) for name in DESTINATION_FIELDS} | {
        **forced,  # as recorded: the payload has the one host, not the list of it
        "instance_group": group,
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
