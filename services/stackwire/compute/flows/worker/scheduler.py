"""``select_destinations``: hosts for servers, claimed at once so that two servers never get the last room of a host."""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from stackwire.compute.db import hosts, instances, server_groups
from stackwire.compute.domain import image_props, scheduler_filters
from stackwire.compute.domain.errors import NoValidHost
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_events import legacy_spec, pci_requests_of, versioned_spec
from stackwire.compute.domain.scheduler_filters import DEFAULT_FILTERS
from stackwire.compute.domain.scheduler_model import Decision, Limits, Needs, resources
from stackwire.compute.domain.scheduler_reasons import in_words, selection_of
from stackwire.compute.domain.scheduler_weights import Multipliers
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.server_groups import scheduled_payload
from stackwire.compute.domain.versioned_objects import CELL, NovaObject, data_of, flavor_of, limits_object, nova_object
from stackwire.compute.flows.notifications import Notifications
from stackwire.compute.flows.worker.scheduler_needs import HostStates, host_states
from stackwire.contracts.compute_workers import (
    DeleteAggregate,
    DeleteInstanceInfo,
    SelectDestinations,
    SyncInstanceInfo,
    UpdateAggregates,
    UpdateInstanceInfo,
)
from stackwire.contracts.events_compute import Phase
from stackwire.contracts.scheduling import host_selection
from stackwire.core.context import RequestContext
from stackwire.db.pool import Database, UnitOfWork

log = logging.getLogger(__name__)
ALTERNATES = 2
NOT_ENOUGH = "There are not enough hosts available."
"""All that users are told, as by Nova; the log and the tracer know which filter left none."""
ImagesOn = Mapping[str, Sequence[Mapping[str, Any]]]
"""Of each host the typed image properties of each of its servers."""
EVENT = "scheduler.select_destinations"


class Scheduler:
    """Holds no state of its own; any number may run."""

    def __init__(
        self,
        database: Database,
        notifications: Notifications,
        enabled_filters: Sequence[str] = DEFAULT_FILTERS,
        multipliers: Multipliers | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._database = database
        self._notifications = notifications
        self._filters = enabled_filters
        self._multipliers = multipliers or Multipliers()
        self._limits = limits or Limits()

    async def on_select_destinations(self, ctx: RequestContext, message: SelectDestinations) -> list[list[NovaObject]]:
        """For each server the chosen host and some that would do as well. NoValidHost, and then nothing is claimed.

        A server at rest on a host was placed: the call was delivered late, and its claim is not moved.
        """
        spec = data_of(message.spec_obj)
        async with self._database.work(ctx) as uow:
            found = await instances.by_uuids(uow, message.instance_uuids)
            if not found:
                raise NoValidHost(reason="the servers are deleted")
            if any(each.instance.host and each.instance.task_state is None for each in found):
                raise NoValidHost(reason="the servers are placed")
            flavor = flavor_of(spec["flavor"])  # a resize asks for another than the server has
            servers = [replace(server, flavor=flavor) for server in found]
            group = await server_groups.of_server(uow, servers[0].uuid)
            on = [] if group is None else sorted(await server_groups.claims(uow, group.members))
            resized = flavor.flavorid != found[0].flavor.flavorid
            self._emit(uow, "start", spec, servers[0], scheduled_payload(group, on), pci=resized)
        decided: list[tuple[Server, Decision]] = []
        try:
            async with self._database.work(ctx) as uow:
                await hosts.lock_allocations(uow)
                states = await host_states(uow, servers, spec)
                images_on = await self._images_on(uow)
                chosen = [
                    await self._choose(uow, states, server, images_on, decided, alternates=message.return_alternates)
                    for server in servers
                ]
                on += [str(data_of(selection[0])["service_host"]) for selection in chosen]
                self._emit(uow, "end", spec, servers[0], scheduled_payload(group, on), pci=True)
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
        states: HostStates,
        server: Server,
        images_on: ImagesOn,
        decided: list[tuple[Server, Decision]],
        *,
        alternates: bool,
    ) -> list[NovaObject]:
        needs = states.needs_of(server, self._limits, images_on)
        decision = scheduler_filters.decide(states.hosts, needs, self._filters, self._multipliers)
        decided.append((server, decision))
        if not decision.hosts:
            raise NoValidHost(reason=NOT_ENOUGH)
        chosen = decision.hosts[0]
        if not needs.rebuild:
            await hosts.allocate(uow, server.uuid, chosen.host, resources(needs))
        states.consume(server, chosen, needs)
        taken = decision.hosts[: 1 + ALTERNATES] if alternates else decision.hosts[:1]
        return [_selection(host, server, needs) for host in taken]

    async def _images_on(self, uow: UnitOfWork) -> ImagesOn:
        """Only where ImagePropertiesWeigher counts: it is much to read (``nova/scheduler/weights/image_props.py``)."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        if self._multipliers.image_props:
            for host, stored in await hosts.stored_properties(uow):
                with suppress(image_props.BadProperty):
                    found.setdefault(host, []).append(image_props.typed_of_server(stored))
        return found

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
        self,
        uow: UnitOfWork,
        phase: Phase,
        spec: Mapping[str, Any],
        server: Server,
        group: Mapping[str, Any] | None,
        *,
        pci: bool,
    ) -> None:
        """``pci``: whether the requests for devices name the server: they do once one has asked what a flavor wants."""
        legacy = {"request_spec": legacy_spec(spec, server, pci_requests_of(uow.ctx, server.uuid if pci else None))}
        self._notifications.emit(uow, "scheduler", f"{EVENT}.{phase}", legacy, server.uuid)
        versioned = versioned_spec(spec, server, group)
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
