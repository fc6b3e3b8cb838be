"""Role assignments by place and actor, the list of them all, and implied roles."""

from typing import Any, get_args

from aiohttp import web

from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, flag, respond
from stackwire.identity.db.grants import FILTERS, Actor, Place, Spot
from stackwire.identity.db.entities import ROLE, Row
from stackwire.identity.flows.api.grants import Grants
from stackwire.identity.http.envelopes import page

PLACES: tuple[Place, ...] = get_args(Place)
ACTORS: tuple[Actor, ...] = get_args(Actor)


def path_of(place: Place, actor: Actor) -> str:
    """``/v3/projects/{place}/users/{actor}/roles`` and its five siblings."""
    where = "/v3/system" if place == "system" else f"/v3/{place}s/{{place}}"
    return f"{where}/{actor}s/{{actor}}/roles"


class SpotHandlers:
    """The roles of one kind of actor in one kind of place."""

    def __init__(self, grants: Grants, place: Place, actor: Actor) -> None:
        self._grants = grants
        self._place = place
        self._actor = actor

    async def add(self, request: web.Request) -> web.Response:
        await self._grants.add(request[CONTEXT], self._spot(request), request.match_info["role"])
        return respond(204)

    async def check(self, request: web.Request) -> web.Response:
        await self._grants.check(request[CONTEXT], self._spot(request), request.match_info["role"])
        return respond(204)

    async def remove(self, request: web.Request) -> web.Response:
        await self._grants.remove(request[CONTEXT], self._spot(request), request.match_info["role"])
        return respond(204)

    async def list(self, request: web.Request) -> web.Response:
        return page(request, ROLE, await self._grants.roles_at(request[CONTEXT], self._spot(request)))

    def _spot(self, request: web.Request) -> Spot:
        found = request.match_info
        return Spot(self._actor, found["actor"], self._place, found.get("place"))


class AssignmentHandlers:
    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def list(self, request: web.Request) -> web.Response:
        query = request.query
        for name in query:
            if name in ("include_subtree", "scope.OS-INHERIT:inherited_to"):
                raise NotSimulated(what=f"'{name}' of role assignments")
            if name not in (*FILTERS, "scope.system", "effective", "include_names"):
                raise BadRequest(f"Unknown filter '{name[:100]}' for role assignments.")
        rows = await self._grants.assignments(
            request[CONTEXT],
            {name: query[name] for name in FILTERS if name in query},
            system="scope.system" in query,
            effective=_asked(request, "effective"),
        )
        names = _asked(request, "include_names")
        listed = [_assignment(origin(request), row, names) for row in rows]
        links = {"next": None, "self": str(request.url), "previous": None}
        return respond(200, {"role_assignments": listed, "links": links})


class ImpliedHandlers:
    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def add(self, request: web.Request) -> web.Response:
        found = request.match_info
        row = await self._grants.imply(request[CONTEXT], found["id"], found["implied"])
        return respond(201, {"role_inference": _inference(request, row)})

    async def show(self, request: web.Request) -> web.Response:
        found = request.match_info
        row = await self._grants.implied(request[CONTEXT], found["id"], found["implied"])
        return respond(200, {"role_inference": _inference(request, row)})

    async def check(self, request: web.Request) -> web.Response:
        await self._grants.implied(request[CONTEXT], request.match_info["id"], request.match_info["implied"])
        return respond(204)

    async def remove(self, request: web.Request) -> web.Response:
        await self._grants.unimply(request[CONTEXT], request.match_info["id"], request.match_info["implied"])
        return respond(204)

    async def of_role(self, request: web.Request) -> web.Response:
        prior_id = request.match_info["id"]
        rows = await self._grants.inferences(request[CONTEXT], prior_id)
        implied = [_role(request, row["implied_id"], row["implied_name"]) for row in rows]
        prior = _role(request, prior_id, rows[0]["prior_name"]) if rows else {"id": prior_id}
        body = {"role_inference": {"prior_role": prior, "implies": implied}, "links": {"self": str(request.url)}}
        return respond(200, body)

    async def all(self, request: web.Request) -> web.Response:
        rows = await self._grants.inferences(request[CONTEXT], None)
        priors = dict.fromkeys((row["prior_id"], row["prior_name"]) for row in rows)
        listed = [
            {
                "prior_role": _role(request, prior_id, name),
                "implies": [
                    _role(request, row["implied_id"], row["implied_name"])
                    for row in rows
                    if row["prior_id"] == prior_id
                ],
            }
            for prior_id, name in priors
        ]
        return respond(200, {"role_inferences": listed, "links": {"self": str(request.url)}})


def _asked(request: web.Request, name: str) -> bool:
    """``?effective`` alone means yes, as in Keystone."""
    value = request.query.get(name)
    return value is not None and (value == "" or flag(value, name))


def _role(request: web.Request, id: str, name: str) -> dict[str, Any]:
    return {"id": id, "name": name, "links": {"self": f"{origin(request)}/v3/roles/{id}"}}


def _inference(request: web.Request, row: Row) -> dict[str, Any]:
    return {
        "prior_role": _role(request, row["prior_id"], row["prior_name"]),
        "implies": _role(request, row["implied_id"], row["implied_name"]),
    }


def _assignment(base: str, row: Row, names: bool) -> dict[str, Any]:
    """One assignment as Keystone lists it."""

    def named(kind: str) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": row[f"{kind}_id"]}
        if names:
            shown["name"] = row[f"{kind}_name"]
            if f"{kind}_domain_id" in row:
                shown["domain"] = {"id": row[f"{kind}_domain_id"], "name": row[f"{kind}_domain_name"]}
        return shown

    actor = "user" if row["user_id"] is not None else "group"
    place = next((kind for kind in ("project", "domain") if row[f"{kind}_id"] is not None), None)
    where = f"{place}s/{row[f'{place}_id']}" if place else "system"
    self_url = f"{base}/v3/{where}/{actor}s/{row[f'{actor}_id']}/roles/{row['role_id']}"
    return {
        "role": named("role"),
        actor: named(actor),
        "scope": {place: named(place)} if place else {"system": {"all": True}},
        "links": {"assignment": self_url},
    }
