"""``/os-migrations`` and ``/servers/{id}/migrations``."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain.listing import parse_time
from stackwire.compute.domain.requests import ListMigrationsRequest
from stackwire.compute.http.schemas.server_actions import ForceComplete
from stackwire.compute.http.unpack import (
    MAX_PAGE_ITEMS,
    ApiHandlers,
    check_query,
    page_limit,
    require_version,
    server_id,
    unpack,
)
from stackwire.compute.http.views.links import next_links, root_url
from stackwire.compute.http.views.migrations import migration_view, server_migration_view
from stackwire.core.errors import BadRequest
from stackwire.http.request import body, respond

_FILTERS = ("hidden", "host", "instance_uuid", "source_compute", "status", "migration_type")


class MigrationHandlers(ApiHandlers):
    """``nova/api/openstack/compute/migrations.py: MigrationsController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-migrations``: in pages since 2.59, the newest first."""
        ctx, version = unpack(request)
        wanted = _list_request(request, version)
        found, hosts = await self._flows.migrations.list_page(ctx, wanted)
        visible = [] if request.query.get("hidden", "").lower() in ("1", "t", "true", "on", "y", "yes") else found
        views = [migration_view(each, version, root_url(request), hosts=hosts) for each in visible]
        answer: dict[str, Any] = {"migrations": views}
        if wanted.limit is not None and visible and len(visible) == wanted.limit:
            links = next_links(request, "os-migrations", limit=wanted.limit, marker=visible[-1].uuid)
            answer["migrations_links"] = links
        return respond(200, answer)


def _list_request(request: web.Request, version: tuple[int, int]) -> ListMigrationsRequest:
    """What the version does not know is refused since 2.59, and had no meaning before."""
    pages = ("limit", "marker", "changes-since", *(("changes-before",) if version >= (2, 66) else ()))
    owners = ("user_id", "project_id") if version >= (2, 80) else ()
    check_query(request, *_FILTERS, *pages, *owners, at=(2, 59))
    if version < (2, 59):
        return ListMigrationsRequest(filters=dict(request.query))
    query = request.query
    since, before = (parse_time(query.get(name), name) for name in ("changes-since", "changes-before"))
    if since is not None and before is not None and before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    limit = page_limit(request) if "limit" in query else MAX_PAGE_ITEMS
    page: dict[str, Any] = {"limit": limit, "marker": query.get("marker"), "since": since, "before": before}
    return ListMigrationsRequest(filters=dict(query), **page)


class ServerMigrationHandlers(ApiHandlers):
    """``nova/api/openstack/compute/server_migrations.py: ServerMigrationsController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /servers/{id}/migrations``, since 2.23."""
        require_version(request, (2, 23))
        check_query(request)
        ctx, version = unpack(request)
        found, hosts = await self._flows.migrations.list_live(ctx, server_id(request))
        return respond(200, {"migrations": [server_migration_view(each, version, hosts=hosts) for each in found]})

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../{number}``, since 2.23."""
        require_version(request, (2, 23))
        check_query(request)
        ctx, version = unpack(request)
        found = await self._flows.migrations.get_live(ctx, server_id(request), request.match_info["migration"])
        return respond(200, {"migration": server_migration_view(found, version)})

    async def action(self, request: web.Request) -> web.Response:
        """``POST .../{number}/action``: ``force_complete``, since 2.22."""
        ctx, _ = unpack(request)
        await body(request, ForceComplete)
        require_version(request, (2, 22))
        await self._flows.migrations.force_complete(ctx, server_id(request), request.match_info["migration"])
        return respond(202)

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE .../{number}``, since 2.24."""
        require_version(request, (2, 24))
        ctx, version = unpack(request)
        number = request.match_info["migration"]
        await self._flows.migrations.abort(ctx, server_id(request), number, queued=version >= (2, 65))
        return respond(202)
