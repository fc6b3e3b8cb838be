"""/groups, from 3.13: list, show, create, update, actions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from stackwire.core.attributes import attributes
from stackwire.core.errors import NotFound
from stackwire.http.request import CONTEXT, VERSION, body, flag, read, respond
from stackwire.volume.domain.errors import NoSuchAction
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.listable import GROUPS
from stackwire.volume.domain.notifications import naive
from stackwire.volume.domain.objects import REPLICATION_STATUS
from stackwire.volume.http.action_body import named_action
from stackwire.volume.http.lists import ListHandlers
from stackwire.volume.http.schemas import groups as schemas
from stackwire.volume.http.views import next_links

_REPLICATION: Mapping[str, type[BaseModel]] = {
    "enable_replication": schemas.ReplicationAction,
    "disable_replication": schemas.ReplicationAction,
    "list_replication_targets": schemas.ReplicationAction,
    "failover_replication": schemas.FailoverAction,
}


class GroupHandlers(ListHandlers):
    """``cinder/api/v3/groups.py: GroupsController``."""

    async def show(self, request: web.Request) -> web.Response:
        group = await self._flows.groups.get(request[CONTEXT], _group_id(request))
        (view,) = await self._views(request, [group])
        return respond(200, {"group": view})

    async def create(self, request: web.Request) -> web.Response:
        wanted = (await body(request, schemas.CreateGroupBody)).group.to_request()
        group = await self._flows.groups.create(request[CONTEXT], wanted)
        return respond(202, {"group": attributes(group, "id name")})

    async def update(self, request: web.Request) -> web.Response:
        changes = (await body(request, schemas.UpdateGroupBody)).group.to_request()
        await self._flows.group_changes.update(request[CONTEXT], _group_id(request), changes)
        return respond(202)

    async def create_from_source(self, request: web.Request) -> web.Response:
        """The only action that is no group's."""
        name, argument = await named_action(request)
        if name != "create-from-src":
            raise NoSuchAction(name=name[:100])
        if request[VERSION] < (3, 14):
            raise NotFound
        wanted = read(schemas.CreateFromSourceAction, argument).to_request()
        group = await self._flows.group_sources.create(request[CONTEXT], wanted)
        return respond(202, {"group": attributes(group, "id name")})

    async def action(self, request: web.Request) -> web.Response:
        name, argument = await named_action(request)
        since, act = self._actions(name)
        if request[VERSION] < since:
            raise NotFound
        await act(request, argument)
        return respond(202)

    def _actions(self, name: str) -> tuple[tuple[int, int], Callable[[web.Request, Any], Awaitable[None]]]:
        """Since when there is an action, and what it does. NoSuchAction."""
        if name == "delete":
            return (3, 13), self._delete
        if name == "reset_status":
            return (3, 20), self._reset_status
        if name not in _REPLICATION:
            raise NoSuchAction(name=name[:100])

        async def replicate(request: web.Request, argument: Any) -> None:
            read(_REPLICATION[name], argument)
            await self._flows.groups.check_replication(request[CONTEXT], _group_id(request), name)

        return (3, 38), replicate

    async def _delete(self, request: web.Request, argument: Any) -> None:
        given = read(schemas.DeleteAction, argument)
        await self._flows.group_changes.delete(
            request[CONTEXT], _group_id(request), delete_volumes=given.delete_volumes
        )

    async def _reset_status(self, request: web.Request, argument: Any) -> None:
        status = read(schemas.ResetStatusAction, argument).status
        await self._flows.groups.reset_status(request[CONTEXT], _group_id(request), status)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        listing = self._listing(request, GROUPS)
        page = await self._flows.groups.list_page(request[CONTEXT], listing)
        views = await self._views(request, page) if detail else [attributes(group, "id name") for group in page]
        return respond(200, {"groups": views, **next_links(request, "group", page, listing.limit)})

    async def _views(self, request: web.Request, page: Sequence[Group]) -> list[dict[str, Any]]:
        wanted = request[VERSION] >= (3, 25) and flag(request.query.get("list_volume", "false"), "list_volume")
        volumes = await self._flows.groups.get_volumes(request[CONTEXT], page) if wanted else None
        return [_view(request, group, volumes) for group in page]


def _group_id(request: web.Request) -> str:
    return request.match_info["group_id"]


def _view(request: web.Request, group: Group, volumes: dict[str, list[str]] | None) -> dict[str, Any]:
    version = request[VERSION]
    view: dict[str, Any] = {
        **attributes(group, "id status availability_zone name description"),
        "created_at": naive(group.created_at),
        "group_type": group.group_type_id,
        "volume_types": group.volume_type_ids,
    }
    if version >= (3, 14):
        view |= attributes(group, "group_snapshot_id source_group_id")
    if volumes is not None:
        view["volumes"] = volumes.get(group.id, [])
    if version >= (3, 38):
        view["replication_status"] = REPLICATION_STATUS
    if version >= (3, 58) and request[CONTEXT].is_admin:
        view["project_id"] = group.project_id
    return view
