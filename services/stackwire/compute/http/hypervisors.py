"""Zones and hypervisors, mostly for administrators."""

import re
from typing import Any

from aiohttp import web

from stackwire.compute.domain.requests import ListHypervisorsRequest
from stackwire.compute.http.unpack import ApiHandlers, page_limit, require_version, unpack
from stackwire.compute.http.views.hypervisors import (
    hypervisor_brief,
    hypervisor_statistics,
    hypervisor_view,
    zones_view,
)
from stackwire.compute.http.views.links import next_links
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.request import flag, respond

_HOSTNAME = re.compile(r"[a-zA-Z0-9._-]{1,255}")


class HypervisorHandlers(ApiHandlers):
    """``nova/api/openstack/compute/hypervisors.py: HypervisorsController``. Ids are uuids since 2.53."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-hypervisors``"""
        return await self._list(request, detailed=False)

    async def detail(self, request: web.Request) -> web.Response:
        """``GET /os-hypervisors/detail``"""
        return await self._list(request, detailed=True)

    async def _list(self, request: web.Request, *, detailed: bool) -> web.Response:
        """In pages since 2.33; by pattern and with servers since 2.53."""
        ctx, version = unpack(request)
        by_uuid, paged = version >= (2, 53), version >= (2, 33)
        pattern = request.query.get("hypervisor_hostname_pattern") if by_uuid else None
        if pattern is not None and not _HOSTNAME.fullmatch(pattern):
            value = pattern[:100]
            raise BadRequest(
                f"Invalid input for query parameters hypervisor_hostname_pattern. Value: {value}. It is no part of a"
                " host's name."
            )
        requested = ListHypervisorsRequest(
            pattern=pattern,
            with_servers=_with_servers(request, version),
            by_uuid=by_uuid,
            limit=page_limit(request) if paged else None,
            marker=request.query.get("marker") if paged else None,
        )
        hypervisors = await self._flows.hosts.list_hypervisors(ctx, requested)
        view = hypervisor_view if detailed else hypervisor_brief
        body: dict[str, Any] = {"hypervisors": [view(hypervisor, version) for hypervisor in hypervisors]}
        if hypervisors and len(hypervisors) == requested.limit:
            marker = str(body["hypervisors"][-1]["id"])
            path = "os-hypervisors/detail" if detailed else "os-hypervisors"
            body["hypervisors_links"] = next_links(request, path, limit=requested.limit, marker=marker)
        return respond(200, body)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-hypervisors/{id}``"""
        ctx, version = unpack(request)
        hypervisor = await self._flows.hosts.get_hypervisor(
            ctx,
            request.match_info["hypervisor"],
            by_uuid=version >= (2, 53),
            with_servers=_with_servers(request, version),
        )
        return respond(200, {"hypervisor": hypervisor_view(hypervisor, version)})

    async def search(self, request: web.Request) -> web.Response:
        """``GET /os-hypervisors/{pattern}/search``, until 2.52"""
        return await self._search(request, with_servers=False)

    async def servers(self, request: web.Request) -> web.Response:
        """``GET /os-hypervisors/{pattern}/servers``, until 2.52"""
        return await self._search(request, with_servers=True)

    async def _search(self, request: web.Request, *, with_servers: bool) -> web.Response:
        require_version(request, (2, 1), (2, 52))
        ctx, version = unpack(request)
        wanted = ListHypervisorsRequest(pattern=request.match_info["hypervisor"], with_servers=with_servers)
        found = await self._flows.hosts.list_hypervisors(ctx, wanted)
        return respond(200, {"hypervisors": [hypervisor_brief(hypervisor, version) for hypervisor in found]})

    async def uptime(self, request: web.Request) -> web.Response:
        """``GET /os-hypervisors/{id}/uptime``, until 2.87; BadRequest for a host that is down."""
        require_version(request, (2, 1), (2, 87))
        ctx, version = unpack(request)
        ident = request.match_info["hypervisor"]
        found = await self._flows.hosts.get_hypervisor(ctx, ident, by_uuid=version >= (2, 53), with_servers=False)
        if found.uptime is None:
            raise BadRequest("Service is unavailable at this time.")
        return respond(200, {"hypervisor": hypervisor_brief(found, version) | {"uptime": found.uptime}})

    async def statistics(self, request: web.Request) -> web.Response:
        """``GET /os-hypervisors/statistics``, removed in 2.88."""
        require_version(request, (2, 1), (2, 87))
        ctx, _ = unpack(request)
        hypervisors = await self._flows.hosts.list_hypervisors(ctx, ListHypervisorsRequest())
        return respond(200, {"hypervisor_statistics": hypervisor_statistics(hypervisors)})


def _with_servers(request: web.Request, version: Microversion) -> bool:
    return version >= (2, 53) and flag(request.query.get("with_servers", "false"), "with_servers")


class HostHandlers(ApiHandlers):
    """Availability zones."""

    async def list_zones(self, request: web.Request) -> web.Response:
        """``GET /os-availability-zone``"""
        ctx, _ = unpack(request)
        return respond(200, zones_view(await self._flows.hosts.list_zones(ctx)))

    async def detail_zones(self, request: web.Request) -> web.Response:
        """``GET /os-availability-zone/detail``: with the hosts, for administrators."""
        ctx, _ = unpack(request)
        return respond(200, zones_view(await self._flows.hosts.list_zones(ctx, detailed=True), detailed=True))
