"""/snapshots: list, show, create, update, delete, actions."""

from typing import Any

from aiohttp import web

from stackwire.contracts.volume import InvalidInput, SnapshotNotFound
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.core.ids import canonical_uuid
from stackwire.http.request import CONTEXT, VERSION, body, flag, json_body, read, respond
from stackwire.volume.domain.states import SNAPSHOT_RESETTABLE
from stackwire.volume.flows.all import Flows
from stackwire.volume.http import bodies, views
from stackwire.volume.http.filters import SNAPSHOT_FILTERS, SNAPSHOT_SORTS, query
from stackwire.volume.http.volumes import changes_of


def snapshot_id(request: web.Request) -> str:
    text = request.match_info["snapshot_id"]
    found = canonical_uuid(text)
    if found is None:
        raise SnapshotNotFound(snapshot_id=text[:255])
    return found


class SnapshotsApi:
    def __init__(self, flows: Flows, longest: int) -> None:
        self._flows = flows
        self._longest = longest

    async def list(self, request: web.Request) -> web.Response:
        return await self._list(request, full=False)

    async def detail(self, request: web.Request) -> web.Response:
        return await self._list(request, full=True)

    async def _list(self, request: web.Request, *, full: bool) -> web.Response:
        asked = query(request, "s", SNAPSHOT_FILTERS, SNAPSHOT_SORTS, self._longest)
        found = await self._flows.read.snapshots(request[CONTEXT], asked)
        shown = [views.snapshot(request, one, full=full, names_only=not full) for one in found]
        last = found[-1].id if found else None
        answer: dict[str, Any] = {
            "snapshots": shown,
            **views.next_links(request, "snapshots", shown, last, asked.limit),
        }
        if request[VERSION] >= (3, 45) and flag(request.query.get("with_count", "false"), "with_count"):
            again = query(request, "s", SNAPSHOT_FILTERS, SNAPSHOT_SORTS, self._longest)
            answer["count"] = await self._flows.read.snapshot_count(request[CONTEXT], again)
        return respond(200, answer)

    async def show(self, request: web.Request) -> web.Response:
        found = await self._flows.read.snapshot(request[CONTEXT], snapshot_id(request))
        return respond(200, {"snapshot": views.snapshot(request, found, full=True)})

    async def create(self, request: web.Request) -> web.Response:
        asked = (await body(request, bodies.CreateSnapshot)).snapshot
        force = bool(asked.force)
        if request[VERSION] >= (3, 66):
            # Snapshots of volumes in use need no force any more, and the word is refused unless it says just that.
            if asked.force is False:
                raise InvalidInput(reason="force=false is not accepted from version 3.66 on.")
            force = True
        made = await self._flows.snapshots.accept(
            request[CONTEXT],
            asked.volume_id,
            name=asked.name if asked.name is not None else asked.display_name,
            description=asked.description if asked.description is not None else asked.display_description,
            metadata=asked.metadata,
            force=force,
        )
        return respond(202, {"snapshot": views.snapshot(request, made, full=False)})

    async def update(self, request: web.Request) -> web.Response:
        asked = (await body(request, bodies.UpdateSnapshot)).snapshot
        found = await self._flows.change.snapshot(request[CONTEXT], snapshot_id(request), changes_of(asked))
        return respond(200, {"snapshot": views.snapshot(request, found, full=False)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.snapshots.delete(request[CONTEXT], snapshot_id(request))
        return respond(202)

    async def action(self, request: web.Request) -> web.Response:
        asked = await json_body(request)
        if not isinstance(asked, dict) or len(asked) != 1:
            raise BadRequest("The body of an action has one key: the action.")
        ((word, value),) = asked.items()
        ident = snapshot_id(request)
        if word == "os-force_delete":
            await self._flows.snapshots.delete(request[CONTEXT], ident, force=True)
        elif word == "os-reset_status":
            status = read(bodies.ResetSnapshotAction, value).status
            if status not in SNAPSHOT_RESETTABLE:
                raise BadRequest(f"Invalid input for field/attribute status. Value: {status}.")
            await self._flows.legacy.reset_snapshot(request[CONTEXT], ident, status)
        elif word in ("os-update_snapshot_status", "os-unmanage"):
            raise NotSimulated(what=f"the action {word}")
        else:
            raise BadRequest(f"There is no such action: {word[:100]}")
        return respond(202)
