"""/manageable_volumes, /manageable_snapshots, and their older names: what lies on back ends."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from stackwire.contracts.volume import InvalidInput
from stackwire.core.errors import NotFound
from stackwire.http.paging import limit_of
from stackwire.http.request import CONTEXT, VERSION, body, respond
from stackwire.volume.domain.listable import integer
from stackwire.volume.domain.listing import MAX_OFFSET
from stackwire.volume.flows.api.manage import ManageableRequest
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.schemas import manage as schemas
from stackwire.volume.http.views import snapshot_view, volume_view

LISTED_SINCE = (3, 8)
CLUSTERS_LISTED_SINCE = (3, 17)
_KEYS, _DIRECTIONS = frozenset({"reference", "size"}), frozenset({"asc", "desc"})
_SUMMARY = {"volumes": "reference size safe_to_manage", "snapshots": "reference size safe_to_manage source_reference"}


class ManageHandlers:
    """``cinder/api/contrib/volume_manage.py, snapshot_manage.py``, ``v3/resource_common_manage.py``.

    ``kind``: volumes or snapshots; ``since``: of the newer names, under which lists came later.
    """

    def __init__(self, flows: ApiFlows, max_limit: int, kind: str, *, newer: bool) -> None:
        self._flows = flows.manage
        self._max_limit = max_limit
        self._kind = kind
        self._newer = newer

    async def create(self, request: web.Request) -> web.Response:
        if self._kind == "volumes":
            given = (await body(request, schemas.ManageVolumeBody)).volume
            self._flows.check_manage(request[CONTEXT])
            volume = await self._flows.manage_volume(request[CONTEXT], given.to_request(request[VERSION]))
            return respond(202, {"volume": volume_view(request, volume, full=False, versioned=False)})
        wanted = (await body(request, schemas.ManageSnapshotBody)).snapshot
        snapshot = await self._flows.manage_snapshot(
            request[CONTEXT], wanted.to_request(), schemas.reference(wanted.ref)
        )
        return respond(202, {"snapshot": snapshot_view(request, snapshot, extended=False)})

    async def list(self, request: web.Request) -> web.Response:
        found = await self._found(request)
        names = _SUMMARY[self._kind].split()
        return respond(200, {f"manageable-{self._kind}": [{name: entry[name] for name in names} for entry in found]})

    async def detail(self, request: web.Request) -> web.Response:
        return respond(200, {f"manageable-{self._kind}": await self._found(request)})

    async def _found(self, request: web.Request) -> Sequence[dict[str, Any]]:
        if self._newer and request[VERSION] < LISTED_SINCE:
            raise NotFound
        self._flows.check_list(request[CONTEXT], self._kind)
        query = request.query
        clustered = request[VERSION] >= CLUSTERS_LISTED_SINCE
        wanted = ManageableRequest(
            host=schemas.one_host(query.get("host"), query.get("cluster"), clustered=clustered),
            marker=query.get("marker"),
            limit=limit_of(request, self._max_limit),
            offset=integer(query.get("offset", "0"), "offset", MAX_OFFSET),
            order=_order(query),
        )
        flow = self._flows.list_volumes if self._kind == "volumes" else self._flows.list_snapshots
        return await flow(request[CONTEXT], wanted)


def _order(query: Any) -> tuple[tuple[str, str], ...]:
    """By ``sort=key:direction,...`` or ``sort_key`` and ``sort_dir``; InvalidInput for any other than there are."""
    if "sort" in query:
        pairs = [part.strip().partition(":") for part in query["sort"].split(",")]
        order = [(key.strip(), direction.strip() or "desc") for key, _, direction in pairs]
    else:
        order = [(query.get("sort_key", "reference").strip(), query.get("sort_dir", "desc").strip())]
    if wrong := [key for key, _ in order if key not in _KEYS]:
        raise InvalidInput(reason=f"Invalid sort keys passed: {', '.join(wrong)[:255]}")
    if wrong := [direction for _, direction in order if direction not in _DIRECTIONS]:
        raise InvalidInput(reason=f"Invalid sort dirs passed: {', '.join(wrong)[:255]}")
    return tuple(order)
