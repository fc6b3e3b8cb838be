"""Aggregates: groups of hosts, for administrators; their metadata is what the scheduler compares."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stackwire.compute.db import hosts
from stackwire.compute.db.aggregates import TABLE
from stackwire.compute.domain import aggregates, policy
from stackwire.compute.domain.aggregates import ZONE
from stackwire.compute.domain.errors_groups import (
    AggregateHostExists,
    AggregateHostNotFound,
    AggregateNameExists,
    AggregateNotFound,
    ComputeHostNotFound,
)
from stackwire.compute.domain.model_groups import Aggregate
from stackwire.compute.domain.versioned_objects import aggregate_object
from stackwire.compute.flows.aggregate_notifications import emit_change
from stackwire.compute.flows.deps import ApiFlow
from stackwire.contracts.compute_workers import CacheImages, DeleteAggregate, UpdateAggregates
from stackwire.contracts.events_hosts import AggregateVerb
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.errors import UniqueViolation
from stackwire.db.pool import UnitOfWork


class Aggregates(ApiFlow):
    """``nova/compute/api.py: AggregateAPI``. AggregateNotFound where an id is given.

    Each change holds the lock of allocations: no server is placed by what is being changed.
    """

    async def list_all(self, ctx: RequestContext) -> list[Aggregate]:
        """All of them."""
        self._deps.policy.require(ctx, policy.AGGREGATES)
        async with self._deps.database.read() as session:
            return await TABLE.find(session)

    async def get(self, ctx: RequestContext, ident: str) -> Aggregate:
        """One of them."""
        self._deps.policy.require(ctx, policy.AGGREGATE_SHOW)
        return await self._read(ident)

    async def create(self, ctx: RequestContext, name: str, zone: str | None) -> Aggregate:
        """AggregateNameExists."""
        self._deps.policy.require(ctx, policy.AGGREGATE_CREATE)
        metadata = {ZONE: zone} if zone else {}
        columns = {"uuid": self._deps.make_id("aggregate"), "name": name, "metadata": metadata}
        legacy = {"name": name, **({"meta_data": metadata} if metadata else {})}
        try:
            async with self._deps.database.work(ctx) as uow:
                created = await TABLE.insert(uow, {**columns, "created_at": uow.now})
                before = {"id": None, "hosts": None, "metadata": metadata or None}
                self._announce(uow, "create", before, created, legacy, {"aggregate_id": created.id})
                return created
        except UniqueViolation:
            raise AggregateNameExists(aggregate_name=name) from None

    async def update(
        self, ctx: RequestContext, ident: str, name: str | None, zone: Mapping[str, str | None]
    ) -> Aggregate:
        """``name`` None leaves the name; ``zone`` is metadata that holds the zone, or is empty.

        AggregateNameExists, InvalidAggregateAction.
        """
        self._deps.policy.require(ctx, policy.AGGREGATE_UPDATE)
        try:
            async with self._deps.database.work(ctx) as uow:
                aggregate, others = await self._locked(uow, ident)
                if name is not None:
                    aggregate = await self._write(uow, aggregate, name=name, updated_at=uow.now)
                    self._announce(uow, "update_prop", {}, aggregate, {"aggregate_id": aggregate.id})
                return await self._set_metadata(uow, aggregate, others, zone) if zone else aggregate
        except UniqueViolation:
            raise AggregateNameExists(aggregate_name=name) from None

    async def set_metadata(self, ctx: RequestContext, ident: str, metadata: Mapping[str, str | None]) -> Aggregate:
        """None as a value removes its key; InvalidAggregateAction."""
        self._deps.policy.require(ctx, policy.AGGREGATE_SET_METADATA)
        async with self._deps.database.work(ctx) as uow:
            return await self._set_metadata(uow, *await self._locked(uow, ident), metadata)

    async def _set_metadata(
        self, uow: UnitOfWork, aggregate: Aggregate, others: Sequence[Aggregate], changes: Mapping[str, str | None]
    ) -> Aggregate:
        occupied = [host.host for host in await hosts.list_all(uow) if host.running_vms]
        aggregates.check_zone(aggregate, changes, others, occupied)
        merged = {key: value for key, value in {**aggregate.metadata, **changes}.items() if value is not None}
        changed = await self._write(uow, aggregate, metadata=merged, updated_at=uow.now)
        legacy = {"aggregate_id": aggregate.id, "meta_data": dict(changes)}
        self._announce(uow, "update_metadata", {"metadata": aggregate.metadata}, changed, legacy)
        return changed

    async def delete(self, ctx: RequestContext, ident: str) -> None:
        """InvalidAggregateAction while it has hosts."""
        self._deps.policy.require(ctx, policy.AGGREGATE_DELETE)
        async with self._deps.database.work(ctx) as uow:
            aggregate, _ = await self._locked(uow, ident)
            aggregates.check_empty(aggregate)
            await TABLE.delete(uow, aggregate.id)
            emit_change(self._deps.notifications, uow, "delete", {}, aggregate, {"aggregate_id": ident})
            uow.fanout(DeleteAggregate(aggregate=aggregate_object(aggregate)))

    async def add_host(self, ctx: RequestContext, ident: str, name: str) -> Aggregate:
        """ComputeHostNotFound, AggregateHostExists, AggregateHostsChange."""
        self._deps.policy.require(ctx, policy.AGGREGATE_ADD_HOST)
        return await self._change_hosts(ctx, ident, name, "add_host")

    async def remove_host(self, ctx: RequestContext, ident: str, name: str) -> Aggregate:
        """ComputeHostNotFound, AggregateHostNotFound, AggregateHostsChange."""
        self._deps.policy.require(ctx, policy.AGGREGATE_REMOVE_HOST)
        return await self._change_hosts(ctx, ident, name, "remove_host")

    async def _change_hosts(self, ctx: RequestContext, ident: str, name: str, verb: AggregateVerb) -> Aggregate:
        added = verb == "add_host"
        async with self._deps.database.work(ctx) as uow:
            host = await hosts.by_name(uow, name)
            if host is None:
                raise ComputeHostNotFound(host=name)
            aggregate, others = await self._locked(uow, ident)
            if added == (name in aggregate.hosts):
                raise (AggregateHostExists if added else AggregateHostNotFound)(host=name, aggregate_id=ident)
            aggregates.check_host(aggregate, host, others, added=added)
            names = [*aggregate.hosts, name] if added else [each for each in aggregate.hosts if each != name]
            changed = await self._write(uow, aggregate, hosts=names)
            legacy = {"aggregate_id": ident, "host_name": name}
            at_end = {"name": aggregate.name} if added else {}
            self._announce(uow, verb, {"hosts": aggregate.hosts}, changed, legacy, at_end)
            return changed

    async def cache_images(self, ctx: RequestContext, ident: str, image_ids: Sequence[str]) -> None:
        """Its hosts fetch these images; BadRequest for one that is named twice."""
        self._deps.policy.require(ctx, policy.AGGREGATE_IMAGES)
        if len(set(image_ids)) < len(image_ids):
            raise BadRequest("An image is named twice in the request.")
        async with self._deps.database.work(ctx) as uow:
            aggregate, _ = await self._locked(uow, ident)
            uow.cast(CacheImages(aggregate=aggregate_object(aggregate), image_ids=list(image_ids)))

    # ---- steps they share

    async def _read(self, ident: str) -> Aggregate:
        async with self._deps.database.read() as session:
            found = await TABLE.get(session, aggregates.number(ident))
        if found is None:
            raise AggregateNotFound(aggregate_id=ident)
        return found

    async def _locked(self, uow: UnitOfWork, ident: str) -> tuple[Aggregate, list[Aggregate]]:
        """It, and all others."""
        number = aggregates.number(ident)
        await hosts.lock_allocations(uow)
        found = {aggregate.id: aggregate for aggregate in await TABLE.find(uow)}
        if number not in found:
            raise AggregateNotFound(aggregate_id=ident)
        return found.pop(number), list(found.values())

    async def _write(self, uow: UnitOfWork, aggregate: Aggregate, **changes: Any) -> Aggregate:
        return await TABLE.update(uow, aggregate.id, **changes) or replace(aggregate, **changes)

    def _announce(
        self,
        uow: UnitOfWork,
        verb: AggregateVerb,
        before: Mapping[str, Any],
        after: Aggregate,
        legacy: Mapping[str, Any],
        at_end: Mapping[str, Any] | None = None,
    ) -> None:
        """In both formats, and to every scheduler."""
        emit_change(self._deps.notifications, uow, verb, before, after, legacy, at_end)
        uow.fanout(UpdateAggregates(aggregates=[aggregate_object(after)]))
