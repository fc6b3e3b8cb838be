"""The addresses of groups of volumes under all of their names, of their types and snapshots; of groups of hosts."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.http.request import VERSION
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.clusters import ClusterHandlers
from stackwire.volume.http.consistency_groups import CgsnapshotHandlers, ConsistencyGroupHandlers
from stackwire.volume.http.group_snapshots import GroupSnapshotHandlers
from stackwire.volume.http.group_types import GroupTypeHandlers
from stackwire.volume.http.groups import GroupHandlers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Row = tuple[str, str, Handler]


def group_routes(flows: ApiFlows, max_limit: int) -> list[Row]:
    """``max_limit``: of a list's page."""
    return [
        *_consistency_groups(ConsistencyGroupHandlers(flows, max_limit)),
        *_cgsnapshots(CgsnapshotHandlers(flows, max_limit)),
        *since((3, 7), _clusters(ClusterHandlers(flows))),
        *since((3, 11), _group_types(GroupTypeHandlers(flows, max_limit))),
        *since((3, 13), _groups(GroupHandlers(flows, max_limit))),
        *since((3, 14), _group_snapshots(GroupSnapshotHandlers(flows, max_limit))),
    ]


def _group_types(types: GroupTypeHandlers) -> list[Row]:
    return [
        ("GET", "/group_types", types.list),
        ("POST", "/group_types", types.create),
        ("GET", "/group_types/default", types.default),
        ("GET", "/group_types/{type_id}", types.show),
        ("PUT", "/group_types/{type_id}", types.update),
        ("DELETE", "/group_types/{type_id}", types.delete),
        ("GET", "/group_types/{type_id}/group_specs", types.show_specs),
        ("POST", "/group_types/{type_id}/group_specs", types.set_specs),
        ("GET", "/group_types/{type_id}/group_specs/{key}", types.show_spec),
        ("PUT", "/group_types/{type_id}/group_specs/{key}", types.set_spec),
        ("DELETE", "/group_types/{type_id}/group_specs/{key}", types.delete_spec),
    ]


def _groups(groups: GroupHandlers) -> list[Row]:
    return [
        ("GET", "/groups", groups.list),
        ("GET", "/groups/detail", groups.detail),
        ("POST", "/groups", groups.create),
        ("POST", "/groups/action", groups.create_from_source),
        ("GET", "/groups/{group_id}", groups.show),
        ("PUT", "/groups/{group_id}", groups.update),
        ("POST", "/groups/{group_id}/action", groups.action),
    ]


def _group_snapshots(snapshots: GroupSnapshotHandlers) -> list[Row]:
    return [
        ("GET", "/group_snapshots", snapshots.list),
        ("GET", "/group_snapshots/detail", snapshots.detail),
        ("POST", "/group_snapshots", snapshots.create),
        ("GET", "/group_snapshots/{group_snapshot_id}", snapshots.show),
        ("PUT", "/group_snapshots/{group_snapshot_id}", snapshots.update),
        ("DELETE", "/group_snapshots/{group_snapshot_id}", snapshots.delete),
        ("POST", "/group_snapshots/{group_snapshot_id}/action", snapshots.action),
    ]


def _consistency_groups(groups: ConsistencyGroupHandlers) -> list[Row]:
    return [
        ("GET", "/consistencygroups", groups.list),
        ("GET", "/consistencygroups/detail", groups.detail),
        ("POST", "/consistencygroups", groups.create),
        ("POST", "/consistencygroups/create_from_src", groups.create_from_source),
        ("GET", "/consistencygroups/{group_id}", groups.show),
        ("PUT", "/consistencygroups/{group_id}", groups.update),
        ("PUT", "/consistencygroups/{group_id}/update", groups.update),
        ("POST", "/consistencygroups/{group_id}/delete", groups.delete),
    ]


def _cgsnapshots(snapshots: CgsnapshotHandlers) -> list[Row]:
    return [
        ("GET", "/cgsnapshots", snapshots.list),
        ("GET", "/cgsnapshots/detail", snapshots.detail),
        ("POST", "/cgsnapshots", snapshots.create),
        ("GET", "/cgsnapshots/{snapshot_id}", snapshots.show),
        ("DELETE", "/cgsnapshots/{snapshot_id}", snapshots.delete),
    ]


def _clusters(clusters: ClusterHandlers) -> list[Row]:
    return [
        ("GET", "/clusters", clusters.list),
        ("GET", "/clusters/detail", clusters.list),
        ("PUT", "/clusters/enable", clusters.enable),
        ("PUT", "/clusters/disable", clusters.disable),
        ("GET", "/clusters/{name}", clusters.show),
    ]


def since(version: tuple[int, int], rows: list[Row]) -> list[Row]:
    """The rows, which before this version lead nowhere."""

    def guarded(handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if request[VERSION] < version:
                raise NotFound
            return await handler(request)

        return handle

    return [(method, path, guarded(handler)) for method, path, handler in rows]
