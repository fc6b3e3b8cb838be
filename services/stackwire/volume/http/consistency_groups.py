"""/consistencygroups and /cgsnapshots: what groups and their snapshots were called before 3.13.

No back end here can have them, as is so of most of Cinder's: a new one ends in ``error``.
"""

from typing import Any

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.http.request import CONTEXT, VERSION, body, json_body, read, respond
from stackwire.volume.domain.group_model import Group, GroupSnapshot
from stackwire.volume.domain.listable import CONSISTENCY_GROUPS, integer
from stackwire.volume.domain.listing import MAX_OFFSET, Listing
from stackwire.volume.domain.notifications import naive
from stackwire.volume.http.lists import ListHandlers, list_request
from stackwire.volume.http.schemas import consistency_groups as schemas
from stackwire.volume.http.views import next_links


class ConsistencyGroupHandlers(ListHandlers):
    """``cinder/api/contrib/consistencygroups.py``, ``cinder/api/v3/consistencygroups.py``."""

    async def show(self, request: web.Request) -> web.Response:
        group = await self._flows.consistency_groups.groups.get(request[CONTEXT], request.match_info["group_id"])
        return respond(200, {"consistencygroup": _group_view(group)})

    async def create(self, request: web.Request) -> web.Response:
        wanted = (await body(request, schemas.CreateConsistencyGroupBody)).consistencygroup.to_request()
        group = await self._flows.consistency_groups.groups.create(request[CONTEXT], wanted)
        return respond(202, {"consistencygroup": attributes(group, "id name")})

    async def create_from_source(self, request: web.Request) -> web.Response:
        wanted = (await body(request, schemas.CreateFromSourceBody)).source.to_request()
        group = await self._flows.consistency_groups.sources.create(request[CONTEXT], wanted)
        return respond(202, {"consistencygroup": attributes(group, "id name")})

    async def update(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.UpdateConsistencyGroupBody)).consistencygroup
        changes = given.to_request(request[VERSION])
        await self._flows.consistency_groups.changes.update(request[CONTEXT], request.match_info["group_id"], changes)
        return respond(202)

    async def delete(self, request: web.Request) -> web.Response:
        """Without a body, or with an empty one, it is not forced."""
        given = await json_body(request) if request.body_exists else None
        force = bool(given) and read(schemas.DeleteBody, given).consistencygroup.force
        await self._flows.consistency_groups.changes.delete(
            request[CONTEXT], request.match_info["group_id"], delete_volumes=force
        )
        return respond(202)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        listing = self._listing(request, CONSISTENCY_GROUPS)
        page = await self._flows.consistency_groups.groups.list_page(request[CONTEXT], listing)
        views = [_group_view(group) if detail else attributes(group, "id name") for group in page]
        links = next_links(request, "consistencygroup", page, listing.limit)
        return respond(200, {"consistencygroups": views, **links})


class CgsnapshotHandlers(ListHandlers):
    """``cinder/api/contrib/cgsnapshots.py``."""

    async def show(self, request: web.Request) -> web.Response:
        found = await self._flows.consistency_groups.snapshots.get(request[CONTEXT], request.match_info["snapshot_id"])
        return respond(200, {"cgsnapshot": _snapshot_view(found)})

    async def create(self, request: web.Request) -> web.Response:
        wanted = (await body(request, schemas.CreateCgsnapshotBody)).cgsnapshot.to_request()
        created = await self._flows.consistency_groups.snapshots.create(request[CONTEXT], wanted)
        return respond(202, {"cgsnapshot": attributes(created, "id name")})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.consistency_groups.snapshots.delete(request[CONTEXT], request.match_info["snapshot_id"])
        return respond(202)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        listing = Listing(
            project_id=request[CONTEXT].project_id or "",
            limit=list_request(request, self._max_limit).limit,
            offset=integer(request.query.get("offset", "0"), "offset", MAX_OFFSET),
        )
        page = await self._flows.consistency_groups.snapshots.list_page(request[CONTEXT], listing)
        views = [_snapshot_view(found) if detail else attributes(found, "id name") for found in page]
        return respond(200, {"cgsnapshots": views})


def _group_view(group: Group) -> dict[str, Any]:
    return {
        **attributes(group, "id status availability_zone name description"),
        "created_at": naive(group.created_at),
        "volume_types": group.volume_type_ids,
    }


def _snapshot_view(found: GroupSnapshot) -> dict[str, Any]:
    return {
        **attributes(found, "id status name description"),
        "consistencygroup_id": found.group_id,
        "created_at": naive(found.created_at),
    }
