"""``/os-aggregates``."""

from aiohttp import web

from stackwire.compute.domain.aggregates import ZONE
from stackwire.compute.domain.model_groups import Aggregate
from stackwire.compute.http.schemas.aggregates import (
    AggregateHost,
    AggregateMetadata,
    CacheImages,
    CreateAggregate,
    UpdateAggregate,
)
from stackwire.compute.http.unpack import ApiHandlers, check_query, named_action, require_version, unpack
from stackwire.compute.http.views.aggregates import aggregate_view
from stackwire.core.errors import BadRequest
from stackwire.http.request import VERSION, body, json_body, read, respond


class AggregateHandlers(ApiHandlers):
    """``nova/api/openstack/compute/aggregates.py: AggregateController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-aggregates``"""
        ctx, version = unpack(request)
        check_query(request)
        found = await self._flows.aggregates.list_all(ctx)
        return respond(200, {"aggregates": [aggregate_view(aggregate, version) for aggregate in found]})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-aggregates/{id}``"""
        ctx, _ = unpack(request)
        check_query(request)
        return _respond_aggregate(request, await self._flows.aggregates.get(ctx, request.match_info["aggregate"]))

    async def create(self, request: web.Request) -> web.Response:
        """``POST /os-aggregates``"""
        ctx, version = unpack(request)
        new = (await body(request, CreateAggregate)).aggregate
        created = await self._flows.aggregates.create(ctx, new.name, new.availability_zone)
        return respond(200, {"aggregate": aggregate_view(created, version, created=True)})

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /os-aggregates/{id}``: the name, the availability zone, or both."""
        ctx, _ = unpack(request)
        changes = (await body(request, UpdateAggregate)).aggregate
        zone = {ZONE: changes.availability_zone} if ZONE in changes.model_fields_set else {}
        return _respond_aggregate(
            request, await self._flows.aggregates.update(ctx, request.match_info["aggregate"], changes.name, zone)
        )

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /os-aggregates/{id}``"""
        ctx, _ = unpack(request)
        await self._flows.aggregates.delete(ctx, request.match_info["aggregate"])
        return respond(200)

    async def action(self, request: web.Request) -> web.Response:
        """``POST /os-aggregates/{id}/action``: add_host, remove_host, set_metadata."""
        ctx, _ = unpack(request)
        flows, (name, value) = self._flows.aggregates, named_action(await json_body(request))
        if name == "set_metadata":
            metadata = read(AggregateMetadata, value).metadata
            return _respond_aggregate(request, await flows.set_metadata(ctx, request.match_info["aggregate"], metadata))
        if name not in ("add_host", "remove_host"):
            raise BadRequest(f"There is no such action: {name[:100]}")
        change, host = flows.add_host if name == "add_host" else flows.remove_host, read(AggregateHost, value).host
        return _respond_aggregate(request, await change(ctx, request.match_info["aggregate"], host))

    async def images(self, request: web.Request) -> web.Response:
        """``POST /os-aggregates/{id}/images``, since 2.81"""
        require_version(request, (2, 81))
        ctx, _ = unpack(request)
        cache = (await body(request, CacheImages)).cache
        await self._flows.aggregates.cache_images(ctx, request.match_info["aggregate"], [image.id for image in cache])
        return respond(202)


def _respond_aggregate(request: web.Request, aggregate: Aggregate) -> web.Response:
    return respond(200, {"aggregate": aggregate_view(aggregate, request[VERSION])})
