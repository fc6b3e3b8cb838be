"""/volumes: list, show, create, update, delete."""

from typing import Any

from aiohttp import web

from stackwire.contracts.volume import VolumeNotFound
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.core.ids import canonical_uuid
from stackwire.http.request import CONTEXT, VERSION, body, flag, respond
from stackwire.volume.db.volumes import Query
from stackwire.volume.domain.model import Wish
from stackwire.volume.flows.all import Flows
from stackwire.volume.http import bodies, views
from stackwire.volume.http.filters import VOLUME_FILTERS, VOLUME_SORTS, query


def volume_id(request: web.Request) -> str:
    """The id in the path; 404 for what cannot be one."""
    text = request.match_info["volume_id"]
    found = canonical_uuid(text)
    if found is None:
        raise VolumeNotFound(volume_id=text[:255])
    return found


class Volumes:
    def __init__(self, flows: Flows, longest: int) -> None:
        self._flows = flows
        self._longest = longest

    def _query(self, request: web.Request) -> Query:
        return query(request, "v", VOLUME_FILTERS, VOLUME_SORTS, self._longest)

    async def list(self, request: web.Request) -> web.Response:
        return await self._list(request, detail=False)

    async def detail(self, request: web.Request) -> web.Response:
        return await self._list(request, detail=True)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        asked = self._query(request)
        found = await self._flows.read.volumes(request[CONTEXT], asked)
        shown = [
            views.volume(request, one, full=True) if detail else views.volume_summary(request, one) for one in found
        ]
        last = found[-1].id if found else None
        answer: dict[str, Any] = {"volumes": shown, **views.next_links(request, "volumes", shown, last, asked.limit)}
        if request[VERSION] >= (3, 45) and flag(request.query.get("with_count", "false"), "with_count"):
            answer["count"] = await self._flows.read.volume_count(request[CONTEXT], self._query(request))
        return respond(200, answer)

    async def summary(self, request: web.Request) -> web.Response:
        if request[VERSION] < (3, 12):
            raise VolumeNotFound(volume_id="summary")
        found = await self._flows.read.summary(request[CONTEXT], self._query(request))
        answer: dict[str, Any] = {"total_size": found["size"], "total_count": found["count"]}
        if request[VERSION] >= (3, 36):
            merged: dict[str, set[str]] = {}
            for metadata in found["metadata"] or ():
                for key, value in metadata.items():
                    merged.setdefault(key, set()).add(value)
            answer["metadata"] = {key: sorted(values) for key, values in merged.items()}
        return respond(200, {"volume-summary": answer})

    async def show(self, request: web.Request) -> web.Response:
        found = await self._flows.read.volume(request[CONTEXT], volume_id(request))
        return respond(200, {"volume": views.volume(request, found, full=True)})

    async def create(self, request: web.Request) -> web.Response:
        asked = await body(request, bodies.CreateVolume)
        if asked.hints:
            raise NotSimulated(what="scheduler hints")
        made = await self._flows.create.accept(request[CONTEXT], _wish(asked.volume, request))
        return respond(202, {"volume": views.volume(request, made, full=False)})

    async def update(self, request: web.Request) -> web.Response:
        asked = (await body(request, bodies.UpdateVolume)).volume
        found = await self._flows.change.volume(request[CONTEXT], volume_id(request), changes_of(asked))
        return respond(200, {"volume": views.volume(request, found, full=False)})

    async def delete(self, request: web.Request) -> web.Response:
        cascade = flag(request.query.get("cascade", "false"), "cascade")
        force = flag(request.query.get("force", "false"), "force")
        if force and request[VERSION] < (3, 23):
            force = False  # earlier versions do not know the word
        await self._flows.delete.accept(request[CONTEXT], volume_id(request), cascade=cascade, force=force)
        return respond(202)


def changes_of(asked: bodies.VolumeChange) -> dict[str, Any]:
    """What is to change; the older names where the newer ones are absent."""
    given = asked.model_dump(exclude_unset=True)
    changes: dict[str, Any] = {}
    for name in ("name", "description"):
        for alias in (f"display_{name}", name):
            if alias in given:
                changes[name] = given[alias]
    if "metadata" in given:
        changes["metadata"] = given["metadata"] or {}
    return changes


def _wish(asked: bodies.NewVolume, request: web.Request) -> Wish:
    for name in ("consistencygroup_id", "group_id", "backup_id", "source_replica"):
        if getattr(asked, name) is not None:
            raise NotSimulated(what=f"the creation of a volume with {name}")
    if asked.imageRef is not None and asked.image_id is not None:
        raise BadRequest("imageRef and image_id are two names for one thing: give one.")
    return Wish(
        size=asked.size,
        name=asked.name if asked.name is not None else asked.display_name,
        description=asked.description if asked.description is not None else asked.display_description,
        image_id=asked.imageRef if asked.imageRef is not None else asked.image_id,
        snapshot_id=asked.snapshot_id,
        source_volid=asked.source_volid,
        volume_type=asked.volume_type,
        availability_zone=asked.availability_zone,
        metadata=asked.metadata or {},
        multiattach=asked.multiattach,
        from_nova_snapshot=request[VERSION] >= (3, 46),
    )
